/**
 * Answers of functions behind custom resources of CloudFormation.
 *
 * AWS's ResponseURL is always https at port 443, and much code (AWS CDK's own functions) takes only its host's name and
 * path to `https.request`. Lambent's is http at its own port: such requests, and no others, go there.
 */
"use strict";

const http = require("node:http");
const https = require("node:https");
const { syncBuiltinESMExports } = require("node:module");

const ports = new Map(); // of the addresses that were given out, by host and path
let original;

function request(options, ...others) {
  const { hostname, host, path, port } = options ?? {};
  const answerPort = port ? undefined : ports.get(`${hostname ?? host}${path}`);
  if (answerPort === undefined) {
    return original.call(https, options, ...others);
  }
  return http.request({ ...options, agent: undefined, port: answerPort, protocol: "http:" }, ...others);
}

/** Have the answer to this event go where it says. */
function expectAnswer(event) {
  const { ResponseURL } = JSON.parse(event);
  if (typeof ResponseURL !== "string" || !ResponseURL.startsWith("http://")) {
    return;
  }
  const { hostname, port, pathname, search } = new URL(ResponseURL);
  ports.set(`${hostname}${pathname}${search}`, port);
  if (original === undefined) {
    original = https.request;
    https.request = request;
    syncBuiltinESMExports();
  }
}

module.exports = { expectAnswer };
