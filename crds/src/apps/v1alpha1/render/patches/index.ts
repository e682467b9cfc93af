// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationPatchOverrider } from "../../types.gen.ts";
import { fail, quoted } from "../fault.ts";
import { drop, isFields, own, type Fields } from "../json.ts";
import type { RenderLimits } from "../limits.ts";
import type { Copy } from "../overriders/copy.ts";
import { jsonPatch } from "./json-patch.ts";
import { shapeAt } from "./merge-keys.ts";
import { mergePatch } from "./merge.ts";
import { strategicMerge } from "./strategic.ts";

/** Patches a copy, when the patch is for it. */
export function overridePatches(
  copy: Copy,
  { target, type, patch }: EdgeApplicationPatchOverrider,
  field: string,
  limits: RenderLimits,
): void {
  if ((target?.kind ?? copy.workload.kind) !== copy.workload.kind) return;
  if ((target?.name ?? copy.manifestName) !== copy.manifestName) return;
  const apply = WAYS.get(type ?? "strategic");
  if (apply === undefined) fail(`${field}.type`, `is ${quoted(type)}; use strategic, merge or json`);
  apply(copy, patch, `${field}.patch`, limits);
}

const WAYS: ReadonlyMap<string, (copy: Copy, patch: unknown, field: string, limits: RenderLimits) => void> =
  new Map([
    ["strategic", patchStrategic],
    ["merge", patchMerge],
    ["json", patchJson],
  ]);

function patchStrategic({ object, workload }: Copy, patch: unknown, field: string): void {
  checkDirective(patch, field);
  put(object, strategicMerge(object, objectOf(patch, field), shapeAt(workload.template), field));
}

function patchMerge({ object }: Copy, patch: unknown, field: string): void {
  put(object, mergePatch(object, objectOf(patch, field)) as Fields);
}

function patchJson({ object }: Copy, patch: unknown, field: string, limits: RenderLimits): void {
  jsonPatch(object, patch, field, limits);
}

const objectOf = (patch: unknown, field: string): Fields =>
  isFields(patch) ? patch : fail(field, "is not an object; for a list of operations use the type json");

function checkDirective(patch: unknown, field: string): void {
  const directive = isFields(patch) ? own(patch, "$patch") : undefined;
  if (directive === undefined || directive === "merge") return;
  fail(
    `${field}.$patch`,
    `is ${quoted(directive)} for the whole object; drop the manifest or the target instead`,
  );
}

/** What holds the object goes on to hold it. */
function put(object: Fields, patched: Fields): void {
  for (const key of Object.keys(object)) drop(object, key);
  Object.assign(object, patched);
}
