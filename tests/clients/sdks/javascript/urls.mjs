import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { SignatureV4 } from "@smithy/signature-v4";

class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", secret) : createHash("sha256");
  }

  update(data) {
    this.hash.update(data);
  }

  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

const body = '{"tea": "thé"}';

// Sends a request to the function's URL, with the host's name or below a path, signed with the given secret.
async function answer(address, host, secretAccessKey) {
  const { hostname, port, pathname } = new URL(address);
  const path = `${pathname}teas/gr%C3%BCn%20a`;
  let headers = { host: host ?? `${hostname}:${port}`, "content-type": "application/json" };
  if (secretAccessKey) {
    const signer = new SignatureV4({
      service: "lambda",
      region: process.env.AWS_REGION,
      credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey },
      sha256: Sha256,
    });
    const query = { size: "2", kind: "+ x" };
    ({ headers } = await signer.sign({ method: "POST", protocol: "http:", hostname, port, path, query, headers, body }));
  }
  const response = await new Promise((came, failed) => {
    const sent = request({ method: "POST", hostname, port, path: `${path}?size=2&kind=%2B%20x`, headers }, came);
    sent.on("error", failed).end(body);
  });
  return { status: response.statusCode, body: JSON.parse(await textOf(response)) };
}

export async function url() {
  const { SERVER, TWIN, URL_HOST, AWS_SECRET_ACCESS_KEY } = process.env;
  return {
    byHost: await answer(SERVER, URL_HOST, AWS_SECRET_ACCESS_KEY),
    byPath: await answer(TWIN, undefined, AWS_SECRET_ACCESS_KEY),
    forged: await answer(SERVER, URL_HOST, "another"),
    unsigned: await answer(SERVER, URL_HOST),
  };
}
