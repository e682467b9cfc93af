// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { writeWhole } from "../../src/artefact/http/download.ts";
import { unpack } from "../../src/artefact/unpack.ts";
import { entry, header, longName, pax, tarOf, type Written } from "./archives.ts";

const HERE = "opt/longshore/agent";
const good: Written = { name: `${HERE}/edge-agent.js`, body: "good" };
const GIB = 1024 ** 3;
const PLAIN = "application/vnd.oci.image.layer.v1.tar";

describe("unpacking a layer", () => {
  let root = "";
  let into = "";
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "longshore-artefact-"));
    into = join(root, "staging/agent");
    mkdirSync(into, { recursive: true });
    writeFileSync(join(root, "victim"), "untouched");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const unpackAll = async (
    layers: readonly (Buffer | { readonly bytes: Buffer; readonly mediaType: string })[],
    limits = { maxBytes: 16 * 1024 * 1024, maxEntries: 100 },
  ): Promise<void> => {
    const files = layers.map((layer, i) => {
      const { bytes, mediaType } = Buffer.isBuffer(layer) ? { bytes: layer, mediaType: PLAIN } : layer;
      writeFileSync(join(root, `layer${i}`), bytes);
      return { file: join(root, `layer${i}`), mediaType };
    });
    await unpack(files, { into, ...limits, signal: new AbortController().signal });
  };

  /** Everything below the root but the layers themselves. */
  const everything = (): string[] =>
    readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => !/^layer\d$/.test(name));

  const hostile: readonly {
    readonly what: string;
    readonly layers: readonly Buffer[];
    readonly kind?: string;
  }[] = [
    ...[
      "../victim",
      `${HERE}/../../../../victim`,
      `${HERE}/..`,
      "/victim",
      "/",
      `/${HERE}/x.js`,
      "C:\\victim",
      "C:victim",
      `${HERE}\\..\\victim`,
      `${HERE}//x.js`,
      `./../victim`,
      `${HERE}/a\nb`,
    ].map((name) => ({
      what: `the name ${JSON.stringify(name)}`,
      layers: [tarOf(good, { name, body: "evil" })],
    })),
    {
      what: "a name in a pax header that leads out",
      layers: [tarOf({ ...good, before: pax({ path: "../../victim" }) })],
    },
    {
      what: "a name in GNU's header that leads out",
      layers: [tarOf({ ...good, before: longName("/victim") })],
    },
    {
      what: "a name in a pax header with a NUL in it",
      layers: [tarOf({ ...good, before: pax({ path: `${HERE}/a\0b` }) })],
    },
    {
      what: "a symlink, and a write through it",
      layers: [
        tarOf(
          { name: `${HERE}/edge-agent.parts`, type: "2", link: "../../.." },
          { name: `${HERE}/edge-agent.parts/victim`, body: "evil" },
        ),
      ],
    },
    {
      what: "a symlink in the place of a folder above the package",
      layers: [tarOf({ name: "opt/longshore", type: "2", link: "/etc" }, good)],
    },
    {
      what: "a symlink in one layer, and a write through it in the next",
      layers: [
        tarOf({ name: `${HERE}/edge-agent.parts`, type: "2", link: "../../.." }),
        tarOf({ name: `${HERE}/edge-agent.parts/victim`, body: "evil" }),
      ],
    },
    { what: "a hardlink", layers: [tarOf({ name: `${HERE}/x`, type: "1", link: "../../victim" })] },
    ...["3", "4", "6"].map((type) => ({
      what: `a device of type ${type}`,
      layers: [tarOf({ name: `${HERE}/x`, type })],
    })),
    { what: "an unknown kind of entry", layers: [tarOf({ name: `${HERE}/x`, type: "V", body: "x" })] },
    { what: "10 GiB in a header", kind: "ROOM", layers: [entry({ ...good, size: 10 * GIB })] },
    {
      what: "10 GiB in a pax header",
      kind: "ROOM",
      layers: [tarOf({ ...good, before: pax({ size: String(10 * GIB) }) })],
    },
    { what: "GNU's sparse file", layers: [tarOf({ ...good, type: "S" })] },
    {
      what: "a sparse file of 10 GiB as pax has it",
      layers: [
        tarOf({ ...good, before: pax({ "GNU.sparse.major": "1", "GNU.sparse.realsize": String(10 * GIB) }) }),
      ],
    },
    { what: "one name for all entries", layers: [tarOf({ ...good, before: pax({ path: "x" }, "g") })] },
    { what: "a file twice", layers: [tarOf(good, good)] },
    { what: "a file in two layers", layers: [tarOf(good), tarOf(good)] },
    {
      what: "a file below a file",
      layers: [tarOf(good, { name: `${HERE}/edge-agent.js/x`, body: "evil" })],
    },
    {
      what: "a file in the place of a folder",
      layers: [tarOf({ name: `${HERE}/a/b`, body: "x" }, { name: `${HERE}/a`, body: "evil" })],
    },
    { what: "a whiteout of the package", layers: [tarOf(good), tarOf({ name: "opt/longshore/.wh.agent" })] },
    {
      what: "a whiteout in the package",
      layers: [tarOf(good), tarOf({ name: `${HERE}/.wh.edge-agent.js` })],
    },
    { what: "an opaque folder above it", layers: [tarOf({ name: "opt/.wh..wh..opq" }, good)] },
    { what: "a hidden file", layers: [tarOf({ name: `${HERE}/.layers`, body: "x" })] },
    {
      what: "101 entries",
      kind: "LIMIT",
      layers: [tarOf(...Array.from({ length: 101 }, (_, i) => ({ name: `x${i}` })))],
    },
    {
      what: "101 entries in two layers",
      kind: "LIMIT",
      layers: [0, 1].map((n) => tarOf(...Array.from({ length: 51 }, (_, i) => ({ name: `x${n}.${i}` })))),
    },
    {
      what: "17 MiB in two files",
      kind: "ROOM",
      layers: [tarOf(...["x", "y"].map((name) => ({ name, body: Buffer.alloc(8.5 * 1024 * 1024) })))],
    },
    {
      what: "17 MiB in two layers",
      kind: "ROOM",
      layers: [0, 1].map((n) => tarOf({ name: `x${n}`, body: Buffer.alloc(8.5 * 1024 * 1024) })),
    },
    {
      what: "an extended header of 1 MiB",
      kind: "LIMIT",
      layers: [entry({ name: "x", type: "x", size: 1 << 20 })],
    },
    { what: "no end", layers: [entry(good)] },
    { what: "an end within a file", layers: [entry({ ...good, body: "x".repeat(2000) }).subarray(0, 1100)] },
    { what: "a wrong checksum", layers: [Buffer.concat([header(good).fill("y", 0, 1), Buffer.alloc(1024)])] },
    { what: "a negative size", layers: [Buffer.concat([negative(), Buffer.alloc(1024)])] },
    { what: "a pax record that is none", layers: [tarOf({ name: "x", type: "x", body: "99 path=x\n" })] },
  ];

  it.each(hostile)(
    "S11 B165 is refused for $what, and nothing is written outside",
    async ({ layers, kind }) => {
      await expect(unpackAll(layers)).rejects.toMatchObject({ kind: kind ?? "HOSTILE" });
      expect(readFileSync(join(root, "victim"), "utf8")).toBe("untouched");
      const outside = everything().filter((name) => !name.startsWith("staging/agent/"));
      expect(outside.sort()).toEqual(["staging", "staging/agent", "victim"]);
      for (const name of everything()) expect(lstatSync(join(root, name)).isSymbolicLink()).toBe(false);
    },
  );

  it("S11 writes through nothing that somebody put into the folder meanwhile", async () => {
    const { symlinkSync } = await import("node:fs");
    symlinkSync(join(root, "victim"), join(into, "edge-agent.js"));
    await expect(unpackAll([tarOf(good)])).rejects.toMatchObject({ kind: "HOSTILE" });
    expect(readFileSync(join(root, "victim"), "utf8")).toBe("untouched");
  });

  it("S11 stops at what a small layer unpacks to", async () => {
    const bomb = gzipSync(tarOf({ name: "zeros", body: Buffer.alloc(32 * 1024 * 1024) }));
    const layer = { bytes: bomb, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };
    await expect(unpackAll([layer])).rejects.toMatchObject({ kind: "ROOM", code: "NO_ROOM" });
  });

  it.each([
    ["tar", PLAIN, (bytes: Buffer) => bytes],
    ["gzip", "application/vnd.oci.image.layer.v1.tar+gzip", (bytes: Buffer) => gzipSync(bytes)],
    [
      "Docker's gzip",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      (bytes: Buffer) => gzipSync(bytes),
    ],
    ["zstd", "application/vnd.oci.image.layer.v1.tar+zstd", (bytes: Buffer) => zstdCompressSync(bytes)],
  ])("brings the package's files alone out of %s", async (_name, mediaType, packed) => {
    const long = `${"n".repeat(90)}.js`;
    const base = tarOf(
      { name: "bin/sh", type: "2", link: "busybox" },
      { name: "dev/null", type: "3" },
      { name: "etc/passwd", body: "root" },
    );
    const layer = tarOf(
      { name: "./", type: "5" },
      { name: "./opt/", type: "5" },
      { name: "./opt/longshore/agent/", type: "5" },
      { name: "./opt/longshore/agent/edge-agent.js", body: "program", mode: 0o4755 },
      { name: `${HERE}/edge-agent.parts/`, type: "5" },
      { name: "short", body: "part", before: longName(`${HERE}/edge-agent.parts/${long}`) },
      { name: "short", body: "chunk", before: pax({ path: `${HERE}/edge-agent.parts/p.js`, mtime: "1.5" }) },
    );
    await unpackAll([base, { bytes: packed(layer), mediaType }]);
    const files = readdirSync(into, { recursive: true, encoding: "utf8" });
    expect(files.sort()).toEqual(
      ["edge-agent.js", "edge-agent.parts", `edge-agent.parts/${long}`, "edge-agent.parts/p.js"].sort(),
    );
    expect(readFileSync(join(into, "edge-agent.js"), "utf8")).toBe("program");
    expect(readFileSync(join(into, "edge-agent.parts", long), "utf8")).toBe("part");
    expect(lstatSync(join(into, "edge-agent.js")).mode & 0o7777).toBe(0o755);
    expect(existsSync(join(root, "bin"))).toBe(false);
  });

  it.each([
    ["text", "application/vnd.oci.image.layer.v1.tar+gzip", Buffer.from("not gzip at all, by no means")],
    ["a cut", "application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tarOf(good)).subarray(0, 60)],
    ["a window of 128 MiB", "application/vnd.oci.image.layer.v1.tar+zstd", wideFrame(tarOf(good))],
    ["another kind", "application/x-evil", tarOf(good)],
  ])("refuses %s in the place of a layer", async (_what, mediaType, bytes) => {
    await expect(unpackAll([{ bytes, mediaType }])).rejects.toMatchObject({
      kind: "CONTENT",
      code: "REFUSED",
    });
  });
});

describe("writing to a disk that is full", () => {
  const room = (bytes: number) => {
    let taken = Buffer.alloc(0);
    const write = (from: Buffer, offset: number, length: number, position: number) => {
      const bytesWritten = Math.min(length, bytes - taken.length, 3);
      if (bytesWritten === 0) return Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" }));
      expect(position).toBe(taken.length);
      taken = Buffer.concat([taken, from.subarray(offset, offset + bytesWritten)]);
      return Promise.resolve({ bytesWritten, buffer: from });
    };
    return { taken: () => taken.toString(), file: { write } as unknown as FileHandle };
  };

  it("writes the rest of what was taken in part", async () => {
    const disk = room(100);
    await writeWhole(disk.file, Buffer.from("all of it"), 0);
    expect(disk.taken()).toBe("all of it");
  });

  it("R35 never takes a part for the whole", async () => {
    const disk = room(4);
    await expect(writeWhole(disk.file, Buffer.from("all of it"), 0)).rejects.toMatchObject({ kind: "ROOM" });
  });
});

/** A frame of zstd (RFC 8878 3.1.1) that has the reader keep 2^27 bytes in memory. */
function wideFrame(content: Buffer): Buffer {
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, (27 - 10) << 3]);
  const block = Buffer.alloc(3);
  block.writeUIntLE((content.length << 3) | 1, 0, 3);
  return Buffer.concat([frame, block, content]);
}

function negative(): Buffer {
  const block = header({ ...good });
  block.fill(0xff, 124, 136);
  block.write("        ", 148, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
