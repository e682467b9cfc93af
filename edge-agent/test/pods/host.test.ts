// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { hostResolvConf } from "../../src/pods/host.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "host-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("hostResolvConf", () => {
  it("reads the file that is configured", () => {
    const path = join(dir, "resolv.conf");
    writeFileSync(path, "nameserver 192.0.2.53\nsearch example.org\n");
    expect(hostResolvConf(path)).toEqual({
      servers: ["192.0.2.53"],
      searches: ["example.org"],
      options: [],
    });
  });
  it("is empty where none is wanted", () => {
    expect(hostResolvConf("")).toEqual({ servers: [], searches: [], options: [] });
  });
  it("says so when the configured file cannot be read", () => {
    expect(() => hostResolvConf(join(dir, "none"))).toThrow(expect.objectContaining({ code: "HOST" }));
  });
});
