import { LambdaClient, LambdaServiceException, TooManyRequestsException } from "@aws-sdk/client-lambda";

export const client = new LambdaClient({ maxAttempts: 1 });
export const FunctionName = "fn";
export const NO_REVISION = "00000000-0000-4000-8000-000000000000";
export const text = (bytes) => Buffer.from(bytes ?? []).toString();
export const decoded = (base64) => Buffer.from(base64, "base64").toString();
export const tell = (what) => console.log(JSON.stringify(what));
export const isRecent = (moment) => Math.abs(Date.now() - moment.getTime()) < 3_600_000;
export const pause = () => new Promise((over) => setTimeout(over, 50));

// The error of a call: null if it had none.
export async function refusal(call) {
  try {
    await call;
    return null;
  } catch (error) {
    if (!(error instanceof LambdaServiceException)) throw error;
    const isTyped = error.constructor !== LambdaServiceException;
    return {
      type: isTyped ? error.constructor.name : null,
      code: error.name,
      message: error.message,
      status: error.$metadata.httpStatusCode,
      ...(error instanceof TooManyRequestsException
        ? { reason: error.Reason, retryAfterSeconds: error.retryAfterSeconds }
        : {}),
    };
  }
}
