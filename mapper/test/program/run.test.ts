// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createMapper, type Mapper } from "@longshore/mapper";
import { runProgram, type Program } from "../../src/program/run.ts";
import { createTestEdge, type TestEdge } from "../support/edge.ts";
import { aDevice, aModel } from "../support/gen.ts";

const MAIN = fileURLToPath(new URL("../../examples/thermometer/main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe("the program of a defined mapper", () => {
  let dir: string;
  let child: ChildProcess | undefined;
  let edge: TestEdge;
  const output = { out: "", err: "" };
  let ended: Promise<Ended>;

  /** Node and the sources: what a user's bundle does, without the bundle. */
  function start(...argv: string[]): ChildProcess {
    const env = { PATH: process.env["PATH"], DMI_SOCKET: join(dir, "dmi.sock") };
    const started = spawn(process.execPath, ["--conditions=source", MAIN, ...argv], { env });
    output.out = output.err = "";
    started.stdout.on("data", (chunk: Buffer) => (output.out += chunk.toString()));
    started.stderr.on("data", (chunk: Buffer) => (output.err += chunk.toString()));
    ended = new Promise((resolve) => started.once("close", (code) => resolve({ code, ...output })));
    child = started;
    return started;
  }
  async function until(isTrue: () => boolean, what: string): Promise<void> {
    const endMs = performance.now() + 20_000;
    while (!isTrue()) {
      if (performance.now() > endMs) throw new Error(`timed out: ${what}: ${output.out}${output.err}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  const socket = () => join(dir, "mapper.sock");

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "program-"));
    edge = createTestEdge(join(dir, "dmi.sock"));
  });
  afterEach(() => {
    child?.kill("SIGKILL");
    child = undefined;
    edge.crash();
    rmSync(dir, { recursive: true, force: true });
  });

  it("A13 registers, writes what is desired, tells it in lines of JSON, and ends with 0 on SIGTERM", async () => {
    await edge.start();
    const devices = [aDevice({ target: "25", collectCycle: 100n, reportCycle: 100n })];
    edge.set = { models: [aModel()], devices };
    const running = start("--socket", socket());
    await until(() => edge.reports.length > 2 && output.out.includes('"target set"'), "a write and reports");
    running.kill("SIGTERM");
    const { code, out, err } = await ended;
    expect({ code, err }).toStrictEqual({ code: 0, err: "" });
    const lines = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.find(({ msg }) => msg === "target set")).toMatchObject({
      ...{ level: 30, device: "default/hall", target: 25, write: 1 },
    });
    expect(lines.at(-1)).toMatchObject({ msg: "mapper stopped" });
    expect(existsSync(socket())).toBe(false);
  });

  it.each([
    { argv: ["--sokcet"], code: 2, err: /thermometer-mapper: .*--sokcet.*--help/, out: /^$/ },
    { argv: ["--http", "nowhere"], code: 2, err: /--http must be host:port/, out: /^$/ },
    { argv: ["--help"], code: 0, err: /^$/, out: /--dmi-socket \(DMI_SOCKET\)/ },
    { argv: ["--version"], code: 0, err: /^$/, out: /^thermometer-mapper v1\.0\.0\n$/ },
    { argv: ["--socket", "/"], code: 1, err: /^$/, out: /"level":50.*the mapper cannot start/ },
  ])("with $argv ends with $code and says why", async ({ argv, code, err, out }) => {
    start(...argv);
    const end = await ended;
    expect(end.code).toBe(code);
    expect(end.err).toMatch(err);
    expect(end.out).toMatch(out);
  });
});

describe("a program", () => {
  /** A process in the test's hand. */
  function host() {
    const signals: (() => void)[] = [];
    const exits: number[] = [];
    const lines: string[] = [];
    return {
      exits,
      lines,
      signal: () => signals.forEach((callback) => callback()),
      print: (line: string) => void lines.push(line),
      complain: (line: string) => void lines.push(line),
      onSignal: (callback: () => void) => void signals.push(callback),
      exit: (code: number) => void exits.push(code),
    };
  }
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const aMapper = (change: Partial<Mapper> = {}): Mapper => ({
    ...createMapper({
      ...{ name: "m", version: "v1", protocol: "p", address: "/none", dmiSocket: "/none" },
      driver: { open: () => ({ read: () => 1 }) },
      log: { error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined },
    }),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    ...change,
  });
  const quiet: Program["serve"] = () => Promise.resolve({ port: 1, close: () => Promise.resolve() });
  const program = (mapper: Mapper, serve = quiet): Program => ({
    ...{ name: "m", version: "v1", create: () => mapper, serve },
  });

  it("ends at once on a second signal, while the first is still at work", async () => {
    const process = host();
    await runProgram(program(aMapper({ stop: () => new Promise(() => undefined) })), [], {}, process);
    process.signal();
    await settle();
    expect(process.exits).toStrictEqual([]);
    process.signal();
    expect(process.exits).toStrictEqual([1]);
  });

  it("closes what it serves with the mapper, and ends with 0", async () => {
    const process = host();
    const closed: string[] = [];
    const mapper = aMapper({ stop: () => Promise.resolve(void closed.push("mapper")) });
    const addresses: object[] = [];
    const serve: Program["serve"] = (given, address) => {
      expect(given).toBe(mapper);
      addresses.push(address);
      return Promise.resolve({ port: 1, close: () => Promise.resolve(void closed.push("server")) });
    };
    await runProgram(program(mapper, serve), ["--http", "127.0.0.1:1"], {}, process);
    process.signal();
    await settle();
    expect(addresses).toStrictEqual([{ host: "127.0.0.1", port: 1 }]);
    expect(closed).toStrictEqual(["server", "mapper"]);
    expect(process.exits).toStrictEqual([0]);
  });

  const taken: Program["serve"] = () => Promise.reject(new Error("EADDRINUSE"));
  it.each([
    { argv: [], exits: [], why: "runs without the usual address when another mapper has it" },
    {
      argv: ["--http", "127.0.0.1:1"],
      exits: [1],
      why: "fails when it does not get the address it was told",
    },
  ])("$why", async ({ argv, exits }) => {
    const process = host();
    let starts = 0;
    const mapper = aMapper({ start: () => Promise.resolve(starts++).then(() => undefined) });
    await runProgram(program(mapper, taken), argv, {}, process);
    expect(process.exits).toStrictEqual(exits);
    expect(starts).toBe(1 - exits.length); // what fails has opened no device that nobody would close
    expect(process.lines.join()).toContain("EADDRINUSE");
  });

  it("tells the port that it got when it asked for any", async () => {
    const process = host();
    const serve: Program["serve"] = () => Promise.resolve({ port: 4711, close: () => Promise.resolve() });
    await runProgram(program(aMapper(), serve), ["--http", "127.0.0.1:0"], {}, process);
    expect(process.lines.join()).toContain('"port":4711');
  });

  it("serves nothing with an empty address", async () => {
    const process = host();
    await runProgram(program(aMapper(), taken), ["--http", ""], {}, process);
    expect(process.exits).toStrictEqual([]);
  });

  it("ends with 1 when the mapper cannot stop, and says so", async () => {
    const process = host();
    await runProgram(program(aMapper({ stop: () => Promise.reject(new Error("stuck")) })), [], {}, process);
    process.signal();
    await settle();
    expect(process.exits).toStrictEqual([1]);
    expect(process.lines.join()).toContain("stuck");
  });
});
