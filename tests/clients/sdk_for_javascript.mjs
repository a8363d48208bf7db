// Drives a Lambent through the AWS SDK for JavaScript and prints what it saw as one JSON document.
// Arguments: nothing; AWS_ENDPOINT_URL, AWS_REGION and credentials come from the environment, the package from PACKAGE.
import { readFileSync } from "node:fs";
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  InvokeCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";

const client = new LambdaClient({ maxAttempts: 1 });
const FunctionName = "from-javascript";
const text = (bytes) => Buffer.from(bytes ?? []).toString();
const seen = {};

const created = await client.send(
  new CreateFunctionCommand({
    FunctionName,
    Runtime: "python3.11",
    Handler: "app.handler",
    Role: "arn:aws:iam::000000000000:role/any",
    Code: { ZipFile: readFileSync(process.env.PACKAGE) },
    Environment: { Variables: { GREETING: "Grüezi" } },
  }),
);
seen.created = created.State;
const limits = { client, minDelay: 0.05, maxDelay: 0.1, maxWaitTime: 20 };
seen.waiter = (await waitUntilFunctionActiveV2(limits, { FunctionName })).state;

const answer = await client.send(
  new InvokeCommand({ FunctionName, Payload: JSON.stringify({ name: "Zoë" }), LogType: "Tail" }),
);
seen.answer = JSON.parse(text(answer.Payload));
seen.status = answer.StatusCode;
seen.executedVersion = answer.ExecutedVersion;
seen.log = Buffer.from(answer.LogResult, "base64").toString();

const failed = await client.send(new InvokeCommand({ FunctionName, Payload: "{}" }));
seen.functionError = failed.FunctionError;
seen.errorMessage = JSON.parse(text(failed.Payload)).errorMessage;

seen.event = (
  await client.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload: JSON.stringify({ name: "x" }) }))
).StatusCode;
seen.dryRun = (await client.send(new InvokeCommand({ FunctionName, InvocationType: "DryRun" }))).StatusCode;

await client.send(new DeleteFunctionCommand({ FunctionName }));
try {
  await client.send(new GetFunctionCommand({ FunctionName }));
} catch (error) {
  seen.missing = { name: error.name, status: error.$metadata.httpStatusCode, message: error.message };
}
console.log(JSON.stringify(seen));
