/** Which of AWS's two clients this one follows: nodejs24.x and later have no callbacks. */
"use strict";

const FIRST_WITHOUT_CALLBACKS = 24;

const major = Number.parseInt(process.versions.node, 10);

module.exports = { major, promisesOnly: major >= FIRST_WITHOUT_CALLBACKS };
