/**
 * `awslambda`, the one global that a function finds.
 *
 * Source: developer guide, "Response streaming"; observed (AWS's Node.js clients).
 */
"use strict";

const { RESPONSE_STREAM, STREAMING } = require("./handlers.cjs");
const { promisesOnly } = require("./version.cjs");

const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response";
const DELIMITER_BYTES = 8;

class HttpResponseStream {
  /** Begin a response stream with a status, headers and cookies. */
  static from(stream, prelude) {
    stream.setContentType(PRELUDE_TYPE);
    const text = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(text);
      write(new Uint8Array(DELIMITER_BYTES));
    };
    return stream;
  }
}

function streamifyResponse(handler, options) {
  handler[STREAMING] = RESPONSE_STREAM;
  if (typeof options?.highWaterMark === "number") {
    handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
  }
  return handler;
}

const KEYS = {
  REQUEST_ID: Symbol.for("_AWS_LAMBDA_REQUEST_ID"),
  X_RAY_TRACE_ID: Symbol.for("_AWS_LAMBDA_X_RAY_TRACE_ID"),
  TENANT_ID: Symbol.for("_AWS_LAMBDA_TENANT_ID"),
};

/** `awslambda.InvokeStore`, through which the SDK learns what it is called for; from nodejs24.x on. */
class InvokeStore {
  static PROTECTED_KEYS = KEYS;
  #context;

  run({ requestId, traceId }, action) {
    this.#context = { [KEYS.REQUEST_ID]: requestId, [KEYS.X_RAY_TRACE_ID]: traceId };
    return action();
  }

  getContext() {
    return this.#context;
  }

  hasContext() {
    return this.#context !== undefined;
  }

  get(key) {
    return this.#context?.[key];
  }

  set(key, value) {
    if (Object.values(KEYS).includes(key)) {
      throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    }
    this.#context ??= {};
    this.#context[key] = value;
  }

  getRequestId() {
    return this.get(KEYS.REQUEST_ID) ?? "-";
  }

  getXRayTraceId() {
    return this.get(KEYS.X_RAY_TRACE_ID);
  }

  getTenantId() {
    return this.get(KEYS.TENANT_ID);
  }
}

const invokeStore = new InvokeStore();

function install(environment) {
  if (["1", "true"].includes(environment.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA)) {
    return;
  }
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
  if (promisesOnly) {
    globalThis.awslambda.InvokeStore = invokeStore;
  }
}

module.exports = { install, invokeStore };
