/**
 * Response streams: what a handler writes goes to the server in chunks, as far as the caller takes it.
 *
 * The server gives credit for the bytes that it has passed on; a stream whose credit is used up takes no more, which its
 * writer is told as by any other stream of Node.js. A stream that fails before its first byte is an ordinary error.
 *
 * Source: invocation.md (the prelude); observed (AWS's Node.js clients).
 */
"use strict";

const { Writable } = require("node:stream");
const { logError } = require("./console.cjs");
const { errorDocument, InvalidStreamingOperation } = require("./errors.cjs");

const DEFAULT_TYPE = "application/octet-stream";
// The server's, too: see wire/frames.py.
const WINDOW_BYTES = 65536;

class ResponseStream extends Writable {
  contentType = DEFAULT_TYPE;
  /** Whether the response has begun, which only its end or an error's can follow. */
  started = false;
  /** What `awslambda.HttpResponseStream.from` wants to be written before all else. */
  _onBeforeFirstWrite = undefined;
  #channel;
  #requestId;
  #begun = false;
  #credit = WINDOW_BYTES;
  #waiting = null; // a chunk that there was no credit for, and whom to tell when it has gone

  constructor(channel, requestId) {
    super();
    this.#channel = channel;
    this.#requestId = requestId;
    channel.onCredit = (size) => {
      this.#credit += size;
      this.#goOn();
    };
  }

  /** Choose the content type of the response, before anything is written. */
  setContentType(type) {
    if (this.#begun) {
      throw new InvalidStreamingOperation("Cannot set content-type, too late.");
    }
    this.contentType = type;
  }

  /**
   * Take a string, bytes, or anything else as JSON.
   *
   * What `end` is given doesn't come by here: it is text or bytes, and brings no prelude, which is AWS's clients' way.
   */
  write(chunk, encoding, callback) {
    const raw = typeof chunk === "string" || chunk instanceof Uint8Array;
    const data = raw ? chunk : JSON.stringify(chunk);
    if (!this.#begun) {
      this.#begun = true;
      this._onBeforeFirstWrite?.((first) => super.write(first));
    }
    return super.write(data, encoding, callback);
  }

  _write(chunk, _encoding, callback) {
    this.start();
    this.#waiting = { chunk, callback };
    this.#goOn();
  }

  /** Tell the server that the response begins, once. */
  start() {
    if (!this.started) {
      this.started = true;
      this.#channel.startStream(this.#requestId, this.contentType);
    }
  }

  #goOn() {
    while (this.#waiting !== null && (this.#credit > 0 || this.#waiting.chunk.length === 0)) {
      const { chunk, callback } = this.#waiting;
      const size = Math.min(chunk.length, this.#credit);
      if (size > 0) {
        this.#credit -= size;
        this.#channel.chunk(chunk.subarray(0, size));
      }
      if (size < chunk.length) {
        this.#waiting.chunk = chunk.subarray(size);
      } else {
        this.#waiting = null;
        callback();
      }
    }
  }
}

/** Serves one invocation of a streaming handler. */
class StreamedAnswer {
  #channel;
  #requestId;
  #stream;
  #over = false;

  constructor(channel, requestId) {
    this.#channel = channel;
    this.#requestId = requestId;
    this.#stream = new ResponseStream(channel, requestId);
  }

  /**
   * Call a handler with the stream, and end the response when the stream has ended.
   *
   * @param {(stream: ResponseStream) => Promise<void>} call
   * @param {() => void} whenOver asks for the next invocation, now or later
   */
  async serve(call, whenOver) {
    // The connection of AWS's stream keeps the event loop alive until it has ended.
    this.#channel.hold();
    const finished = new Promise((resolve, reject) => {
      this.#stream.once("finish", resolve);
      this.#stream.once("error", reject);
      this.#stream.once("close", () => reject(new Error("Response stream is not finished.")));
    });
    finished.then(() => this.#respond(), () => {});
    try {
      const result = call(this.#stream);
      if (typeof result?.then !== "function") {
        throw new Error("Streaming does not support non-async handlers.");
      }
      if ((await result) !== undefined) {
        console.warn("Streaming handlers ignore return values.");
      }
      await finished;
    } catch (error) {
      // An error after the end of the stream changes nothing for the caller.
      logError("Invoke Error", error);
      if (this.#stream.writableEnded) {
        await finished.catch(() => this.#fail(error));
      } else {
        this.#fail(error);
      }
    }
    whenOver();
  }

  #respond() {
    if (this.#end()) {
      this.#stream.start();
      this.#channel.endStream();
    }
  }

  #fail(error) {
    if (this.#end()) {
      const document = errorDocument(error);
      if (this.#stream.started) {
        this.#channel.endStream(document.errorType, JSON.stringify(document));
      } else {
        this.#channel.fail(this.#requestId, JSON.stringify(document), false);
      }
    }
  }

  /** Whether this is the end, and not a second one. */
  #end() {
    const first = !this.#over;
    if (first) {
      this.#over = true;
      this.#channel.onCredit = null;
      this.#channel.release();
    }
    return first;
  }
}

module.exports = { StreamedAnswer };
