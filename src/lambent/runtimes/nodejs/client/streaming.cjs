/**
 * Response streams. What a handler writes is collected and answered as one response when the stream has ended,
 * which is what AWS's Invoke shows of a streaming function: this module is the one place that knows.
 *
 * Source: invocation.md (the prelude); observed (AWS's Node.js clients).
 */
"use strict";

const { Writable } = require("node:stream");
const { logError } = require("./console.cjs");
const { errorDocument, InvalidStreamingOperation } = require("./errors.cjs");

const DEFAULT_TYPE = "application/octet-stream";

class ResponseStream extends Writable {
  contentType = DEFAULT_TYPE;
  chunks = [];
  /** What `awslambda.HttpResponseStream.from` wants to be written before all else. */
  _onBeforeFirstWrite = undefined;
  #begun = false;

  /** Choose the content type of the response, before anything is written. */
  setContentType(type) {
    if (this.#begun) {
      throw new InvalidStreamingOperation("Cannot set content-type, too late.");
    }
    this.contentType = type;
  }

  /** Take a string, bytes, or anything else as JSON. */
  write(chunk, encoding, callback) {
    const raw = typeof chunk === "string" || chunk instanceof Uint8Array;
    const data = raw ? chunk : JSON.stringify(chunk);
    if (!this.#begun) {
      this.#begun = true;
      this._onBeforeFirstWrite?.((first) => super.write(first));
    }
    return super.write(data, encoding, callback);
  }

  end(chunk, encoding, callback) {
    if (chunk !== undefined && chunk !== null && typeof chunk !== "function") {
      this.write(chunk, typeof encoding === "string" ? encoding : undefined);
      return super.end(typeof encoding === "function" ? encoding : callback);
    }
    return super.end(chunk, encoding, callback);
  }

  _write(chunk, _encoding, callback) {
    this.chunks.push(chunk);
    callback();
  }
}

/** Serves one invocation of a streaming handler. */
class StreamedAnswer {
  #channel;
  #requestId;
  #stream = new ResponseStream();
  #sent = false;

  constructor(channel, requestId) {
    this.#channel = channel;
    this.#requestId = requestId;
  }

  /**
   * Call a handler with the stream, and answer when it has ended.
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
    if (!this.#sent) {
      this.#sent = true;
      this.#channel.release();
      this.#channel.respond(this.#requestId, this.#stream.contentType, Buffer.concat(this.#stream.chunks), false);
    }
  }

  #fail(error) {
    if (!this.#sent) {
      this.#sent = true;
      this.#channel.release();
      this.#channel.fail(this.#requestId, JSON.stringify(errorDocument(error)), false);
    }
  }
}

module.exports = { StreamedAnswer };
