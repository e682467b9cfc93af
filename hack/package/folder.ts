// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { AgentFiles } from "./files.ts";
import { AGENT_FOLDER, descriptorOf, type Image } from "./image.ts";

/**
 * Writes a package into a folder: `root/` is what the image holds, for the Dockerfile and for machines without a
 * registry; `oci/` is the image in OCI's layout, for tools such as skopeo.
 */
export function writeFolder(folder: string, files: AgentFiles, version: string, image: Image): void {
  rmSync(join(folder, "root"), { recursive: true, force: true });
  rmSync(join(folder, "oci"), { recursive: true, force: true });
  for (const [name, bytes] of files) write(join(folder, "root", AGENT_FOLDER, name), bytes);
  const oci = join(folder, "oci");
  for (const { digest, bytes } of [...image.blobs, ...image.manifests])
    write(join(oci, "blobs", digest.replace(":", "/")), bytes);
  write(join(oci, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const last = image.manifests.at(-1);
  const manifests = last
    ? [{ ...descriptorOf(last), annotations: { "org.opencontainers.image.ref.name": version } }]
    : [];
  write(join(oci, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

function write(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
