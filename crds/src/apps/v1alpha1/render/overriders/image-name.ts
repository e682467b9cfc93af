// SPDX-License-Identifier: Apache-2.0

/** An image's name in its parts; those that it does not have are empty. */
export interface ImageName {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

// Grammar of image references: https://github.com/distribution/reference (names, tags and digests).
const REGISTRY = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const MAX_NAME = 255;

export const isTag = (text: string): boolean => TAG.test(text);
export const isDigest = (text: string): boolean => DIGEST.test(text);

/** The parts of an image's name, or undefined when it is none. Short names stay short: no registry is guessed. */
export function parseImage(image: string): ImageName | undefined {
  const at = image.indexOf("@");
  const digest = at < 0 ? "" : image.slice(at + 1);
  const tagged = at < 0 ? image : image.slice(0, at);
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  const name = {
    ...splitName(hasTag ? tagged.slice(0, colon) : tagged),
    tag: hasTag ? tagged.slice(colon + 1) : "",
    digest,
  };
  return isImage(name, at >= 0, hasTag) ? name : undefined;
}

/** A first part is a registry when it looks like a host: with a dot or a port, or localhost. */
function splitName(name: string): Pick<ImageName, "registry" | "repository"> {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  if (!/[.:]/.test(first) && first !== "localhost") return { registry: "", repository: name };
  return { registry: first, repository: name.slice(slash + 1) };
}

function isImage(
  { registry, repository, tag, digest }: ImageName,
  hasDigest: boolean,
  hasTag: boolean,
): boolean {
  if (registry.length + repository.length > MAX_NAME) return false;
  if (registry !== "" && !REGISTRY.test(registry)) return false;
  if (hasDigest && !isDigest(digest)) return false;
  if (hasTag && !isTag(tag)) return false;
  return repository.split("/").every((part) => PATH_PART.test(part));
}

export function imageText({ registry, repository, tag, digest }: ImageName): string {
  const name = registry === "" ? repository : `${registry}/${repository}`;
  return `${name}${tag === "" ? "" : `:${tag}`}${digest === "" ? "" : `@${digest}`}`;
}
