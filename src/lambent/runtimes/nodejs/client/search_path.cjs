/**
 * NODE_PATH, for `require` and for `import`.
 *
 * AWS's Node.js finds packages of the SDK and of layers in the folders of NODE_PATH when ES modules import them, too;
 * Node.js as it is published doesn't. So what the default search doesn't find is searched for in them: by the hooks
 * that Node.js offers from 22.15 on, and in Node.js 20, which gets no further versions, in its loader itself, which
 * `--expose-internals` makes accessible. Hooks of Node.js 20 would cost a thread and some 40 ms.
 * Source: AWS compute blog, "Node.js 18.x runtime now available in AWS Lambda".
 */
"use strict";

const Module = require("node:module");
const path = require("node:path");

const NOT_FOUND = "ERR_MODULE_NOT_FOUND";
const EXPOSED = "--expose-internals";
const NOT_A_PACKAGE = /^(?:[./#]|[a-z][a-z0-9+.-]*:)/i;

/** Make `import` search NODE_PATH; the folders are looked up when they are needed. */
function installForImport() {
  if (Module.registerHooks !== undefined) {
    Module.registerHooks({
      resolve: (specifier, context, next) =>
        resolve(specifier, (parentURL = context.parentURL) => next(specifier, { ...context, parentURL })),
    });
    return;
  }
  const flag = process.execArgv.indexOf(EXPOSED);
  if (flag >= 0) {
    // The processes that the function starts have no use for it.
    process.execArgv.splice(flag, 1);
    const loader = require("internal/modules/esm/loader").getOrInitializeCascadedLoader();
    const search = loader.defaultResolve;
    loader.defaultResolve = (specifier, importer, attributes) =>
      resolve(specifier, (parentURL = importer) => search.call(loader, specifier, parentURL, attributes));
  }
}

function resolve(specifier, search) {
  try {
    return search();
  } catch (error) {
    if (error?.code !== NOT_FOUND || NOT_A_PACKAGE.test(specifier)) {
      throw error;
    }
    return resolveInFolders(search) ?? fail(error);
  }
}

function resolveInFolders(search) {
  const { pathToFileURL } = require("node:url");
  for (const folder of Module.globalPaths) {
    if (path.basename(folder) === "node_modules") {
      try {
        return search(pathToFileURL(path.join(path.dirname(folder), "index.mjs")).href);
      } catch (error) {
        if (error?.code !== NOT_FOUND) {
          throw error;
        }
      }
    }
  }
  return undefined;
}

function fail(error) {
  throw error;
}

/** Make `require` search the NODE_PATH that the environment has now. */
function readAgain() {
  Module._initPaths();
}

module.exports = { installForImport, readAgain };
