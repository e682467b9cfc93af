// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config/index.ts";
import type { TlsMaterial } from "../../src/hub/join/index.ts";
import { openStreamTls } from "../../src/roles/stream-tls.ts";
import { silentLog, type Clock } from "../../src/runtime/index.ts";
import type { StreamTls } from "../../src/stream/index.ts";
import { createTestCa, type Identity } from "../hub/support/pki.ts";
import { eventually } from "../runtime/eventually.ts";

const own: TlsMaterial = { ca: "hubs", cert: "c", key: "k" };
const forHubs = { cert: "c", key: "k" };
let dir: string;
let changed: (tls: TlsMaterial) => void;
let pending: (() => void)[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "longshore-tls-"));
  changed = () => undefined;
  pending = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const authority = {
  tls: own,
  onChange: (listener: (tls: TlsMaterial) => void) => {
    changed = listener;
    return () => (changed = () => undefined);
  },
};
const clock: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  schedule: (_delayMs, task) => {
    pending.push(task);
    return () => (pending = pending.filter((one) => one !== task));
  },
};

function open(argv: readonly string[]) {
  const read = readConfig({ argv, env: {}, readFile: () => "" });
  if (read.action !== "run") throw new Error("not run");
  return openStreamTls({ config: read.config, authority, clock, log: silentLog });
}

const [cert, key] = [() => join(dir, "tls.crt"), () => join(dir, "tls.key")];
const flags = () => [`--hub-stream-cert-file=${cert()}`, `--hub-stream-key-file=${key()}`];
function write(pair: Identity): void {
  writeFileSync(cert(), pair.cert);
  writeFileSync(key(), pair.key);
}

describe("the certificate of the stream port", () => {
  it("is the hub's own, and follows it", async () => {
    const source = await open([]);
    const told: StreamTls[] = [];
    source.onChange((tls) => told.push(tls));
    changed({ ...own, cert: "c2" });
    expect([source.tls, ...told]).toEqual([own, { ...own, cert: "c2" }]);
  });

  it("is that of the files, with the CA of the hubs, and follows the files", async () => {
    const ca = await createTestCa("CN=other");
    const [first, second] = [await ca.server(), await ca.server()];
    write(first);
    const source = await open(flags());
    expect(source.tls).toEqual({ ca: "hubs", ...first, forHubs });
    const told: StreamTls[] = [];
    const stop = source.onChange((tls) => told.push(tls));
    writeFileSync(cert(), second.cert); // without its key yet
    pending.splice(0).forEach((task) => task());
    await eventually(() => expect(pending).toHaveLength(1));
    expect(told).toEqual([]);
    write(second);
    pending.splice(0).forEach((task) => task());
    await eventually(() => expect(told).toEqual([{ ca: "hubs", ...second, forHubs }]));
    changed({ ...own, ca: "more hubs" });
    expect(told).toHaveLength(2);
    await eventually(() => expect(pending).toHaveLength(1));
    stop();
    expect(pending).toEqual([]);
  });

  it.each([
    {
      when: "one file is missing in the configuration",
      argv: ["--hub-stream-cert-file=/x"],
      says: "together",
    },
    {
      when: "a file is missing",
      argv: ["--hub-stream-cert-file=/nowhere/a", "--hub-stream-key-file=/nowhere/b"],
      says: "ENOENT",
    },
  ])("is refused when $when", async ({ argv, says }) => {
    await expect(open(argv)).rejects.toThrow(says);
  });

  it("B164 in part: is refused when the key is of another certificate", async () => {
    const ca = await createTestCa();
    write({ ...(await ca.server()), key: (await ca.server()).key });
    await expect(open(flags())).rejects.toThrow("not that of the certificate");
  });
});
