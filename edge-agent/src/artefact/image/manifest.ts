// SPDX-License-Identifier: Apache-2.0
import { isDigest } from "@longshore/crds/operations";
import { ArtefactFault } from "../errors.ts";

/** What a manifest says of a blob, or an index of a manifest. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** Of an operating system and a processor, in Go's words. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

interface Offer extends Descriptor {
  readonly platform: Platform | undefined;
}

export const MANIFEST_TYPES = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
] as const;

const MAX_LAYERS = 64;
const MAX_OFFERS = 256;

/** Node's name of a processor in Go's words. */
export const architectureOf = (arch: string): string => (arch === "x64" ? "amd64" : arch);

/** @throws {ArtefactFault} CONTENT for what is neither a manifest nor an index, LIMIT */
export function parseManifest(bytes: Buffer): Manifest | readonly Offer[] {
  const value = jsonOf(bytes);
  if (Array.isArray(value["manifests"])) return offersOf(value["manifests"]);
  const { config, layers } = value;
  if (!Array.isArray(layers))
    throw new ArtefactFault("CONTENT", "the registry's answer is no manifest of an image");
  if (layers.length > MAX_LAYERS)
    throw new ArtefactFault("LIMIT", `the image has more than ${MAX_LAYERS} layers`);
  return { config: descriptorOf(config), layers: layers.map(descriptorOf) };
}

export const isIndex = (parsed: Manifest | readonly Offer[]): parsed is readonly Offer[] =>
  Array.isArray(parsed);

/** @throws {ArtefactFault} MISSING when none is for this machine */
export function pick(offers: readonly Offer[], platform: Platform): Descriptor {
  const found = offers.find((offer) => isFor(offer.platform, platform));
  if (found === undefined) throw notFor(platform);
  return found;
}

/**
 * Checks the config of an image that stands for itself.
 *
 * @throws {ArtefactFault} MISSING when it is for another machine, CONTENT
 */
export function checkConfig(bytes: Buffer, platform: Platform): void {
  const { os, architecture } = jsonOf(bytes);
  if (!isFor({ os, architecture }, platform)) throw notFor(platform);
}

const isFor = (
  offer: { readonly os?: unknown; readonly architecture?: unknown } | undefined,
  wanted: Platform,
): boolean => offer?.os === wanted.os && offer.architecture === wanted.architecture;

const notFor = ({ os, architecture }: Platform): ArtefactFault =>
  new ArtefactFault("MISSING", `the image has nothing for ${os}/${architecture}`);

function offersOf(values: readonly unknown[]): readonly Offer[] {
  if (values.length > MAX_OFFERS)
    throw new ArtefactFault("LIMIT", `the image has more than ${MAX_OFFERS} platforms`);
  return values.map((value) => {
    const platform = isRecord(value) ? value["platform"] : undefined;
    const { os, architecture } = isRecord(platform) ? platform : {};
    const isNamed = typeof os === "string" && typeof architecture === "string";
    return { ...descriptorOf(value), platform: isNamed ? { os, architecture } : undefined };
  });
}

function descriptorOf(value: unknown): Descriptor {
  const { mediaType, digest, size, annotations } = isRecord(value) ? value : {};
  const isSound =
    typeof mediaType === "string" &&
    typeof digest === "string" &&
    isDigest(digest) &&
    typeof size === "number" &&
    Number.isSafeInteger(size) &&
    size >= 0;
  if (!isSound)
    throw new ArtefactFault("CONTENT", "the image's manifest names a part without digest or size");
  return { mediaType, digest: digest.toLowerCase(), size, annotations: textsOf(annotations) };
}

const textsOf = (value: unknown): Record<string, string> =>
  Object.fromEntries(
    Object.entries(isRecord(value) ? value : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );

/** @throws {ArtefactFault} CONTENT */
export function jsonOf(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (isRecord(value)) return value;
  } catch {
    // told below: the text itself is not ours to show
  }
  throw new ArtefactFault("CONTENT", "a document of the image is no JSON object");
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
