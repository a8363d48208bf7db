/**
 * Errors that the runtime itself names, and what an error looks like to the caller and in the log.
 *
 * Source: invocation.md section 9; observed (AWS's Node.js clients, 3.3.0 for nodejs22.x and earlier, 4.0.2 later).
 */
"use strict";

const { types } = require("node:util");
const { promisesOnly } = require("./version.cjs");

const DELETE = /\x7F/g;

/**
 * An error called `Runtime.<kind>`.
 *
 * The name is a property of the error itself where promises are all there is, as in AWS's client of those versions:
 * the log shows it then, and the stack begins with "Error".
 */
class RuntimeFault extends Error {
  constructor(kind, message, details) {
    super(message);
    if (promisesOnly) {
      this.name = `Runtime.${kind}`;
    }
    Object.assign(this, details);
  }
}

function named(kind) {
  const name = `Runtime.${kind}`;
  const fault = class extends RuntimeFault {
    constructor(message, details) {
      super(kind, message, details);
    }
  };
  Object.defineProperty(fault, "name", { value: kind });
  if (!promisesOnly) {
    Object.defineProperty(fault.prototype, "name", { value: name });
  }
  return fault;
}

/** `error` itself, or an error with its text. */
function intoError(error) {
  return error instanceof Error ? error : new Error(promisesOnly ? String(error) : error);
}

/** The error document of anything that was thrown. */
function errorDocument(error) {
  try {
    if (isError(error)) {
      return {
        errorType: printable(error.name),
        errorMessage: printable(error.message),
        trace: printable(error.stack)?.split("\n") ?? [],
      };
    }
    return { errorType: typeof error, errorMessage: promisesOnly ? String(error) : error.toString(), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, " +
        "name, and stack",
      ...(promisesOnly ? { trace: [] } : {}),
    };
  }
}

function isError(error) {
  if (promisesOnly) {
    return error instanceof Error;
  }
  const looksLikeOne = ["name", "message", "stack"].every((key) => error?.[key] && typeof error[key] === "string");
  return types.isNativeError(error) || looksLikeOne;
}

function printable(text) {
  return text?.replace(DELETE, "%7F");
}

/** An error in one line of JSON for the log, with whatever properties it has. */
function logText(error) {
  try {
    return JSON.stringify(error, (_, value) => (value instanceof Error ? withProperties(value) : value));
  } catch {
    return JSON.stringify(errorDocument(error));
  }
}

function withProperties(error) {
  const all = { errorType: error.name, errorMessage: error.message, code: error.code, ...error };
  if (typeof error.stack === "string") {
    all.stack = error.stack.split("\n");
  }
  return all;
}

module.exports = {
  CallbackHandlerDeprecated: named("CallbackHandlerDeprecated"),
  HandlerNotFound: named("HandlerNotFound"),
  ImportModuleError: named("ImportModuleError"),
  InvalidStreamingOperation: named("InvalidStreamingOperation"),
  JSONStringifyError: named("JSONStringifyError"),
  MalformedHandlerName: named("MalformedHandlerName"),
  MalformedStreamingHandler: named("MalformedStreamingHandler"),
  PlatformError: named("PlatformError"),
  UnhandledPromiseRejection: named("UnhandledPromiseRejection"),
  UserCodeSyntaxError: named("UserCodeSyntaxError"),
  errorDocument,
  intoError,
  logText,
};
