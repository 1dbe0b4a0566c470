// Reads [[rule…], self, oldSelf] from standard input, as many as there are, and prints for each whether all its rules hold. The first
// argument is the folder of the packages.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(resolve(process.argv[2]), "x.js"));
const { run } = await import(pathToFileURL(require.resolve("@bufbuild/cel")));

// Objects are maps to CEL.
const value = (json) =>
  Array.isArray(json) ? json.map(value)
    : json !== null && typeof json === "object" ? new Map(Object.entries(json).map(([name, field]) => [name, value(field)]))
    : json;

const holds = (rule, self, oldSelf) => {
  const result = run(rule, { self: value(self), oldSelf: value(oldSelf) });
  if (typeof result !== "boolean") throw new Error(`${rule}: ${result}`);
  return result;
};

const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([rules, self, oldSelf]) => rules.every((rule) => holds(rule, self, oldSelf)))));
