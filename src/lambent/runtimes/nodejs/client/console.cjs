/**
 * The console: what a function says through it is one record of the log, however many lines it has.
 *
 * `process.stdout` and `process.stderr` stay as they are, the descriptors 1 and 2.
 * Layouts, frame types and levels are AWS's. Source: logs-metrics-traces.md sections 3 and 4; observed (AWS's clients).
 */
"use strict";

const { writeSync } = require("node:fs");
const { format } = require("node:util");
const { intoError, logText } = require("./errors.cjs");
const { promisesOnly } = require("./version.cjs");

const FRAME_TYPE_TEXT = 0xa55a0003;
const FRAME_TYPE_JSON = 0xa55a0002;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/** Whose invocation a record belongs to: the one being served, or the last one. */
const current = { requestId: promisesOnly ? "-" : undefined, tenantId: undefined };

let channel;
let jsonFormat = false;

/** Patch the console, by the function's log format and level. */
function install(toChannel, environment) {
  channel = toChannel;
  jsonFormat = environment.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
  const lowest = Math.max(0, LEVELS.indexOf(environment.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()));
  for (const [index, level] of LEVELS.entries()) {
    console[level.toLowerCase()] = index >= lowest ? logger(level, index) : () => {};
  }
  console.log = console.info;
}

function logger(level, index) {
  const frameType = ((jsonFormat ? FRAME_TYPE_JSON : FRAME_TYPE_TEXT) | ((index + 1) << 2)) >>> 0;
  const layout = jsonFormat ? jsonLine : textLine;
  return (message, ...parameters) => {
    const now = new Date();
    send(frameType, now.valueOf(), layout(now.toISOString(), level, message, parameters));
  };
}

function textLine(timestamp, level, message, parameters) {
  return `${timestamp}\t${current.requestId}\t${level}\t${format(message, ...parameters)}\n`;
}

function jsonLine(timestamp, level, message, parameters) {
  const record = { timestamp, level, requestId: current.requestId };
  if (current.tenantId) {
    record.tenantId = current.tenantId;
  }
  if (parameters.length === 0) {
    return jsonOfOne(record, message);
  }
  record.message = format(message, ...parameters);
  // AWS's later client does not look at the first argument.
  const error = (promisesOnly ? parameters : [message, ...parameters]).find((value) => value instanceof Error);
  if (error !== undefined) {
    Object.assign(record, errorFields(error, []));
  }
  return JSON.stringify(record);
}

function jsonOfOne(record, message) {
  record.message = message;
  try {
    return JSON.stringify(record, (_, value) =>
      value instanceof Error ? { ...errorFields(value, value.stack), ...value } : value,
    );
  } catch {
    record.message = format(message);
    return JSON.stringify(record);
  }
}

function errorFields(error, noStack) {
  return {
    errorType: error.constructor?.name ?? "UnknownError",
    errorMessage: error.message,
    stackTrace: typeof error.stack === "string" ? error.stack.split("\n") : noStack,
  };
}

function send(frameType, timestampMs, text) {
  try {
    channel.log(frameType, timestampMs, text);
  } catch {
    // On the pipe a line feed would end the event.
    writeSync(1, `${text.replace(/\n$/, "").replaceAll("\n", "\r")}\n`);
  }
}

/** Log an error that the runtime caught, under AWS's heading for it. */
function logError(heading, error) {
  if (jsonFormat) {
    console.error(intoError(error));
  } else {
    console.error(heading, `\t${logText(intoError(error))}`);
  }
}

module.exports = { current, install, logError };
