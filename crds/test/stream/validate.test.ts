// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readStreamRequest, StreamError, UPGRADE_HEADERS } from "../../src/stream/index.ts";

const SPDY = {
  method: "POST",
  headers: [
    ["connection", "Upgrade"],
    ["upgrade", "SPDY/3.1"],
    ["x-stream-protocol-version", "v5.channel.k8s.io"],
    ["x-stream-protocol-version", "v4.channel.k8s.io"],
    ["content-length", "0"],
  ],
};
const POD = { namespace: "default", pod: "web-0.example", uid: "a-b" };
const STREAMS = { stdin: true, stdout: true, stderr: false, tty: true };
const VALID = {
  logs: { verb: "logs", ...POD, container: "app", options: { follow: true, tailLines: 0 } },
  exec: { verb: "exec", ...POD, container: "app", command: ["ls"], ...STREAMS, upgrade: SPDY },
  attach: { verb: "attach", ...POD, container: "app", ...STREAMS, upgrade: SPDY },
  portForward: { verb: "portForward", ...POD, ports: [80, 65_535], upgrade: SPDY },
  read: { verb: "read", what: "stats/summary" },
};

function refusalOf(value: unknown): { code: string; message: string } {
  try {
    readStreamRequest(value);
  } catch (error) {
    if (error instanceof StreamError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("it was accepted");
}

const logs = (options: object): unknown => ({ ...VALID.logs, options });
const exec = (change: object): unknown => ({ ...VALID.exec, ...change });
const upgrade = (change: object): unknown => exec({ upgrade: { ...SPDY, ...change } });
const header = (name: string, value: string): unknown =>
  upgrade({ headers: [...SPDY.headers, [name, value]] });

describe("readStreamRequest", () => {
  it.each(Object.entries(VALID))("takes %s as it is", (_verb, request) => {
    expect(readStreamRequest(JSON.parse(JSON.stringify(request)))).toEqual(request);
  });

  it.each([
    ["verb GET of a URL", { verb: "GET http://169.254.169.254", ...POD }],
    ["an unknown verb", { ...VALID.logs, verb: "run" }],
    ["a verb that every object has", { ...VALID.logs, verb: "constructor" }],
    ["a URL beside a known verb", { ...VALID.read, url: "http://169.254.169.254/" }],
    ["an unknown option", logs({ limitLines: 1 })],
    ["a path instead of a known read", { verb: "read", what: "../../etc/passwd" }],
    ["another read", { verb: "read", what: "configz" }],
  ])("S25 refuses %s", (_what, value) => {
    expect(refusalOf(value).code).toBe("UNSUPPORTED");
  });

  it.each([
    ["namespace", "Default"],
    ["namespace", "a.b"],
    ["namespace", "a".repeat(64)],
    ["namespace", ""],
    ["namespace", 1],
    ["pod", "../x"],
    ["pod", "a..b"],
    ["pod", "-a"],
    ["pod", "a".repeat(254)],
    ["container", "a/b"],
    ["container", "a".repeat(64)],
    ["container", undefined],
    ["uid", "a".repeat(65)],
    ["uid", "a b"],
    ["uid", "a\n"],
    ["uid", ".."],
    ["uid", "../a"],
    ["uid", null],
  ])("refuses %s %p and names the field", (field, value) => {
    const refusal = refusalOf({ ...VALID.logs, [field]: value });
    expect(refusal).toMatchObject({ code: "BAD_REQUEST", message: expect.stringContaining(field) });
  });

  it("takes names of the greatest length", () => {
    const names = { namespace: "a".repeat(63), pod: "a".repeat(253), container: "0".repeat(63), uid: "" };
    expect(readStreamRequest({ ...VALID.logs, ...names })).toMatchObject(names);
  });

  it.each([
    ["a NUL in an argument", { command: ["a\0b"] }],
    ["1,025 arguments", { command: Array.from({ length: 1025 }, () => "a") }],
    ["no argument", { command: [] }],
    ["an argument that is no string", { command: [1] }],
    ["a command line", { command: "ls -l" }],
    ["32 KiB and a byte", { command: ["a".repeat(32 * 1024), "b"] }],
    ["half a character", { command: ["\ud800"] }],
  ])("B147 refuses %s", (_what, change) => {
    expect(refusalOf(exec(change))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("command"),
    });
  });

  it("B147 hands ;id on word for word, and 1,024 arguments", () => {
    const command = [";id", "", "$(x)", "ä\n", ...Array.from({ length: 1020 }, () => "a")];
    expect(readStreamRequest(exec({ command }))).toMatchObject({ command });
  });

  it.each([
    { tailLines: -1 },
    { tailLines: 1.5 },
    { tailLines: "10" },
    { sinceSeconds: 1e18 },
    { sinceSeconds: 0 },
    { sinceSeconds: -5 },
    { sinceSeconds: Number.NaN },
    { limitBytes: 0 },
    { limitBytes: 2 ** 60 },
    { follow: "true" },
    { stream: "All" },
    { sinceTime: "2026-02-29T00:00:00Z" },
    { sinceTime: "2026-02-28" },
    { sinceTime: "2026-01-01T24:00:00Z" },
    { sinceTime: "2026-01-01T00:00:00+24:00" },
    { sinceTime: "2026-01-01T00:00:00.1234567890Z" },
    { sinceTime: "" },
    { sinceTime: "2026-01-01T00:00:00Z", sinceSeconds: 1 },
  ])("B149 refuses the log option %p", (options) => {
    const refusal = refusalOf(logs(options));
    expect(refusal.code).toBe("BAD_REQUEST");
    for (const name of Object.keys(options)) expect(refusal.message).toContain(name);
  });

  it.each([
    { tailLines: 0, limitBytes: 1, stream: "stderr" },
    { sinceSeconds: 9_223_372_036 },
    { sinceTime: "2024-02-29T23:59:59.123456789+02:00", previous: true, timestamps: false },
  ])("takes the log options %p", (options) => {
    expect(readStreamRequest(logs(options))).toMatchObject({ options });
  });

  it.each([0, 65_536, -1, 1.5, "80"])("refuses port %p", (port) => {
    expect(refusalOf({ ...VALID.portForward, ports: [port] })).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("ports"),
    });
  });

  it("refuses 65 ports", () => {
    const ports = Array.from({ length: 65 }, (_, i) => i + 1);
    expect(refusalOf({ ...VALID.portForward, ports }).message).toContain("ports");
  });

  it.each([
    ["no stream", { stdin: false, stdout: false, stderr: false, tty: false }, "stdin, stdout, stderr"],
    ["stderr beside a tty", { stdin: true, stdout: true, stderr: true, tty: true }, "stderr"],
    ["a flag that is a number", { stdin: 1 }, "stdin"],
    ["no upgrade", { upgrade: undefined }, "upgrade"],
  ])("refuses %s", (_what, change, field) => {
    expect(refusalOf(exec(change))).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining(field),
    });
  });

  it.each([
    ["another header", header("authorization", "Bearer x")],
    ["a name in capitals", header("Upgrade", "SPDY/3.1")],
    ["a line break in a value", header("sec-websocket-key", "a\r\nx: y")],
    ["a NUL in a value", header("sec-websocket-key", "a\0")],
    ["a value beyond 1 KiB", header("sec-websocket-key", "a".repeat(1025))],
    ["a body", header("content-length", "5")],
    ["another method", upgrade({ method: "DELETE" })],
    ["no protocol to upgrade to", upgrade({ headers: [["connection", "upgrade"]] })],
    ["two protocols", header("upgrade", "websocket")],
    [
      "another protocol",
      upgrade({
        headers: [
          ["connection", "upgrade"],
          ["upgrade", "h2c"],
        ],
      }),
    ],
    ["a connection that stays HTTP", upgrade({ headers: [["upgrade", "SPDY/3.1"]] })],
    ["33 headers", upgrade({ headers: Array.from({ length: 33 }, () => ["upgrade", "SPDY/3.1"]) })],
    ["a header with three parts", upgrade({ headers: [...SPDY.headers, ["upgrade", "a", "b"]] })],
  ])("refuses an upgrade with %s", (_what, value) => {
    expect(refusalOf(value)).toMatchObject({
      code: "BAD_REQUEST",
      message: expect.stringContaining("upgrade"),
    });
  });

  it("knows a header of an upgrade by its name in lower case", () => {
    expect([...UPGRADE_HEADERS]).toEqual([...UPGRADE_HEADERS].map((name) => name.toLowerCase()));
  });

  it.each([null, undefined, 1, "logs", [], ["logs"], {}])("refuses %p", (value) => {
    expect(refusalOf(value).code).toBe("BAD_REQUEST");
  });
});
