// SPDX-License-Identifier: Apache-2.0

const DOMAIN_PART = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = `(?:${DOMAIN_PART}(?:\\.${DOMAIN_PART})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const PATH_PART = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const TAG = "\\w[\\w.-]{0,127}";
const DIGEST = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}";
const DOMAIN = new RegExp(`^${HOST}$`);
const REMAINDER = new RegExp(`^(${PATH_PART}(?:/${PATH_PART})*)(?::${TAG})?(?:@(?:${DIGEST}))?$`);
const HEX_64 = /^[a-f0-9]{64}$/;
/** Of domain and path together; the limit of registries. */
const MAX_NAME = 255;
/** Nothing longer can be one: name, tag and digest. */
const MAX_REFERENCE = 600;

/** A first part with a dot, a colon or a capital letter, or `localhost`, is where the image comes from. */
const isDomain = (part: string): boolean =>
  /[.:]/.test(part) || part === "localhost" || part.toLowerCase() !== part;

/** Can this be the name of an image? The grammar of registries, with Docker's short names. */
export function isImageReference(image: string): boolean {
  if (image.length > MAX_REFERENCE || HEX_64.test(image)) return false;
  const slash = image.indexOf("/");
  const first = image.slice(0, Math.max(0, slash));
  const hasDomain = slash > 0 && isDomain(first);
  if (hasDomain && !DOMAIN.test(first)) return false;
  const path = REMAINDER.exec(hasDomain ? image.slice(slash + 1) : image)?.[1];
  return path !== undefined && (hasDomain ? slash + 1 : 0) + path.length <= MAX_NAME;
}
