/**
 * Serving invocations up to nodejs22.x: a handler answers through a promise, a callback, or the old functions of its
 * context; where it does none of them, an empty event loop answers null.
 *
 * Source: developer guide, "Node.js handler" and "context"; observed (AWS's Node.js client 3.3.0).
 */
"use strict";

const { current, logError } = require("./console.cjs");
const { errorDocument, UnhandledPromiseRejection } = require("./errors.cjs");
const { functionFields, parse } = require("./invocation.cjs");

const UNCAUGHT_STATUS = 129;
const REJECTED_STATUS = 128;
// Node's own for a program that ended while its top level was still awaited.
const UNSETTLED_STATUS = 13;

const nothing = () => {};

/** Called "Runtime" because stack traces show the receiver of a handler, and AWS's is called so. */
class Runtime {
  #channel;
  #fields;
  #requestId; // of the invocation under way
  #onEmptyLoop = () => process.exit(UNSETTLED_STATUS);

  constructor(channel) {
    this.#channel = channel;
    process.on("uncaughtException", (error) => {
      logError("Uncaught Exception", error);
      this.#abandon(error, UNCAUGHT_STATUS);
    });
    process.on("unhandledRejection", (reason, promise) => {
      const error = new UnhandledPromiseRejection(reason, { reason, promise });
      logError("Unhandled Promise Rejection", error);
      this.#abandon(error, REJECTED_STATUS);
    });
    process.on("beforeExit", () => this.#onEmptyLoop());
  }

  /** Serve invocations with a handler that was loaded. */
  serve({ handler, streaming }) {
    this.handler = handler;
    this.#fields = functionFields(process.env);
    this.#onEmptyLoop = nothing;
    const invoke = streaming ? this.#stream : this.#invoke;
    this.#channel.onInvoke = (buffer, begin, end) => {
      this.#channel.release();
      const invocation = parse(buffer, begin, end);
      this.#requestId = current.requestId = invocation.requestId;
      current.tenantId = invocation.tenantId;
      void invoke.call(this, invocation);
    };
    this.#channel.hold();
    this.#channel.next();
  }

  /** Say why the handler could not be loaded, and end. */
  refuse(error) {
    logError("Uncaught Exception", error);
    this.#abandon(error, UNCAUGHT_STATUS);
  }

  #abandon(error, status) {
    const document = errorDocument(error);
    if (this.#requestId === undefined) {
      this.#channel.failInit(document.errorType, JSON.stringify(document));
    } else {
      this.#channel.fail(this.#requestId, JSON.stringify(document), false);
    }
    process.exit(status);
  }

  async #invoke(invocation) {
    await undefined; // or the function's stack traces would have the channel's frames
    const answer = new Answer(this, invocation.requestId);
    this.#onEmptyLoop = () => answer.giveUp();
    try {
      const context = this.#context(answer.context, invocation);
      const result = this.handler(JSON.parse(invocation.event), context, answer.callback);
      if (result?.then && typeof result.then === "function") {
        result.then(answer.context.succeed, answer.context.fail).catch(answer.context.fail);
      }
    } catch (error) {
      answer.callback(error);
    }
  }

  #context(own, { requestId, deadlineMs, arn, clientContext, identity, tenantId }) {
    return Object.assign(own, this.#fields, {
      clientContext: parseJson(clientContext, "ClientContext"),
      identity: parseJson(identity, "CognitoIdentity"),
      invokedFunctionArn: arn,
      awsRequestId: requestId,
      tenantId,
      getRemainingTimeInMillis: () => deadlineMs - Date.now(),
    });
  }

  async #stream(invocation) {
    await undefined;
    const { StreamedAnswer } = require("./streaming.cjs");
    const answer = new StreamedAnswer(this.#channel, invocation.requestId);
    let waits = true;
    const own = {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
    };
    let over = false;
    const next = () => {
      if (!over) {
        over = true;
        this.next();
      }
    };
    this.#onEmptyLoop = () => setImmediate(next);
    const whenOver = () => (waits ? undefined : next());
    answer.serve(
      (stream) => this.handler(JSON.parse(invocation.event), stream, this.#context(own, invocation)),
      whenOver,
    );
  }

  // What follows is for Answer.

  get channel() {
    return this.#channel;
  }

  /** What to do when nothing is left in the event loop. */
  set onEmptyLoop(action) {
    this.#onEmptyLoop = action;
  }

  /** Ask for the next invocation. */
  next() {
    this.await();
    this.#channel.next();
  }

  /** The next invocation has been asked for. */
  await() {
    this.#onEmptyLoop = nothing;
    this.#channel.hold();
  }
}

/** What one invocation is answered through; only the first of its functions that is called counts. */
class Answer {
  #runtime;
  #requestId;
  #waits = true;
  #called = false;
  #completed = false;

  constructor(runtime, requestId) {
    this.#runtime = runtime;
    this.#requestId = requestId;
    this.callback = this.#once((error, result) => this.#call(error, result));
    const done = (error, result) => this.#finish(error, result);
    const answer = this;
    this.context = {
      get callbackWaitsForEmptyEventLoop() {
        return answer.#waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        answer.#waits = value;
      },
      succeed: this.#once((result) => done(null, result)),
      fail: this.#once((error) => done(error ?? "handled", null)),
      done: this.#once(done),
    };
  }

  /** The event loop is empty and nobody answered: null. */
  giveUp() {
    this.#completed = true;
    this.#respond("null");
  }

  #once(action) {
    return (...parameters) => {
      if (!this.#called) {
        action(...parameters);
        // Not before: where the result can't be JSON, the error that says so may still be answered.
        this.#called = true;
      }
    };
  }

  #call(error, result) {
    if (this.#waits && (error === undefined || error === null)) {
      this.#runtime.onEmptyLoop = () => {
        this.#runtime.onEmptyLoop = nothing;
        setImmediate(() => this.#complete(result));
      };
    } else {
      this.#finish(error, result);
    }
  }

  #finish(error, result) {
    this.#runtime.onEmptyLoop = nothing;
    if (error === undefined || error === null) {
      this.#complete(result);
    } else {
      logError("Invoke Error", error);
      this.#runtime.await();
      this.#runtime.channel.fail(this.#requestId, JSON.stringify(errorDocument(error)), true);
    }
  }

  #complete(result) {
    if (this.#completed) {
      console.error(
        "Invocation has already been reported as done. Cannot call complete more than once per invocation.",
      );
      return;
    }
    this.#completed = true;
    this.#respond(toJson(result));
  }

  #respond(payload) {
    this.#runtime.await();
    this.#runtime.channel.respond(this.#requestId, "application/json", payload, true);
  }
}

function toJson(result) {
  let text;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch {
    throw new Error("Unable to stringify response body");
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
    throw new Error(`Cannot parse ${name} as json: ${error}`);
  }
}

module.exports = { Runtime };
