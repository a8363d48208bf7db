// Says when it writes its first bytes, and writes more a little later.
export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType("text/plain");
  stream.write(`written ${process.hrtime.bigint()}\n`);
  await new Promise((resume) => setTimeout(resume, 5));
  stream.write("more\n");
  stream.end();
});
