import { openAsBlob } from "node:fs";
import { detect, type DetectionResult, type Problem } from "./generated/orval/api";

// The server's address was given to the generator.
const [, photo] = process.argv.slice(2);
const options = { confidence: 0.5, classes: ["person", "bus"] };
const answer = await detect({ file: await openAsBlob(photo) }, options);
const refused = await detect({ file: new Blob(["text"]) });
if (answer.status !== 200 || refused.status !== 415) throw new Error("No answer.");
const { detections } = answer.data as DetectionResult;
const { code } = refused.data as Problem;
console.log(JSON.stringify([code, detections.map((one) => [one.label, one.boundingBox])]));
