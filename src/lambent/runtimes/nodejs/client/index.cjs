/**
 * Lambent's client for Node.js functions: the program of their process.
 *
 * Two ways to begin. Executed: the environment is the function's already. `--stem`: the process has been started before
 * anybody asked for it, and waits, blocked in a read of descriptor 4, until the function's code is mounted; then the
 * first frame on descriptor 3 is INIT with the environment.
 *
 * Flags that the program should be started with:
 *   --expose-gc                         AWS starts Node so: functions find `gc()`.
 *   --max-old-space-size=0.9 M, --max-semi-space-size=0.05 M
 *                                       AWS's for M MB of memory, unless NODE_OPTIONS has one of them. V8 reads them
 *                                       when it makes its heap, never again: a stem has those it was started with.
 *   --no-experimental-require-module    AWS's, in 20 and 22; not where NODE_OPTIONS says the contrary.
 *   --no-experimental-detect-module     AWS's, in 22; the same.
 *   --expose-internals                  in 20 only, see search_path.cjs.
 * Not set: NODE_EXTRA_CA_CERTS (up to 40 ms at the start of 20), a compile cache or a snapshot (no gain, measured).
 */
"use strict";

const fs = require("node:fs");

const { Channel } = require("./channel.cjs");
const searchPath = require("./search_path.cjs");
const globals = require("./globals.cjs");
const { promisesOnly } = require("./version.cjs");
const logs = require("./console.cjs");
const { load } = require("./handlers.cjs");
const { Runtime } = require(promisesOnly ? "./promises.cjs" : "./callbacks.cjs");

const STEM = "--stem";
const WAKE_FD = 4;
// What functions commonly use, the SDK above all: a stem has the time.
const COMMON_MODULES = ["http", "https", "crypto", "stream", "url", "util", "zlib", "async_hooks", "timers/promises"];

function main() {
  const isStem = process.argv[2] === STEM;
  // A function isn't the main program's module, and its program has no arguments.
  process.argv.length = 2;
  process.mainModule = undefined;
  searchPath.installForImport();
  if (isStem) {
    COMMON_MODULES.forEach((name) => require(`node:${name}`));
    // The first ES module of a process takes 3 to 7 ms more than the second.
    import("./warm.mjs").then(waitToBeNeeded);
  } else {
    start(new Channel());
  }
}

function waitToBeNeeded() {
  const channel = new Channel();
  const wake = Buffer.allocUnsafe(1);
  if (fs.readSync(WAKE_FD, wake) === 0) {
    process.exit(1);
  }
  fs.closeSync(WAKE_FD);
  channel.onInit = (buffer, begin, end) => {
    takeEnvironment(JSON.parse(buffer.utf8Slice(begin, end)).env);
    start(channel);
  };
}

/** Replace every environment variable, so that nothing of the stem's stays, and enter the code. */
function takeEnvironment(variables) {
  for (const name of Object.keys(process.env)) {
    delete process.env[name];
  }
  Object.assign(process.env, variables);
  process.chdir(process.env.LAMBDA_TASK_ROOT);
  searchPath.readAgain();
}

/** Load the handler and serve invocations. */
function start(channel) {
  const { _HANDLER: handler, LAMBDA_TASK_ROOT: taskRoot, LAMBDA_RUNTIME_DIR: runtimeDirectory } = process.env;
  // What the handler's module leaves in the event loop is its own matter.
  channel.release();
  logs.install(channel, process.env);
  globals.install(process.env);
  const runtime = new Runtime(channel);
  load(handler, taskRoot, runtimeDirectory).then(
    (loaded) => runtime.serve(loaded),
    (error) => runtime.refuse(error),
  );
}

main();
