// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveHost, resolveSerialPort } from "../../src/modbus/access.ts";

const closed = { serialPorts: [], networks: undefined };

describe("a serial port that a Device names", () => {
  let dir: string;
  const at = (name: string): string => join(dir, name);

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "ports-"));
    writeFileSync(at("file"), "");
    symlinkSync("/dev/null", at("link"));
    symlinkSync("/dev/ttyX0/../null", at("winding"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    { what: "relative", path: () => "ttyS0" },
    { what: "a terminal of somebody", path: () => "/dev/ptmx" },
    { what: "the memory, in the guise of a console", path: () => "/dev/tty" },
    { what: "another device", path: () => "/dev/null" },
    { what: "a link to another device", path: () => at("link") },
    { what: "a file", path: () => at("file") },
    { what: "a way up", path: () => "/dev/../etc/passwd" },
  ])("is refused when it is $what", async ({ path }) => {
    await expect(resolveSerialPort(path(), closed)).rejects.toMatchObject({ code: "ADDRESS_REFUSED" });
  });

  it.each(["/dev/ttyUSB999", "/dev/serial/by-id/none"])("is away when it is not there: %s", async (path) => {
    await expect(resolveSerialPort(path, closed)).rejects.toMatchObject({ code: "CONNECT_FAILED" });
  });

  it.each([["/dev/null"], ["/dev/"]])(
    "is what it leads to, where the option %s allows that",
    async (allowed) => {
      expect(await resolveSerialPort(at("link"), { ...closed, serialPorts: [allowed] })).toBe("/dev/null");
    },
  );

  it("is no file, even where its folder is allowed", async () => {
    const access = { ...closed, serialPorts: [`${dir}/`] };
    await expect(resolveSerialPort(at("file"), access)).rejects.toMatchObject({ code: "ADDRESS_REFUSED" });
  });
});

describe("a host that a Device names", () => {
  const within = (...networks: string[]) => ({ ...closed, networks });

  it.each([
    { host: "192.0.2.7", access: closed },
    { host: "192.0.2.7", access: within("192.0.2.0/24") },
    { host: "192.0.2.7", access: within("198.51.100.0/24", "192.0.2.7") },
    { host: "2001:db8::1", access: within("2001:db8::/32") },
  ])("is dialled: $host within $access.networks", async ({ host, access }) => {
    expect(await resolveHost(host, access)).toBe(host);
  });

  it.each([
    { host: "192.0.3.7", access: within("192.0.2.0/24") },
    { host: "127.0.0.1", access: within() },
    { host: "localhost", access: within("192.0.2.0/24") },
    { host: "192.0.2.7", access: within("192.0.2.0/33") },
    { host: "192.0.2.7", access: within("all") },
  ])("is refused: $host within $access.networks", async ({ host, access }) => {
    await expect(resolveHost(host, access)).rejects.toMatchObject({ code: "ADDRESS_REFUSED" });
  });
});
