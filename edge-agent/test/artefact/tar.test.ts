// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { ArtefactFault } from "../../src/artefact/errors.ts";
import { PACKAGE_FOLDER, placeOf, readTar } from "../../src/artefact/tar/index.ts";
import { longName, pax, tarOf, type Written } from "./archives.ts";

const LIMITS = { maxBytes: 1 << 20, maxEntries: 1_000 };

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function read(bytes: Buffer, size: number, skip = false): Promise<[name: string, body: string][]> {
  const found: [string, string][] = [];
  for await (const entry of readTar(inPieces(bytes, size), LIMITS)) {
    const chunks: Buffer[] = [];
    if (!skip) for await (const chunk of entry.body()) chunks.push(chunk);
    found.push([entry.name, Buffer.concat(chunks).toString("latin1")]);
  }
  return found;
}

const name = fc.stringMatching(/^[a-z]{1,60}(\/[a-z.-]{1,60}){0,3}$/);
const files = fc.array(fc.tuple(name, fc.uint8Array({ maxLength: 1_500 })), { maxLength: 6 });

/** Names past a header's room go into an extended header, of either kind in turn. */
const written = ([path, body]: readonly [string, Uint8Array], i: number): Written => ({
  name: path,
  body: Buffer.from(body),
  ...(path.length <= 100 ? {} : { before: i % 2 === 0 ? longName(path) : pax({ path }) }),
});

describe("the tar reader", () => {
  it("reads what was written, in whatever pieces it comes", async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.integer({ min: 1, max: 2_000 }), async (all, size) => {
        const bytes = tarOf(...all.map(written));
        const wanted = all.map(([path, body]) => [path, Buffer.from(body).toString("latin1")]);
        expect(await read(bytes, size)).toEqual(wanted);
        expect((await read(bytes, size, true)).map(([path]) => path)).toEqual(all.map(([path]) => path));
      }),
      { numRuns: 100 },
    );
  });

  it("refuses an archive that was cut anywhere before its end", async () => {
    await fc.assert(
      fc.asyncProperty(files, fc.double({ min: 0, max: 1, noNaN: true }), async (all, share) => {
        const whole = tarOf(...all.map(written));
        const cut = whole.subarray(0, Math.floor(share * (whole.length - 1_024 + 511)));
        await expect(read(cut, 700)).rejects.toBeInstanceOf(ArtefactFault);
      }),
      { numRuns: 100 },
    );
  });

  it("S11 has an answer or a fault for any bytes, and never another error", async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(files, flips, fc.boolean(), async (all, changes, fixSums) => {
        const bytes = tarOf({ name: "x", before: pax({ path: "y" }) }, ...all.map(written));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        if (fixSums) for (let at = 0; at < bytes.length; at += 512) fixSum(bytes.subarray(at, at + 512));
        const result = await read(bytes, 333).catch((error: unknown) => error);
        if (!Array.isArray(result)) expect(result).toBeInstanceOf(ArtefactFault);
      }),
      { numRuns: 400 },
    );
  });

  it("S11 places any name inside the package, nowhere, or refuses it", () => {
    const part = fc.oneof(
      fc.constantFrom("..", ".", "", "opt", "longshore", "agent", "C:", "\\", "a"),
      fc.string(),
    );
    const kind = fc.constantFrom("file", "folder", "symlink", "hardlink", "device", "other");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 7 }), kind, fc.boolean(), (parts, is, below) => {
        const path = [...(below ? [PACKAGE_FOLDER] : []), ...parts].join("/");
        const place = orFault(() => placeOf({ name: path, kind: is }));
        if (place === undefined || place.to === "nowhere") return;
        expect(place.path).toMatch(/^(?!\/)[^\\\0]+$/);
        expect(place.path.split("/")).not.toContain("..");
        expect(["file", "folder"]).toContain(is);
      }),
      { numRuns: 1_000 },
    );
  });
});

function fixSum(block: Buffer): void {
  if (block.toString("latin1", 257, 262) !== "ustar") return;
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

function orFault<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    expect(error).toBeInstanceOf(ArtefactFault);
    return undefined;
  }
}
