/**
 * Serving invocations from nodejs24.x on: a handler answers through a promise or a response stream, or its return
 * value. Errors that nobody catches end the process as in any Node.js program, and so does an empty event loop.
 *
 * Source: developer guide, "Node.js handler"; observed (AWS's Node.js client 4.0.2).
 */
"use strict";

const { current, logError } = require("./console.cjs");
const { errorDocument, JSONStringifyError, PlatformError } = require("./errors.cjs");
const { functionFields, parse } = require("./invocation.cjs");
const { invokeStore } = require("./globals.cjs");

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** Called so because stack traces show the receiver of a handler, and AWS's is called so. */
class BufferedInvokeProcessor {
  #channel;

  constructor(channel, handler) {
    this.#channel = channel;
    this.handler = handler;
  }

  async processInvoke(context, event) {
    const requestId = context.awsRequestId;
    let payload;
    try {
      const result = await this.handler(event, context);
      await tick();
      payload = toJson(result);
    } catch (error) {
      await tick();
      logError("Invoke Error", error);
      this.#channel.hold();
      this.#channel.fail(requestId, JSON.stringify(errorDocument(error)), true);
      return;
    }
    this.#channel.hold();
    this.#channel.respond(requestId, "application/json", payload, true);
  }
}

class StreamingInvokeProcessor {
  #channel;

  constructor(channel, handler) {
    this.#channel = channel;
    this.handler = handler;
  }

  async processInvoke(context, event) {
    const { StreamedAnswer } = require("./streaming.cjs");
    const answer = new StreamedAnswer(this.#channel, context.awsRequestId);
    await answer.serve(
      (stream) => this.handler(event, stream, context),
      () => {
        this.#channel.hold();
        this.#channel.next();
      },
    );
  }
}

class Runtime {
  #channel;
  #fields;
  #processor;

  constructor(channel) {
    this.#channel = channel;
  }

  /** Serve invocations with a handler that was loaded. */
  serve({ handler, streaming }) {
    const Processor = streaming ? StreamingInvokeProcessor : BufferedInvokeProcessor;
    this.#processor = new Processor(this.#channel, handler);
    this.#fields = functionFields(process.env);
    this.#channel.onInvoke = (buffer, begin, end) => {
      this.#channel.release();
      void this.#invoke(parse(buffer, begin, end));
    };
    this.#channel.hold();
    this.#channel.next();
  }

  /** Say why the handler could not be loaded, and end. */
  refuse(error) {
    logError("Init Error", error);
    const document = errorDocument(error);
    this.#channel.failInit(document.errorType, JSON.stringify(document));
    // Nobody catches it: Node prints it and ends with status 1.
    throw error;
  }

  /** A rejection here is a platform error, and ends the process. */
  async #invoke(invocation) {
    current.requestId = invocation.requestId;
    current.tenantId = invocation.tenantId;
    await undefined; // or the function's stack traces would have the channel's frames
    const context = this.#context(invocation);
    const event = JSON.parse(invocation.event);
    invokeStore.run(invocation, () => this.#processor.processInvoke(context, event));
  }

  #context({ requestId, deadlineMs, arn, traceId, clientContext, identity, tenantId }) {
    return {
      clientContext: parseJson(clientContext, "lambda-runtime-client-context"),
      identity: parseJson(identity, "lambda-runtime-cognito-identity"),
      invokedFunctionArn: arn,
      awsRequestId: requestId,
      tenantId,
      xRayTraceId: traceId,
      getRemainingTimeInMillis: () => deadlineMs - Date.now(),
      ...this.#fields,
    };
  }
}

function toJson(result) {
  let text;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch {
    throw new JSONStringifyError("Unable to stringify response body");
  }
  if (text === undefined) {
    // A function or a symbol. The words are those of AWS's native code.
    throw new TypeError("Wrong arguments");
  }
  return text;
}

function parseJson(text, name) {
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PlatformError(`Failed to parse ${name} as JSON: ${error.message}`);
  }
}

module.exports = { Runtime };
