import { openAsBlob } from "node:fs";
import { Configuration, DetectApi, ResponseError } from "./generated/openapi_generator";

const [url, photo] = process.argv.slice(2);
const api = new DetectApi(new Configuration({ basePath: url }));
const { detections } = await api.detect({ file: await openAsBlob(photo), confidence: 0.5 });
const error = await api.detect({ file: new Blob(["text"]) }).catch((error) => error);
if (!(error instanceof ResponseError)) throw new Error("No refusal.");
const { code } = await error.response.json();
console.log(JSON.stringify([code, detections.map((one) => [one.label, one.boundingBox])]));
