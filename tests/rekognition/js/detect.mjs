// node detect.mjs ENDPOINT IMAGE REQUEST: what the AWS SDK makes of the server's answer, as JSON.
import { readFileSync } from "node:fs";
import { DetectLabelsCommand, RekognitionClient } from "@aws-sdk/client-rekognition";
import * as sdk from "@aws-sdk/client-rekognition";

const [endpoint, image, request] = process.argv.slice(2);
const client = new RekognitionClient({ endpoint, maxAttempts: 1 });
const input = { Image: { Bytes: readFileSync(image) }, ...JSON.parse(request) };

try {
  const { $metadata, ...answer } = await client.send(new DetectLabelsCommand(input));
  console.log(JSON.stringify({ answer, requestId: $metadata.requestId }));
} catch (error) {
  const { name, message, $metadata } = error;
  const typed = name in sdk && error instanceof sdk[name];
  console.log(JSON.stringify({ name, message, typed, status: $metadata?.httpStatusCode }));
}
