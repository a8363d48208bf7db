/** One invocation as the server sends it, and the parts of the context that are the same in all clients. */
"use strict";

const { promisesOnly } = require("./version.cjs");

const FIELDS = 8;

// How the events of CloudFormation's custom resources begin, as Lambent's companion writes them.
const CUSTOM_RESOURCE = '{"RequestType": ';

/** What is the same in every context of one process, read from the environment once. */
function functionFields(environment) {
  const { AWS_LAMBDA_FUNCTION_NAME: functionName, AWS_LAMBDA_FUNCTION_VERSION: functionVersion } = environment;
  return {
    // In the order of AWS's clients, which shows where a function logs its context.
    ...(promisesOnly ? { functionName, functionVersion } : { functionVersion, functionName }),
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
  };
}

/**
 * Take the body of an INVOKE frame apart, and put its trace id into the environment.
 *
 * Fields that the invocation doesn't have are undefined; the two that are JSON and the event stay text.
 */
function parse(buffer, begin, end) {
  let position = begin;
  for (let left = FIELDS; left > 0 && position < end; position += 1) {
    if (buffer[position] === 0) {
      left -= 1;
    }
  }
  const fields = buffer.utf8Slice(begin, position).split("\0");
  const traceId = fields[3] || undefined;
  if (traceId === undefined) {
    delete process.env._X_AMZN_TRACE_ID;
  } else {
    process.env._X_AMZN_TRACE_ID = traceId;
  }
  const event = buffer.utf8Slice(position, end);
  if (event.startsWith(CUSTOM_RESOURCE)) {
    require("./custom_resources.cjs").expectAnswer(event);
  }
  return {
    requestId: fields[0],
    deadlineMs: Number(fields[1]),
    arn: fields[2],
    traceId,
    clientContext: fields[4] || undefined,
    identity: fields[5] || undefined,
    tenantId: fields[6] || undefined,
    event,
  };
}

module.exports = { functionFields, parse };
