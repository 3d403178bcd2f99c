// node project.mjs ENDPOINT IMAGE VERSION_ARN PROJECT_ARN: starts, waits, detects, stops, detects.
import { readFileSync } from "node:fs";
import {
  DescribeProjectVersionsCommand,
  DetectCustomLabelsCommand,
  RekognitionClient,
  StartProjectVersionCommand,
  StopProjectVersionCommand,
  waitUntilProjectVersionRunning,
} from "@aws-sdk/client-rekognition";

const [endpoint, image, ProjectVersionArn, ProjectArn] = process.argv.slice(2);
const client = new RekognitionClient({ endpoint, maxAttempts: 1 });
const version = { ProjectVersionArn };
const described = { ProjectArn, VersionNames: [ProjectVersionArn.split("/")[3]] };
const detect = new DetectCustomLabelsCommand({ ...version, Image: { Bytes: readFileSync(image) } });

const started = await client.send(new StartProjectVersionCommand({ ...version, MinInferenceUnits: 1 }));
const waited = await waitUntilProjectVersionRunning({ client, maxWaitTime: 60 }, described);
const { CustomLabels } = await client.send(detect);
const stopped = await client.send(new StopProjectVersionCommand(version));
const { ProjectVersionDescriptions } = await client.send(new DescribeProjectVersionsCommand(described));
const { name } = await client.send(detect).catch((error) => error);
console.log(
  JSON.stringify({
    statuses: [started.Status, waited.state, stopped.Status, ProjectVersionDescriptions[0].Status],
    names: CustomLabels.map((one) => one.Name),
    refused: name,
  }),
);
