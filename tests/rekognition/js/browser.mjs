// In a page: window.detect(ENDPOINT, BYTES) gives what the AWS SDK makes of the server's answer.
import { DetectLabelsCommand, RekognitionClient } from "@aws-sdk/client-rekognition";

window.detect = async (endpoint, bytes) => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  const client = new RekognitionClient({
    endpoint, credentials, region: "eu-central-1", maxAttempts: 1,
  });
  const input = { Image: { Bytes: new Uint8Array(bytes) }, MinConfidence: 10 };
  const { $metadata, Labels } = await client.send(new DetectLabelsCommand(input));
  return { requestId: $metadata.requestId, labels: Labels.map((label) => label.Name) };
};
