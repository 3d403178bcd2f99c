import { openAsBlob } from "node:fs";
import { detect, type DetectionResult } from "./generated/hey_api";
import { client } from "./generated/hey_api/client.gen";

const [url, photo] = process.argv.slice(2);
client.setConfig({ baseUrl: url });
const { data } = await detect({ body: { file: await openAsBlob(photo) }, query: { confidence: 0.5 } });
const { error } = await detect({ body: { file: new Blob(["text"]) } });
if (!data || !error) throw new Error("No answer.");
const { detections } = data as DetectionResult; // or a picture, which was not asked for
console.log(JSON.stringify([error.code, detections.map((one) => [one.label, one.boundingBox])]));
