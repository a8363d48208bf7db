import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetProvisionedConcurrencyConfigCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  LambdaClient,
  ListFunctionsCommand,
  paginateListAliases,
  paginateListFunctions,
  paginateListVersionsByFunction,
  PublishLayerVersionCommand,
  PublishVersionCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
  waitUntilPublishedVersionActive,
} from "@aws-sdk/client-lambda";
import { client, decoded, FunctionName, NO_REVISION, refusal, text } from "./client.mjs";

const limits = { client, minDelay: 0.05, maxDelay: 0.1, maxWaitTime: 120 };

export async function life() {
  const code = readFileSync(process.env.PACKAGE);
  const request = {
    FunctionName,
    Runtime: "python3.13",
    Handler: "app.handler",
    Role: "arn:aws:iam::000000000000:role/any",
    Code: { ZipFile: code },
    Environment: { Variables: { GREETING: "Grüezi" } },
    Timeout: 5,
  };
  const created = await client.send(new CreateFunctionCommand(request));
  await waitUntilFunctionActiveV2(limits, { FunctionName });
  const found = await client.send(new GetFunctionCommand({ FunctionName }));
  const fn = found.Configuration;
  const again = await refusal(client.send(new CreateFunctionCommand(request)));
  const configured = await client.send(
    new UpdateFunctionConfigurationCommand({ FunctionName, Timeout: 7, RevisionId: fn.RevisionId }),
  );
  await waitUntilFunctionUpdatedV2(limits, { FunctionName });
  await client.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: code }));
  await waitUntilFunctionUpdatedV2(limits, { FunctionName });
  const published = await client.send(new PublishVersionCommand({ FunctionName, Description: "première" }));
  const first = await waitUntilPublishedVersionActive(limits, { FunctionName, Qualifier: "1" });
  const fetched = Buffer.from(await (await fetch(found.Code.Location)).arrayBuffer());
  await client.send(new DeleteFunctionCommand({ FunctionName }));
  return {
    created: { state: created.State, reason: created.StateReasonCode, arn: created.FunctionArn },
    function: {
      state: fn.State,
      update: fn.LastUpdateStatus,
      runtime: fn.Runtime,
      handler: fn.Handler,
      memorySize: fn.MemorySize,
      timeout: fn.Timeout,
      storage: fn.EphemeralStorage.Size,
      architecture: fn.Architectures,
      packageType: fn.PackageType,
      codeSize: fn.CodeSize,
      variables: fn.Environment.Variables,
      tracing: fn.TracingConfig.Mode,
      logFormat: fn.LoggingConfig.LogFormat,
      logGroup: fn.LoggingConfig.LogGroup,
      snapStart: fn.SnapStart.ApplyOn,
      version: fn.Version,
    },
    sameSum: fn.CodeSha256 === createHash("sha256").update(code).digest("base64"),
    sameCode: fetched.equals(code),
    again,
    configured: { timeout: configured.Timeout, update: configured.LastUpdateStatus },
    published: {
      version: published.Version,
      description: published.Description,
      state: first.state === "SUCCESS" ? "Active" : first.state,
    },
    missing: await refusal(client.send(new GetFunctionCommand({ FunctionName }))),
  };
}

export const call = (Payload, more = {}) => client.send(new InvokeCommand({ FunctionName, Payload, ...more }));

export async function invoke() {
  const answer = await call('{"name": "Zoë"}', { LogType: "Tail" });
  const failed = await call("{}");
  const event = await call('{"name": "x"}', { InvocationType: "Event" });
  const dry = await call("", { InvocationType: "DryRun" });
  const ClientContext = Buffer.from('{"custom": {"shop": "thé"}}').toString("base64");
  const known = await call('{"name": "x"}', { ClientContext, Qualifier: "1" });
  const byArn = await call('{"name": "x"}', { FunctionName: `${process.env.ARN}:1` });
  const long = "é".repeat(2_500_000);
  const large = await call(JSON.stringify({ name: long }));
  return {
    answer: JSON.parse(text(answer.Payload)),
    status: answer.StatusCode,
    executedVersion: answer.ExecutedVersion,
    noError: answer.FunctionError ?? null,
    log: decoded(answer.LogResult),
    functionError: failed.FunctionError,
    error: JSON.parse(text(failed.Payload)),
    event: { status: event.StatusCode, bytes: event.Payload?.length ?? 0 },
    dryRun: { status: dry.StatusCode, bytes: dry.Payload?.length ?? 0 },
    context: JSON.parse(text(known.Payload)),
    qualified: known.ExecutedVersion,
    byArn: byArn.ExecutedVersion,
    large: JSON.parse(text(large.Payload)).hello === long,
  };
}

export async function errors() {
  const unsigned = new LambdaClient({ maxAttempts: 1, signer: { sign: async (request) => request } });
  const throttled = { FunctionName: "throttled" };
  return {
    missing: await refusal(call("{}", { FunctionName: "nobody" })),
    notJson: await refusal(call("{")),
    tooLarge: await refusal(call(`"${"x".repeat(6_300_000)}"`)),
    throttled: await refusal(client.send(new InvokeCommand(throttled))),
    invalid: await refusal(call("{}", { FunctionName: "not a name" })),
    stream: await refusal(client.send(new InvokeWithResponseStreamCommand(throttled))),
    changed: await refusal(
      client.send(new UpdateFunctionConfigurationCommand({ FunctionName, RevisionId: NO_REVISION, Timeout: 9 })),
    ),
    parameter: await refusal(
      client.send(
        new PublishLayerVersionCommand({ LayerName: "layer", Content: { ZipFile: Buffer.from("no zip file") } }),
      ),
    ),
    provisioned: await refusal(
      client.send(new GetProvisionedConcurrencyConfigCommand({ FunctionName, Qualifier: "1" })),
    ),
    unsigned: await refusal(unsigned.send(new ListFunctionsCommand({}))),
  };
}

// Played as if in a function, with what the SDK reads there.
export async function chain() {
  return {
    invoke: await refusal(call("{}")),
    stream: await refusal(client.send(new InvokeWithResponseStreamCommand({ FunctionName }))),
  };
}

export async function pages() {
  const functions = [];
  let most = 0;
  for await (const page of paginateListFunctions({ client, pageSize: 2 }, {})) {
    functions.push(...page.Functions.map((one) => one.FunctionName));
    most = Math.max(most, page.Functions.length);
  }
  const versions = [];
  for await (const page of paginateListVersionsByFunction({ client, pageSize: 2 }, { FunctionName })) {
    versions.push(...page.Versions.map((one) => one.Version));
  }
  const aliases = [];
  for await (const page of paginateListAliases({ client, pageSize: 1 }, { FunctionName })) {
    aliases.push(...page.Aliases.map((one) => one.Name));
  }
  return { functions: functions.sort(), versions: versions.sort(), aliases: aliases.sort(), most };
}
