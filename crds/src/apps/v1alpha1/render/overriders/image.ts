// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationImageOverrider } from "../../types.gen.ts";
import { fail, quoted } from "../fault.ts";
import { isFields, own, type Fields } from "../json.ts";
import { imageText, isDigest, isTag, parseImage, type ImageName } from "./image-name.ts";
import { containersOf } from "./containers.ts";
import { lookUp } from "./pointer.ts";
import type { Copy } from "./copy.ts";

/** Changes the image at the predicate's path, or without one those of all containers (not of init containers). */
export function overrideImage(copy: Copy, overrider: EdgeApplicationImageOverrider, field: string): void {
  for (const { parent, key } of imagesIn(copy, overrider, field)) {
    const image = own(parent, key);
    if (typeof image !== "string") fail(field, "finds a container without image; add one to the manifest");
    parent[key] = changedImage(image, overrider, field);
  }
}

interface Place {
  readonly parent: Fields;
  readonly key: string;
}

function imagesIn(copy: Copy, { predicate }: EdgeApplicationImageOverrider, field: string): Place[] {
  if (predicate === undefined) {
    return containersOf(copy, ["containers"], field).map((parent) => ({ parent, key: "image" }));
  }
  const found = lookUp(copy.object, predicate.path);
  if (found === undefined || !isFields(found.parent)) {
    fail(`${field}.predicate.path`, `${quoted(predicate.path)} leads to no image; name one of the manifest`);
  }
  return [{ parent: found.parent, key: found.key }];
}

const OPERATORS: ReadonlySet<string> = new Set(["add", "remove", "replace"]);

/** @throws {RenderFaultError} when the old or the new name is none */
export function changedImage(image: string, overrider: EdgeApplicationImageOverrider, field: string): string {
  const name = parseImage(image);
  if (name === undefined)
    fail(field, `cannot change ${quoted(image)}, which is no image's name; correct the manifest`);
  if (!OPERATORS.has(overrider.operator)) {
    fail(`${field}.operator`, `is ${quoted(overrider.operator)}; use add, remove or replace`);
  }
  const value = overrider.operator === "remove" ? "" : (overrider.value ?? "");
  if (value === "" && overrider.operator === "add") return image;
  const changed = imageText(change(name, overrider, value, field));
  if (parseImage(changed) === undefined) {
    fail(
      `${field}.value`,
      `makes ${quoted(changed)} of ${quoted(image)}, which is no image's name; correct it`,
    );
  }
  return changed;
}

function change(
  name: ImageName,
  overrider: EdgeApplicationImageOverrider,
  value: string,
  field: string,
): ImageName {
  const isAdded = overrider.operator === "add";
  switch (overrider.component) {
    case "Registry":
      return { ...name, registry: isAdded ? name.registry + value : value };
    case "Repository":
      return { ...name, repository: isAdded ? name.repository + value : value };
    case "Tag":
      return overrider.operator === "remove" ? withoutTag(name) : withTag(name, isAdded, value, field);
    default:
      return fail(`${field}.component`, `is ${quoted(overrider.component)}; use Registry, Repository or Tag`);
  }
}

/** A digest goes only when there is no tag that could go. */
const withoutTag = (name: ImageName): ImageName =>
  name.tag === "" ? { ...name, digest: "" } : { ...name, tag: "" };

/**
 * The value is a tag or a digest, and the image has only that one: beside a digest a tag says nothing. An image
 * without a tag that could be added to stays as it is, as with KubeEdge.
 */
function withTag(name: ImageName, isAdded: boolean, value: string, field: string): ImageName {
  const wanted = isAdded ? name.tag + value : value;
  const hasNothingToAddTo = isAdded && name.tag === "" && (name.digest !== "" || !isTag(wanted));
  if (hasNothingToAddTo) return name;
  if (isTag(wanted)) return { ...name, tag: wanted, digest: "" };
  if (isDigest(wanted)) return { ...name, tag: "", digest: wanted };
  return fail(`${field}.value`, `makes ${quoted(wanted)}, which is neither tag nor digest; correct it`);
}
