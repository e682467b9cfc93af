// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readInvocation } from "../../src/program/settings.ts";

const read = (argv: readonly string[] = [], env: Record<string, string> = {}, name = "plc-mapper") =>
  readInvocation({ name, version: "v1.2.3" }, argv, env);

describe("the command line of a mapper", () => {
  it("has a default for everything", () => {
    expect(read()).toStrictEqual({
      kind: "run",
      settings: {
        dmiSocket: "/etc/kubeedge/dmi.sock",
        socket: "/etc/kubeedge/plc-mapper.sock",
        http: { host: "127.0.0.1", port: 7777 },
        isHttpWanted: false,
        tokenFile: undefined,
        secretsDir: undefined,
        logLevel: "info",
      },
    });
  });

  it.each([
    { argv: ["--dmi-socket", "/a"], env: { DMI_SOCKET: "/b" }, settings: { dmiSocket: "/a" } },
    { argv: [], env: { DMI_SOCKET: "/b" }, settings: { dmiSocket: "/b" } },
    { argv: ["--socket=/a"], env: { MAPPER_SOCKET: "/b" }, settings: { socket: "/a" } },
    { argv: [], env: { MAPPER_SOCKET: "/b" }, settings: { socket: "/b" } },
    { argv: ["--http", ""], env: {}, settings: { http: undefined, isHttpWanted: false } },
    { argv: [], env: { MAPPER_HTTP: "" }, settings: { http: undefined, isHttpWanted: false } },
    {
      argv: ["--http", "[::1]:80"],
      env: { MAPPER_HTTP: "" },
      settings: { http: { host: "::1", port: 80 }, isHttpWanted: true },
    },
    {
      argv: [],
      env: { MAPPER_HTTP: "0.0.0.0:7778" },
      settings: { http: { host: "0.0.0.0", port: 7778 }, isHttpWanted: true },
    },
    { argv: ["--token-file", "/t"], env: { MAPPER_TOKEN_FILE: "/u" }, settings: { tokenFile: "/t" } },
    { argv: [], env: { MAPPER_TOKEN_FILE: "/u" }, settings: { tokenFile: "/u" } },
    { argv: ["--secrets-dir", "/s"], env: {}, settings: { secretsDir: "/s" } },
    { argv: [], env: { SECRETS_DIR: "/s" }, settings: { secretsDir: "/s" } },
    { argv: ["--log-level", "debug"], env: { LOG_LEVEL: "warn" }, settings: { logLevel: "debug" } },
    { argv: [], env: { LOG_LEVEL: "warn" }, settings: { logLevel: "warn" } },
    {
      argv: [],
      env: { DMI_SOCKET: "", MAPPER_SOCKET: "", LOG_LEVEL: "", MAPPER_TOKEN_FILE: "" },
      settings: { dmiSocket: "/etc/kubeedge/dmi.sock", logLevel: "info", tokenFile: undefined },
    },
  ])("takes $argv, then $env", ({ argv, env, settings }) => {
    expect(read(argv, env)).toMatchObject({ kind: "run", settings });
  });

  it.each([
    { argv: ["--sokcet", "/a"], says: "--sokcet" },
    { argv: ["stray"], says: "stray" },
    { argv: ["--socket"], says: "--socket" },
    { argv: ["--socket", "mapper.sock"], says: "--socket must be an absolute path" },
    { argv: ["--dmi-socket", ""], says: "--dmi-socket must be an absolute path" },
    { argv: ["--http", "7777"], says: "--http must be host:port" },
    { argv: ["--http", "h:65536"], says: "--http must be host:port" },
    { argv: ["--log-level", "loud"], says: "--log-level must be one of debug, info, warn, error" },
  ])("names what is wrong with $argv", ({ argv, says }) => {
    const asked = read(argv);
    expect(asked.kind === "wrong" ? asked.faults.join() : asked).toContain(says);
  });

  it("tells all faults at once", () => {
    expect(read(["--socket", "a", "--dmi-socket", "b"])).toMatchObject({
      faults: [{}, {}].map(() => expect.any(String)),
    });
  });

  it("tells every flag with its variable and default, and the version", () => {
    const help = read(["--help"]);
    expect(help.kind).toBe("help");
    const text = help.kind === "help" ? help.text : "";
    for (const word of [
      "--http (MAPPER_HTTP)",
      "/etc/kubeedge/plc-mapper.sock",
      "--secrets-dir",
      "LOG_LEVEL",
    ]) {
      expect(text).toContain(word);
    }
    expect(read(["--version"])).toStrictEqual({ kind: "version", text: "plc-mapper v1.2.3\n" });
  });

  it("makes a socket's name of any name", () => {
    expect(read([], {}, "../opc ua/x")).toMatchObject({
      settings: { socket: "/etc/kubeedge/..-opc-ua-x.sock" },
    });
  });
});
