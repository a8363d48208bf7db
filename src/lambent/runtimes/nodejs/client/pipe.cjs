/**
 * A stream socket by its descriptor: libuv's handle, without the streams and sockets of Node.js around it.
 *
 * `node:net` would take a quarter of the time that the whole client needs to start, and adds nothing here. What stands
 * in for it is what `node:net` itself is made of, unchanged since Node.js 12 and accessible to programs by
 * `process.binding`; where a Node.js doesn't give it any more, `node:net` is used after all.
 */
"use strict";

/**
 * Read from a descriptor.
 *
 * @param {Buffer} buffer for the first read
 * @param {(size: number) => Buffer} onData called after each read; returns the buffer for the next
 * @param {() => void} onEnd called at the end of the stream, or when it breaks
 * @returns the handle: `ref`, `unref`, `readStart`, `readStop`
 */
function openPipe(fd, buffer, onData, onEnd) {
  const handle = bareHandle(fd, buffer, onData, onEnd) ?? netHandle(fd, buffer, onData, onEnd);
  handle.setBlocking(true);
  return handle;
}

function bareHandle(fd, buffer, onData, onEnd) {
  const bindings = internals();
  if (bindings === undefined) {
    return undefined;
  }
  const { Pipe, constants, streamBaseState, kReadBytesOrError } = bindings;
  const handle = new Pipe(constants.SOCKET);
  handle.open(fd);
  handle.onread = () => {
    const size = streamBaseState[kReadBytesOrError];
    if (size > 0) {
      return onData(size);
    }
    return size < 0 ? onEnd() : undefined;
  };
  handle.useUserBuffer(buffer);
  handle.readStart();
  return handle;
}

function internals() {
  const { noDeprecation } = process;
  // Its users are warned where NODE_OPTIONS has --pending-deprecation; the function isn't one.
  process.noDeprecation = true;
  try {
    const bindings = { ...process.binding("pipe_wrap"), ...process.binding("stream_wrap") };
    const known = ["Pipe", "constants", "streamBaseState", "kReadBytesOrError"].every((name) => name in bindings);
    return known ? bindings : undefined;
  } catch {
    return undefined;
  } finally {
    process.noDeprecation = noDeprecation;
  }
}

function netHandle(fd, buffer, onData, onEnd) {
  const { Socket } = require("node:net");
  let next = buffer;
  const callback = (size) => {
    next = onData(size);
    return true;
  };
  const socket = new Socket({ fd, readable: true, writable: true, onread: { buffer: () => next, callback } });
  socket.on("error", onEnd);
  socket.on("end", onEnd);
  socket.resume();
  return socket._handle;
}

module.exports = { openPipe };
