// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { pack } from "tar-stream";
import type { AgentFiles } from "./files.ts";

/** A blob as manifests name it. */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image: what is pushed, in that order. The last manifest is the one that a tag names. */
export interface Image {
  readonly blobs: readonly Blob[];
  readonly manifests: readonly Blob[];
  readonly digest: string;
  /** Digest of each platform's manifest, by architecture. */
  readonly platforms: Readonly<Record<string, string>>;
}

export interface ImageOptions {
  /** Go's words; default amd64 and arm64. One alone makes no index. */
  readonly architectures?: readonly string[];
  readonly compression?: "gzip" | "zstd";
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where the agent is in an installation package. */
export const AGENT_FOLDER = "opt/longshore/agent";
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const EPOCH = new Date(0);

/** A tar of the agent: the same files give the same bytes. */
export async function layerOf(files: AgentFiles): Promise<Buffer> {
  const tar = pack();
  const names = [...files.keys()].sort().map((name) => `${AGENT_FOLDER}/${name}`);
  for (const folder of [...new Set(names.flatMap(foldersOf))].sort())
    tar.entry({ name: `${folder}/`, type: "directory", mode: 0o755, mtime: EPOCH });
  for (const name of names)
    tar.entry(
      { name, mode: 0o644, mtime: EPOCH },
      files.get(name.slice(AGENT_FOLDER.length + 1)) ?? Buffer.alloc(0),
    );
  tar.finalize();
  return buffer(tar);
}

function foldersOf(name: string): string[] {
  const parent = dirname(name);
  return parent === "." ? [] : [...foldersOf(parent), parent];
}

/** One layer for every platform: the agent has no compiled part. */
export function imageOf(layer: Buffer, options: ImageOptions = {}): Image {
  const { architectures = ["amd64", "arm64"], compression = "gzip", labels = {} } = options;
  const packed = blobOf(
    `application/vnd.oci.image.layer.v1.tar+${compression}`,
    compression === "gzip" ? gzipSync(layer, { level: 9 }) : zstdCompressSync(layer),
  );
  const parts = architectures.map((architecture) => {
    const config = configOf(architecture, layer, labels);
    return { architecture, config, manifest: manifestOf(config, [packed]) };
  });
  const manifests = parts.map(({ manifest }) => manifest);
  const index = parts.length === 1 ? [] : [indexOf(parts)];
  return {
    blobs: [packed, ...parts.map(({ config }) => config)],
    manifests: [...manifests, ...index],
    digest: (index[0] ?? manifests[0])?.digest ?? "",
    platforms: Object.fromEntries(parts.map(({ architecture, manifest }) => [architecture, manifest.digest])),
  };
}

/** An image whose manifests somebody else wrote. */
export const imageWith = (blobs: readonly Blob[], manifest: Blob): Image => ({
  blobs,
  manifests: [manifest],
  digest: manifest.digest,
  platforms: {},
});

export const manifestOf = (
  config: Blob,
  layers: readonly (Blob & { readonly annotations?: Readonly<Record<string, string>> })[],
): Blob =>
  json(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptorOf(config),
    layers: layers.map((layer) => ({
      ...descriptorOf(layer),
      ...(layer.annotations === undefined ? {} : { annotations: layer.annotations }),
    })),
  });

function indexOf(parts: readonly { readonly architecture: string; readonly manifest: Blob }[]): Blob {
  return json(INDEX_TYPE, {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: parts.map(({ architecture, manifest }) => ({
      ...descriptorOf(manifest),
      platform: { architecture, os: "linux" },
    })),
  });
}

function configOf(architecture: string, layer: Buffer, labels: Readonly<Record<string, string>>): Blob {
  return json(CONFIG_TYPE, {
    architecture,
    os: "linux",
    created: EPOCH.toISOString(),
    config: { Labels: labels },
    rootfs: { type: "layers", diff_ids: [digestOf(layer)] },
    history: [{ created: EPOCH.toISOString(), created_by: "hack/package" }],
  });
}

export const descriptorOf = ({ mediaType, digest, bytes }: Blob) => ({
  mediaType,
  digest,
  size: bytes.length,
});

const json = (mediaType: string, value: unknown): Blob =>
  blobOf(mediaType, Buffer.from(JSON.stringify(value)));

export const blobOf = (mediaType: string, bytes: Buffer): Blob => ({
  mediaType,
  digest: digestOf(bytes),
  bytes,
});

export const digestOf = (bytes: Buffer): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
