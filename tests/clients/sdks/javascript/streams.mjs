import { InvokeWithResponseStreamCommand } from "@aws-sdk/client-lambda";
import { call } from "./functions.mjs";
import { client, decoded, FunctionName, refusal, tell, text } from "./client.mjs";

// Reads a response stream to its end; told hears of its first piece as soon as it is there.
async function collected(steps, told = () => {}) {
  const answer = await client.send(
    new InvokeWithResponseStreamCommand({ FunctionName, Payload: JSON.stringify({ steps }), LogType: "Tail" }),
  );
  const pieces = [];
  const result = {
    status: answer.StatusCode,
    version: answer.ExecutedVersion,
    contentType: answer.ResponseStreamContentType,
  };
  for await (const event of answer.EventStream) {
    if (event.PayloadChunk) {
      if (!pieces.length) told(text(event.PayloadChunk.Payload));
      pieces.push(Buffer.from(event.PayloadChunk.Payload));
    } else if (event.InvokeComplete) {
      const end = event.InvokeComplete;
      result.errorCode = end.ErrorCode ?? null;
      if (end.ErrorDetails !== undefined) result.errorDetails = JSON.parse(end.ErrorDetails);
      result.log = decoded(end.LogResult);
    } else {
      throw new Error("an event that the SDK doesn't know");
    }
  }
  return { ...result, text: Buffer.concat(pieces).toString() };
}

export async function stream() {
  const gate = Number(process.env.GATE);
  const slow = await collected([{ text: "one" }, { gate }, { text: "two" }], (first) => tell({ first }));
  const failed = await collected([{ text: "one" }, { fail: "RangeError" }]);
  const long = await collected([{ text: "0123456789", times: 800_000 }]);
  const whole = await call(JSON.stringify({ steps: [{ text: "one" }, { text: "two" }] }));
  const dry = await client.send(new InvokeWithResponseStreamCommand({ FunctionName, InvocationType: "DryRun" }));
  return {
    slow,
    failed,
    long: { ...long, text: long.text.length },
    whole: text(whole.Payload),
    dryRun: dry.StatusCode,
    missing: await refusal(client.send(new InvokeWithResponseStreamCommand({ FunctionName: "nobody" }))),
  };
}
