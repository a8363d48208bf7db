/**
 * The client's end of the frames socket: binary frames over descriptor 3, a stream socket.
 *
 * A frame is 8 bytes, length of the body and type, then the body. The fields of a body end in one NUL byte; what
 * follows the last is raw. INVOKE comes once for each NEXT. One buffer receives, one sends: a warm invocation
 * allocates neither, and costs one read and one write.
 *
 * The descriptor is in blocking mode, so that what is written has left the process before the next statement: an
 * answer, or the log line before `process.exit()`. libuv reads once when there is something to read, which doesn't
 * block, and would read again after a read that filled its buffer, which could: see `#receive`.
 */
"use strict";

const { writeSync } = require("node:fs");
const { openPipe } = require("./pipe.cjs");

const FRAMES_FD = 3;
const INIT = 0x01;
const INVOKE = 0x02;
const NEXT = 0x10;
const RESPONSE = 0x11;
const ERROR = 0x12;
const INIT_ERROR = 0x13;
const LOG = 0x14;
const STREAM_START = 0x15;
const CHUNK = 0x16;
const STREAM_END = 0x17;
const STREAM_ERROR = 0x18;
const CREDIT = 0x03;

const HEADER_BYTES = 8;
const LOG_HEAD_BYTES = 12;
const BUFFER_BYTES = 262144;
// UTF-8 of a JavaScript string has at most three bytes for each of its units.
const BYTES_PER_UNIT = 3;
const TWO_TO_32 = 0x100000000;

class Channel {
  /** Called with the body of each INVOKE: a buffer that is overwritten later, begin and end in it. */
  onInvoke = null;
  /** Called with the body of INIT, in the same way. */
  onInit = null;
  /** Called with a number of bytes that a response's chunks may have more. */
  onCredit = null;

  #pipe;
  #incoming = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  #used = 0; // bytes of an incomplete frame at the beginning of #incoming
  #large = null; // a frame that doesn't fit into it
  #largeUsed = 0;
  #outgoing = Buffer.allocUnsafeSlow(BUFFER_BYTES);

  constructor(fd = FRAMES_FD) {
    this.fd = fd;
    // At the end of the stream the server is gone: there is nobody to tell.
    this.#pipe = openPipe(fd, this.#incoming, (size) => this.#receive(size), () => process.exit(1));
  }

  /** Keep the event loop alive while the next invocation is waited for. */
  hold() {
    this.#pipe.ref();
  }

  /** Let the event loop become empty: what keeps it alive now is the function's. */
  release() {
    this.#pipe.unref();
  }

  /** Take what was read into the room; returns the room for the next read. */
  #receive(size) {
    const full = size === this.#room().length;
    if (this.#large === null) {
      this.#take(this.#used + size);
    } else {
      this.#largeUsed += size;
      if (this.#largeUsed === this.#large.length) {
        const whole = this.#large;
        this.#large = null;
        this.#dispatch(whole, 0, whole.length);
      }
    }
    if (full) {
      // Or libuv reads on at once, and waits where there is nothing more.
      this.#pipe.readStop();
      setImmediate(() => this.#pipe.readStart());
    }
    return this.#room();
  }

  #room() {
    return this.#large === null ? this.#incoming.subarray(this.#used) : this.#large.subarray(this.#largeUsed);
  }

  /** Dispatch the whole frames at the beginning of the buffer and keep what is left. */
  #take(end) {
    const buffer = this.#incoming;
    let position = 0;
    this.#used = 0;
    while (end - position >= HEADER_BYTES) {
      const next = position + HEADER_BYTES + buffer.readUInt32BE(position);
      if (next > end) {
        break;
      }
      this.#dispatch(buffer, position, next);
      position = next;
    }
    const left = end - position;
    if (left >= HEADER_BYTES && HEADER_BYTES + buffer.readUInt32BE(position) > BUFFER_BYTES) {
      this.#large = Buffer.allocUnsafeSlow(HEADER_BYTES + buffer.readUInt32BE(position));
      this.#largeUsed = buffer.copy(this.#large, 0, position, end);
    } else if (left > 0) {
      this.#used = position === 0 ? left : buffer.copy(buffer, 0, position, end);
    }
  }

  #dispatch(buffer, begin, end) {
    const kind = buffer[begin + 4];
    if (kind === INVOKE) {
      this.onInvoke(buffer, begin + HEADER_BYTES, end);
    } else if (kind === CREDIT) {
      this.onCredit?.(buffer.readUInt32BE(begin + HEADER_BYTES));
    } else if (kind === INIT) {
      this.onInit(buffer, begin + HEADER_BYTES, end);
    }
  }

  /** Ask for the next invocation. */
  next() {
    const buffer = this.#outgoing;
    this.#write(buffer, putHeader(buffer, 0, 0, NEXT));
  }

  /**
   * Answer an invocation.
   *
   * @param {string | Uint8Array} payload sent as it is, a string in UTF-8
   * @param {boolean} andNext ask for the next invocation in the same write
   */
  respond(requestId, contentType, payload, andNext) {
    this.#answer(RESPONSE, `${requestId}\0${contentType}\0`, payload, andNext);
  }

  /** Answer an invocation with an error document, JSON text. */
  fail(requestId, document, andNext) {
    // AWS's client names no error type for the platform here; the document does for the caller.
    this.#answer(ERROR, `${requestId}\0\0`, document, andNext);
  }

  /** Begin a response in chunks. */
  startStream(requestId, contentType) {
    this.#answer(STREAM_START, `${requestId}\0${contentType}\0`, "", false);
  }

  /** Send the next chunk of it, bytes for which there is credit. */
  chunk(data) {
    this.#answer(CHUNK, "", data, false);
  }

  /** End it: as it should be, or with an error document, JSON text. */
  endStream(errorType, document) {
    if (errorType === undefined) {
      this.#answer(STREAM_END, "", "", false);
    } else {
      this.#answer(STREAM_ERROR, `${errorType}\0`, document, false);
    }
  }

  /** Say that the function could not be initialised. */
  failInit(errorType, document) {
    this.#answer(INIT_ERROR, `${errorType}\0`, document, false);
  }

  #answer(kind, fields, payload, andNext) {
    const wanted = 2 * HEADER_BYTES + (fields.length + payload.length) * BYTES_PER_UNIT;
    const buffer = wanted <= BUFFER_BYTES ? this.#outgoing : large(fields, payload);
    let end = HEADER_BYTES + buffer.utf8Write(fields, HEADER_BYTES);
    if (typeof payload === "string") {
      end += buffer.utf8Write(payload, end);
    } else {
      buffer.set(payload, end);
      end += payload.length;
    }
    putHeader(buffer, 0, end - HEADER_BYTES, kind);
    if (andNext) {
      end = putHeader(buffer, end, 0, NEXT);
    }
    this.#write(buffer, end);
  }

  /**
   * Send a log record.
   *
   * @param {number} frameType AWS's frame type
   * @param {number} timestampMs milliseconds since the epoch
   */
  log(frameType, timestampMs, text) {
    const head = HEADER_BYTES + LOG_HEAD_BYTES;
    const wanted = head + text.length * BYTES_PER_UNIT;
    const buffer = wanted <= BUFFER_BYTES ? this.#outgoing : large("", text);
    const microseconds = timestampMs * 1000;
    buffer.writeUInt32BE(Math.floor(microseconds / TWO_TO_32), HEADER_BYTES);
    buffer.writeUInt32BE(microseconds % TWO_TO_32, HEADER_BYTES + 4);
    buffer.writeUInt32BE(frameType, HEADER_BYTES + 8);
    const end = head + buffer.utf8Write(text, head);
    putHeader(buffer, 0, end - HEADER_BYTES, LOG);
    this.#write(buffer, end);
  }

  #write(buffer, end) {
    let sent = 0;
    while (sent < end) {
      sent += writeSync(this.fd, buffer, sent, end - sent);
    }
  }
}

/** A buffer for what the common one may be too small for: headers, fields and payload. */
function large(fields, payload) {
  const heads = 2 * HEADER_BYTES + LOG_HEAD_BYTES;
  return Buffer.allocUnsafeSlow(heads + Buffer.byteLength(fields) + Buffer.byteLength(payload));
}

function putHeader(buffer, position, size, kind) {
  buffer.writeUInt32BE(size, position);
  buffer[position + 4] = kind;
  buffer[position + 5] = buffer[position + 6] = buffer[position + 7] = 0;
  return position + HEADER_BYTES;
}

module.exports = { Channel };
