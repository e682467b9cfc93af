// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { pack, type Pack } from "tar-stream";
import { exec } from "../exec.ts";

/** An image for tries and tests: busybox with all its applets. */
export const BUSYBOX_IMAGE = "localhost/busybox:dev";
/** What keeps a sandbox's namespaces: the same layer, sleeping. */
export const PAUSE_IMAGE = "localhost/pause:3.9";

const BUSYBOX = "/bin/busybox";
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
const EPOCH = new Date(0);

/**
 * Writes a tar of both images, made of this machine's own static busybox: no registry is needed.
 * The same busybox gives the same bytes.
 */
export async function writeImages(path: string): Promise<void> {
  const { layer, config: shell } = await busyboxImage();
  const images = [
    { name: BUSYBOX_IMAGE, config: shell },
    { name: PAUSE_IMAGE, config: imageConfig(layer, ["/bin/sleep", "2147483647"]) },
  ];
  const tar = pack();
  for (const { config } of images) tar.entry({ name: `${sha256(config)}.json`, mtime: EPOCH }, config);
  tar.entry({ name: "layer.tar", mtime: EPOCH }, layer);
  const manifest = images.map(({ name, config }) => ({
    Config: `${sha256(config)}.json`,
    RepoTags: [name],
    Layers: ["layer.tar"],
  }));
  tar.entry({ name: "manifest.json", mtime: EPOCH }, JSON.stringify(manifest));
  tar.finalize();
  writeFileSync(path, await buffer(tar));
}

/** The parts of the busybox image: its one layer, a tar, and its config. */
export async function busyboxImage(): Promise<{ readonly layer: Buffer; readonly config: string }> {
  const applets = (await exec(BUSYBOX, ["--list"])).stdout.trim().split("\n");
  const layer = await layerOf(readFileSync(BUSYBOX), applets);
  return { layer, config: imageConfig(layer, ["/bin/sh"]) };
}

async function layerOf(busybox: Buffer, applets: readonly string[]): Promise<Buffer> {
  const tar = pack();
  const dirs: [string, number][] = [
    ["bin", 0o755],
    ["etc", 0o755],
    ["root", 0o700],
    ["tmp", 0o1777],
    ["var", 0o755],
  ];
  for (const [name, mode] of dirs) tar.entry({ name: `${name}/`, type: "directory", mode, mtime: EPOCH });
  file(tar, "bin/busybox", busybox, 0o755);
  for (const applet of applets) {
    if (applet !== "busybox") {
      tar.entry({ name: `bin/${applet}`, type: "symlink", linkname: "busybox", mode: 0o777, mtime: EPOCH });
    }
  }
  file(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0o644);
  file(tar, "etc/group", "root:x:0:\nnogroup:x:65534:\n", 0o644);
  tar.finalize();
  return buffer(tar);
}

const file = (tar: Pack, name: string, content: string | Buffer, mode: number): void => {
  tar.entry({ name, mode, mtime: EPOCH }, content);
};

function imageConfig(layer: Buffer, command: readonly string[]): string {
  return JSON.stringify({
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: "linux",
    created: EPOCH.toISOString(),
    config: { Cmd: command, Env: ["PATH=/bin"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created: EPOCH.toISOString(), created_by: "busybox-static" }],
  });
}

const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
