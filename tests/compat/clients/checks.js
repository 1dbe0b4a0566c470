"use strict";
// What all clients here share: `node CLIENT.js CHECK` runs one check, prints "passed" or what went wrong, and ends with 0 or 1.
// $KEYWAY_PROXY_PORT says where the proxy is; the test at the other end restarts it when it reads "restart".

const readline = require("node:readline");

const PATIENCE_MS = 25000;
const PORT = Number(process.env.KEYWAY_PROXY_PORT);
const BIG = Buffer.alloc(5 << 20, "0123456789abcde");

// Asks the test to restart the proxy, and waits until that is done.
async function restartProxy() {
  const lines = readline.createInterface({ input: process.stdin });
  const done = new Promise((resolve) => lines.once("line", resolve));
  process.stdout.write("restart\n");
  await done;
  lines.close();
}

// Polls `condition` until it holds.
async function until(condition, what, timeoutMs = 10000) {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`waited in vain for ${what}`);
}

// A queue that callbacks fill and a check empties.
class Mailbox {
  constructor() {
    this.received = [];
    this.waiting = [];
  }
  put(...message) {
    if (this.waiting.length) this.waiting.shift()(message);
    else this.received.push(message);
  }
  take() {
    return this.received.length ? Promise.resolve(this.received.shift()) : new Promise((resolve) => this.waiting.push(resolve));
  }
}

function range(count) {
  return Array.from({ length: count }, (_, index) => index);
}

async function main(checks) {
  const check = checks[process.argv[2]];
  if (!check) throw new Error(`no check is named ${process.argv[2]}; there are: ${Object.keys(checks).join(" ")}`);
  setTimeout(() => {
    console.error("not done in time");
    process.exit(1);
  }, PATIENCE_MS).unref();
  await check();
  console.log("passed");
}

function run(checks) {
  main(checks).then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    }
  );
}

module.exports = { BIG, Mailbox, PORT, range, restartProxy, run, until };
