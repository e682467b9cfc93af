// SPDX-License-Identifier: Apache-2.0
import { applyPatch, type Operation } from "rfc6902";
import { fail, quoted } from "../fault.ts";
import { cloneJson, isFields, isForbiddenKey, own, type Fields } from "../json.ts";
import type { RenderLimits } from "../limits.ts";
import { canAdd, lookUp, placeAt, tokensOf } from "../overriders/pointer.ts";

const NEEDS: ReadonlyMap<string, "value" | "from" | undefined> = new Map([
  ["add", "value"],
  ["replace", "value"],
  ["test", "value"],
  ["move", "from"],
  ["copy", "from"],
  ["remove", undefined],
]);

/**
 * A JSON patch (RFC 6902). All of its operations hold, or it is a fault.
 *
 * @param object is changed
 * @throws {RenderFaultError} for the first operation that cannot be done
 */
export function jsonPatch(object: Fields, patch: unknown, field: string, limits: RenderLimits): void {
  if (!Array.isArray(patch)) fail(field, "is not a list of operations; write one, or use the type strategic");
  if (patch.length > limits.maxOperations) {
    fail(field, `has more than ${String(limits.maxOperations)} operations; use fewer`);
  }
  for (const [index, item] of patch.entries()) {
    const at = `${field}[${String(index)}]`;
    const operation = checked(item, at);
    checkPlaces(object, operation, at);
    const [failure] = applyPatch(object, [operation]);
    if (failure) fail(at, failure.name === "TestError" ? "finds another value" : "cannot be done");
    // A few copies of an object into itself would fill any memory.
    if (operation.op === "copy") cloneJson(object, field, limits);
  }
}

function checked(operation: unknown, field: string): Operation {
  if (!isFields(operation)) fail(field, "is not an operation; write op, path and value");
  const op = own(operation, "op");
  if (typeof op !== "string" || !NEEDS.has(op)) {
    fail(`${field}.op`, `is ${quoted(op)}; use add, remove, replace, move, copy or test`);
  }
  checkPointer(own(operation, "path"), `${field}.path`);
  const need = NEEDS.get(op);
  if (need === "from") checkPointer(own(operation, "from"), `${field}.from`);
  if (need === "value" && own(operation, "value") === undefined) fail(`${field}.value`, "is missing; add it");
  return operation as unknown as Operation;
}

function checkPointer(pointer: unknown, field: string): void {
  const tokens = typeof pointer === "string" ? tokensOf(pointer) : undefined;
  if (tokens === undefined) fail(field, `is ${quoted(pointer)}; begin with a slash, as in /spec/replicas`);
  if (tokens.some(isForbiddenKey)) fail(field, "has a key that is not taken; rename it");
}

const ADDING: ReadonlySet<string> = new Set(["add", "move", "copy"]);

/** The library also follows what every object inherits (/toString/x), and takes any key for a list. */
function checkPlaces(object: Fields, operation: Operation, field: string): void {
  if ("from" in operation && lookUp(object, operation.from) === undefined) {
    fail(`${field}.from`, `${quoted(operation.from)} leads to nothing; check the manifest`);
  }
  const place = ADDING.has(operation.op) ? placeAt(object, operation.path) : lookUp(object, operation.path);
  if (place === undefined || (ADDING.has(operation.op) && !canAdd(place))) {
    fail(`${field}.path`, `${quoted(operation.path)} leads to nothing; check the manifest`);
  }
}
