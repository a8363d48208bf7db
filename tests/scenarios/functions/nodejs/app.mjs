import fs from 'node:fs';
import net from 'node:net';

let counter = 0;
const begin = process.env.SCENARIO_INIT;
if (begin === 'fail') throw new RangeError('init failed');
if (begin === 'exit') process.exit(3);
if (begin === 'sleep') await new Promise((done) => setTimeout(done, 20_000));
if (begin === 'say') console.log('said in init');

const actions = {
  echo: (event) => event.value,

  context: (event, context) => ({
    requestId: context.awsRequestId,
    functionArn: context.invokedFunctionArn,
    remainingMs: context.getRemainingTimeInMillis(),
    functionName: context.functionName,
    functionVersion: context.functionVersion,
    memoryMb: Number(context.memoryLimitInMB),
    logGroup: context.logGroupName,
    logStream: context.logStreamName,
    clientContext: context.clientContext ? { custom: context.clientContext.custom } : null,
    identity: context.identity ?? null,
    traceId: process.env._X_AMZN_TRACE_ID ?? null,
  }),

  environment: () => ({ ...process.env }),

  process: () => ({
    directory: process.cwd(),
    uid: process.getuid(),
    gid: process.getgid(),
    pid: process.pid,
  }),

  write: (event) => {
    const block = Buffer.alloc(1024 * 1024);
    let file;
    try {
      file = fs.openSync(event.path, 'w');
      for (let i = 0; i < event.megabytes; i++) {
        if (fs.writeSync(file, block) !== block.length) return false;
      }
    } catch {
      return false;
    } finally {
      if (file !== undefined) fs.closeSync(file);
    }
    return true;
  },

  exists: (event) => fs.existsSync(event.path),

  remove: (event) => {
    fs.unlinkSync(event.path);
    return null;
  },

  count: () => ++counter,

  say: (event) => {
    console.log(`out: ${event.text}`);
    console.error(`err: ${event.text}`);
    return null;
  },

  fail: (event) => {
    throw new TypeError(event.message);
  },

  exit: (event) => process.exit(event.status),
  signal: () => process.kill(process.pid, 'SIGKILL') && new Promise(() => {}),
  sleep: (event, context) => new Promise((done) => setTimeout(() => done(context.logStreamName), event.ms)),
  large: (event) => 'x'.repeat(event.bytes),
};

export const handler = async (event, context) => actions[event.do](event, context);

export const streaming = awslambda.streamifyResponse(async (request, stream) => {
  const event = request.body ? JSON.parse(request.body) : request;
  if (event.prelude) stream = awslambda.HttpResponseStream.from(stream, event.prelude);
  for (const [i, text] of event.texts.entries()) {
    if (i === 1 && event.gate) await new Promise((open) => net.connect(event.gate, '127.0.0.1').on('close', open).resume());
    if (!stream.write(text.repeat(event.times ?? 1))) await new Promise((drained) => stream.once('drain', drained));
  }
  if (event.fail) throw new RangeError('mid');
  stream.end();
});
