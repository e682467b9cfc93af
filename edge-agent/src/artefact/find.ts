// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import type { DigestGate } from "../jobs/upgrade/port.ts";
import { ArtefactFault } from "./errors.ts";
import { download } from "./http/download.ts";
import type { Registry } from "./http/registry.ts";
import { retrying, type Retry } from "./http/retry.ts";
import { checkDigest, expectationOf, type PulledDigests } from "./image/gate.ts";
import { checkConfig, isIndex, parseManifest, pick, type Manifest, type Platform } from "./image/manifest.ts";
import type { ImageReference } from "./image/reference.ts";

/** An image of one platform in a registry. */
export interface Found extends Manifest, PulledDigests {}

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/** @throws {ArtefactFault} MISSING, also when there is none for the platform; CONTENT, DIGEST, REGISTRY */
export async function find(
  registry: Registry,
  reference: string,
  platform: Platform,
  retry: Retry,
): Promise<Found> {
  const first = await retrying(retry, () => registry.manifest(reference, retry.signal));
  const parsed = parseManifest(first.bytes);
  if (!isIndex(parsed)) return { ...parsed, reference: first.digest, manifest: first.digest };
  const { digest } = pick(parsed, platform);
  const second = await retrying(retry, () => registry.manifest(digest, retry.signal));
  const manifest = parseManifest(second.bytes);
  if (isIndex(manifest)) throw new ArtefactFault("CONTENT", "the image is an index of indexes");
  return { ...manifest, reference: first.digest, manifest: second.digest };
}

/** What a gate is checked with. */
export interface GateCheck {
  readonly gate: DigestGate | undefined;
  readonly architecture: string;
  /** As the job has it, for people. */
  readonly name: string;
  readonly image: ImageReference;
  /** The same repository at another host, asked with a token. @throws {ArtefactFault} HOST, REFERENCE */
  readonly other: (host: string, token: string) => Registry;
  readonly retry: Retry;
}

/** @throws {ArtefactFault} DIGEST, and why the other registry could not be asked */
export async function checkGate(found: Found, check: GateCheck): Promise<void> {
  const { retry } = check;
  const expectation = expectationOf(check.gate, check.architecture);
  if (expectation.kind === "none") return;
  if (expectation.kind === "digest") {
    checkDigest(check.name, found, expectation.digest);
    return;
  }
  const registry = check.other(expectation.host, expectation.token);
  const { digest } = await retrying(retry, () => registry.manifest(check.image.reference, retry.signal));
  checkDigest(check.name, found, digest);
}

/**
 * An image that is no choice of platforms says only in its config what it is for.
 *
 * `into` is where the config may lie meanwhile.
 *
 * @throws {ArtefactFault} MISSING when it is for another platform
 */
export async function checkOnlyPlatform(
  registry: Registry,
  { config, reference, manifest }: Found,
  { platform, into, retry }: { platform: Platform; into: string; retry: Retry },
): Promise<void> {
  if (reference !== manifest) return;
  if (config.size > MAX_CONFIG_BYTES)
    throw new ArtefactFault("LIMIT", `the image's config has more than ${MAX_CONFIG_BYTES} bytes`);
  await download(registry, config, into, retry);
  checkConfig(await readFile(into), platform);
}
