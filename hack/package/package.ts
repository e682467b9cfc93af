// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from "node:crypto";
import { buildAgent, withManifest, type AgentFiles } from "./files.ts";
import { imageOf, layerOf, type Image, type ImageOptions } from "./image.ts";
import { push, type Target } from "./push.ts";
import { signatureOf, signatureTag } from "./sign.ts";

/** An installation package of the agent. */
export interface AgentPackage {
  readonly version: string;
  readonly files: AgentFiles;
  readonly image: Image;
}

/**
 * Makes an installation package, the same bytes from the same sources.
 *
 * @param version such as `v1.24.0`: what NodeUpgradeJobs name, the tag, and what the agent says of itself
 * @param files of the agent; default: built of the sources
 */
export async function makePackage(
  version: string,
  files?: AgentFiles,
  options?: ImageOptions,
): Promise<AgentPackage> {
  const all = withManifest(files ?? (await buildAgent(version)), version);
  const labels = { "org.opencontainers.image.version": version };
  return { version, files: all, image: imageOf(await layerOf(all), { labels, ...options }) };
}

/** Pushes a package under its version, signed if there is a key. @returns the digest that the tag then names */
export async function publish(
  { version, image }: AgentPackage,
  target: Target,
  repository: string,
  key?: KeyObject,
): Promise<string> {
  await push(target, repository, version, image);
  if (key !== undefined) {
    const signature = signatureOf(image.digest, `${target.host}/${repository}`, key);
    await push(target, repository, signatureTag(image.digest), signature);
  }
  return image.digest;
}
