import { openAsBlob } from "node:fs";
import createClient from "openapi-fetch";
import type { paths } from "./generated/openapi_typescript/api";

const [url, photo] = process.argv.slice(2);
const client = createClient<paths, `application/${"" | "problem+"}json`>({ baseUrl: url });
const detect = (file: Blob) =>
  client.POST("/detect", {
    params: { query: { confidence: 0.5 } },
    body: { file: file as unknown as string },
    bodySerializer: () => {
      const form = new FormData();
      form.append("file", file);
      return form;
    },
  });
const { data } = await detect(await openAsBlob(photo));
const { error } = await detect(new Blob(["text"]));
if (!data || !error) throw new Error("No answer.");
const boxes: [string, number[]][] = data.detections.map((one) => [one.label, one.boundingBox]);
console.log(JSON.stringify([error.code, boxes]));
