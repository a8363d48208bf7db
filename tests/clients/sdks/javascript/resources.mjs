import {
  AddPermissionCommand,
  CreateAliasCommand,
  CreateEventSourceMappingCommand,
  CreateFunctionUrlConfigCommand,
  DeleteAliasCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionEventInvokeConfigCommand,
  DeleteFunctionUrlConfigCommand,
  GetAccountSettingsCommand,
  GetAliasCommand,
  GetEventSourceMappingCommand,
  GetFunctionCommand,
  GetFunctionEventInvokeConfigCommand,
  GetFunctionUrlConfigCommand,
  GetPolicyCommand,
  ListFunctionEventInvokeConfigsCommand,
  ListTagsCommand,
  paginateListEventSourceMappings,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionEventInvokeConfigCommand,
  UpdateFunctionUrlConfigCommand,
} from "@aws-sdk/client-lambda";
import { call } from "./functions.mjs";
import { client, FunctionName, isRecent, NO_REVISION, pause, refusal } from "./client.mjs";

const send = (Command, input = {}) => client.send(new Command({ FunctionName, ...input }));

export async function settings() {
  const put = await send(PutFunctionEventInvokeConfigCommand, {
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: process.env.OTHER } },
  });
  await send(UpdateFunctionEventInvokeConfigCommand, { MaximumEventAgeInSeconds: 60 });
  const got = await send(GetFunctionEventInvokeConfigCommand);
  const listed = (await send(ListFunctionEventInvokeConfigsCommand)).FunctionEventInvokeConfigs.length;
  await send(DeleteFunctionEventInvokeConfigCommand);
  const gone = await refusal(send(GetFunctionEventInvokeConfigCommand));

  await send(PutFunctionConcurrencyCommand, { ReservedConcurrentExecutions: 3 });
  const fn = await send(GetFunctionCommand);
  const Resource = fn.Configuration.FunctionArn;
  await client.send(new TagResourceCommand({ Resource, Tags: { équipe: "thé" } }));
  const { Tags: tags } = await client.send(new ListTagsCommand({ Resource }));
  await client.send(new UntagResourceCommand({ Resource, TagKeys: ["équipe"] }));
  const { Tags: left } = await client.send(new ListTagsCommand({ Resource }));
  const { Statement } = await send(AddPermissionCommand, {
    StatementId: "events",
    Action: "lambda:InvokeFunction",
    Principal: "events.amazonaws.com",
  });
  const { Policy } = await send(GetPolicyCommand);
  const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
  return {
    put: {
      retries: put.MaximumRetryAttempts,
      age: put.MaximumEventAgeInSeconds ?? null,
      recent: isRecent(put.LastModified),
    },
    got: {
      retries: got.MaximumRetryAttempts,
      age: got.MaximumEventAgeInSeconds,
      failure: got.DestinationConfig.OnFailure.Destination,
    },
    listed,
    gone,
    reserved: fn.Concurrency.ReservedConcurrentExecutions,
    tags: [tags, Object.keys(left).length],
    statement: [JSON.parse(Statement).Sid, JSON.parse(Policy).Statement.length],
    account: {
      concurrency: AccountLimit.ConcurrentExecutions,
      unreserved: AccountLimit.UnreservedConcurrentExecutions,
      storage: AccountLimit.TotalCodeSize,
    },
    url: await address(),
  };
}

async function address() {
  const Cors = { AllowOrigins: ["https://shop.example"], MaxAge: 300 };
  const created = await send(CreateFunctionUrlConfigCommand, { AuthType: "AWS_IAM", InvokeMode: "RESPONSE_STREAM", Cors });
  await send(UpdateFunctionUrlConfigCommand, { AuthType: "NONE" });
  const found = await send(GetFunctionUrlConfigCommand);
  await send(DeleteFunctionUrlConfigCommand);
  return {
    sameAddress: created.FunctionUrl === found.FunctionUrl,
    before: created.AuthType,
    after: found.AuthType,
    mode: found.InvokeMode,
    origins: found.Cors.AllowOrigins,
    maxAge: found.Cors.MaxAge,
  };
}

export async function aliases() {
  const Name = "live";
  const created = await send(CreateAliasCommand, {
    Name,
    FunctionVersion: "1",
    Description: "en ligne",
    RoutingConfig: { AdditionalVersionWeights: { 2: 0.5 } },
  });
  const versions = new Set();
  for (let times = 0; times < 60; times++) {
    versions.add((await call("{}", { Qualifier: Name })).ExecutedVersion);
  }
  const stale = await refusal(send(UpdateAliasCommand, { Name, RevisionId: NO_REVISION }));
  await send(UpdateAliasCommand, {
    Name,
    FunctionVersion: "2",
    RevisionId: created.RevisionId,
    RoutingConfig: { AdditionalVersionWeights: {} },
  });
  const moved = await send(GetAliasCommand, { Name });
  const after = await call("{}", { Qualifier: Name });
  await send(DeleteAliasCommand, { Name });
  return {
    weights: created.RoutingConfig.AdditionalVersionWeights,
    description: created.Description,
    versions: [...versions].sort(),
    stale,
    moved: {
      version: moved.FunctionVersion,
      hasRouting: moved.RoutingConfig !== undefined,
      executed: after.ExecutedVersion,
    },
    gone: await refusal(send(GetAliasCommand, { Name })),
  };
}

async function settled(UUID, state) {
  for (const end = Date.now() + 120_000; Date.now() < end; await pause()) {
    const found = await client.send(new GetEventSourceMappingCommand({ UUID }));
    if (found.State === state) return found;
  }
  throw new Error(`the mapping is not ${state}`);
}

export async function mapping() {
  const created = await send(CreateEventSourceMappingCommand, {
    EventSourceArn: process.env.SOURCE,
    BatchSize: 5,
    MaximumBatchingWindowInSeconds: 1,
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    ScalingConfig: { MaximumConcurrency: 2 },
    FilterCriteria: { Filters: [{ Pattern: '{"body": {"tea": ["green"]}}' }] },
  });
  const { UUID } = created;
  const enabled = await settled(UUID, "Enabled");
  const listed = [];
  for await (const page of paginateListEventSourceMappings({ client, pageSize: 1 }, { FunctionName })) {
    listed.push(...page.EventSourceMappings.map((one) => one.UUID === UUID));
  }
  const updated = await client.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 7, Enabled: false }));
  const disabled = await settled(UUID, "Disabled");
  const deleted = await client.send(new DeleteEventSourceMappingCommand({ UUID }));
  let gone = null;
  for (const end = Date.now() + 120_000; gone === null && Date.now() < end; await pause()) {
    gone = await refusal(client.send(new GetEventSourceMappingCommand({ UUID })));
  }
  return {
    created: {
      state: created.State,
      batchSize: created.BatchSize,
      window: created.MaximumBatchingWindowInSeconds,
      responses: created.FunctionResponseTypes,
      concurrency: created.ScalingConfig.MaximumConcurrency,
      pattern: created.FilterCriteria.Filters[0].Pattern,
      recent: isRecent(created.LastModified),
      source: created.EventSourceArn,
      function: created.FunctionArn,
    },
    enabled: enabled.BatchSize,
    listed,
    updated: updated.BatchSize,
    disabled: disabled.BatchSize,
    deleted: deleted.State,
    gone: gone?.code,
  };
}
