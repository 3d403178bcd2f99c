import { openAsBlob } from "node:fs";
import { Api, type HttpResponse, type Problem } from "./generated/swagger_typescript_api/api";

const [url, photo] = process.argv.slice(2);
const api = new Api({ baseUrl: url });
const file = (await openAsBlob(photo)) as File;
const { data } = await api.detect.detect({ file }, { confidence: 0.5 });
const refused: HttpResponse<unknown, Problem> = await api.detect
  .detect({ file: new Blob(["text"]) as File })
  .catch((error) => error);
const boxes = data.detections.map((one) => [one.label, one.boundingBox]);
console.log(JSON.stringify([refused.error.code, boxes]));
