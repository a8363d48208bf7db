/**
 * From a handler string, `directory/file.export`, to the function to call.
 *
 * Up to nodejs22.x CommonJS files are required and ES modules imported; later both are imported.
 * Source: runtime-api.md section 8; observed (AWS's Node.js clients).
 */
"use strict";

const fs = require("node:fs");
const { createRequire } = require("node:module");
const path = require("node:path");
const {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  MalformedStreamingHandler,
  UserCodeSyntaxError,
} = require("./errors.cjs");
const { promisesOnly } = require("./version.cjs");

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const RESPONSE_STREAM = "response";
const MODULE_AND_EXPORT = /^([^.]*)\.(.*)$/;
const CALLBACK_PARAMETERS = 3;
const NO_CALLBACKS =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to " +
  "modify this function to use a supported handler signature to use Node.js 24 or later. For more information see " +
  "https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.";

/**
 * Load the module of a handler.
 *
 * @returns {Promise<{handler: Function, streaming: boolean}>}
 * @throws a fault called `Runtime.…`, or whatever the module threw while it was loaded
 */
async function load(handlerString, taskRoot, runtimeDirectory) {
  if (handlerString.includes("..")) {
    throw new MalformedHandlerName(
      `'${handlerString}' is not a valid handler name. Use absolute paths when specifying root directories in ` +
        "handler names.",
    );
  }
  const base = path.basename(handlerString);
  const directory = handlerString.slice(0, handlerString.indexOf(base));
  const parts = MODULE_AND_EXPORT.exec(base);
  if (parts === null) {
    throw new MalformedHandlerName("Bad handler");
  }
  const loaded = await loadModule(taskRoot, directory, parts[1], runtimeDirectory);
  const handler = exported(loaded, parts[2]);
  if (!handler) {
    throw new HandlerNotFound(`${handlerString} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw new HandlerNotFound(`${handlerString} is not a function`);
  }
  const streaming = streams(handler);
  if (promisesOnly && handler.length >= CALLBACK_PARAMETERS && !streaming) {
    throw new CallbackHandlerDeprecated(NO_CALLBACKS);
  }
  return { handler, streaming };
}

async function loadModule(taskRoot, directory, name, runtimeDirectory) {
  // Modules are required from where AWS's client is: it shows in "Require stack".
  const require = createRequire(path.join(runtimeDirectory, "index.mjs"));
  const file = path.resolve(taskRoot, directory, name);
  try {
    const loaded = await (promisesOnly ? importFile(file) : requireFile(file, require));
    return loaded || require(require.resolve(name, { paths: [taskRoot, path.join(taskRoot, directory)] }));
  } catch (error) {
    if (error instanceof SyntaxError) {
      const fault = new UserCodeSyntaxError(String(error));
      if (promisesOnly) {
        fault.stack = error.stack;
      }
      throw fault;
    }
    if (error?.code === "MODULE_NOT_FOUND") {
      throw new ImportModuleError(String(error));
    }
    throw error;
  }
}

async function importFile(file) {
  const found = ["", ".js", ".mjs", ".cjs"].find((extension) => fs.existsSync(file + extension));
  return found === undefined ? undefined : import(file + found);
}

async function requireFile(file, require) {
  if (fs.existsSync(file)) {
    return require(file);
  }
  if (fs.existsSync(`${file}.js`)) {
    return isModulePackage(path.dirname(file)) ? import(`${file}.js`) : require(`${file}.js`);
  }
  if (fs.existsSync(`${file}.mjs`)) {
    return import(`${file}.mjs`);
  }
  return fs.existsSync(`${file}.cjs`) ? require(`${file}.cjs`) : undefined;
}

/** Whether the nearest package.json says that its .js files are ES modules. */
function isModulePackage(directory) {
  if (directory.endsWith("/node_modules")) {
    return false;
  }
  const description = path.join(directory, "package.json");
  if (fs.existsSync(description)) {
    try {
      return JSON.parse(fs.readFileSync(description, "utf8")).type === "module";
    } catch (error) {
      console.warn(`${description} cannot be read, it will be ignored for ES module detection purposes.`, error);
      return false;
    }
  }
  return directory !== "/" && isModulePackage(path.dirname(directory));
}

function exported(loaded, name) {
  const handler = property(loaded, name);
  const hasDefault = promisesOnly && typeof loaded === "object" && loaded !== null && "default" in loaded;
  return !handler && hasDefault ? property(loaded.default, name) : handler;
}

function property(object, name) {
  return name.split(".").reduce((nested, key) => nested && nested[key], object);
}

function streams(handler) {
  const kind = handler[STREAMING];
  if (kind === undefined || kind === null || kind === false) {
    return false;
  }
  if (kind !== RESPONSE_STREAM) {
    throw new MalformedStreamingHandler("Only response streaming is supported.");
  }
  return true;
}

module.exports = { RESPONSE_STREAM, STREAMING, load };
