// How a response stream may end.
const PRELUDE = { statusCode: 404, headers: { 'content-type': 'text/plain', 'x-own': 'yes' } };

const ends = {
  written: (stream) => { stream.write('no such tea'); stream.end(); },
  last: (stream) => { stream.write('no such '); stream.end('tea'); },
  only: (stream) => stream.end('no such tea'),
  nothing: (stream) => stream.end(),
  fails: () => { throw new RangeError('early'); },
};

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const [, prelude, end] = event.rawPath.split('/');
  ends[end](prelude === 'prelude' ? awslambda.HttpResponseStream.from(stream, PRELUDE) : stream);
});
