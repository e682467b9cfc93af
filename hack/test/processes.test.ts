// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layoutOf, type Layout } from "../cluster/layout.ts";
import {
  findProcess,
  isAlive,
  logOf,
  restartProcess,
  startProcess,
  startTicksOf,
  stopProcess,
  waitReady,
} from "../cluster/processes.ts";

describe("recorded processes", () => {
  let layout: Layout;
  beforeEach(() => {
    layout = layoutOf("", mkdtempSync(join(tmpdir(), "longshore-")));
    mkdirSync(layout.logs, { recursive: true });
    mkdirSync(layout.processes, { recursive: true });
  });
  afterEach(async () => {
    await stopProcess(layout, "p", { signal: "SIGKILL" });
    rmSync(layout.root, { recursive: true, force: true });
  });
  const sleeping = { name: "p", command: "sleep", args: ["600"] };

  it("are found by another run, stopped by their record, and started again with the same arguments", async () => {
    const started = startProcess(layout, sleeping);
    expect(isAlive(findProcess(layout, "p")!)).toBe(true);
    await stopProcess(layout, "p");
    expect(isAlive(started)).toBe(false);
    const again = restartProcess(layout, "p");
    expect(again.args).toEqual(["600"]);
    expect(isAlive(again)).toBe(true);
  });

  it("are not started twice", () => {
    startProcess(layout, sleeping);
    expect(() => startProcess(layout, sleeping)).toThrow("runs already");
  });

  it("leave a process alone that got the pid of one that ended", async () => {
    const record = { ...sleeping, pid: process.pid, startTicks: "1" };
    writeFileSync(join(layout.processes, "p.json"), JSON.stringify(record));
    expect(isAlive(record)).toBe(false);
    await stopProcess(layout, "p", { signal: "SIGKILL" }); // would end this test run
    expect(startTicksOf(process.pid)).toBeDefined();
  });

  it("are killed when they ignore SIGTERM", async () => {
    const script = "trap '' TERM; echo on; while :; do sleep 0.1; done";
    const record = startProcess(layout, { name: "p", command: "sh", args: ["-c", script] });
    await waitReady(layout, record, 20_000, () =>
      Promise.resolve(readFileSync(logOf(layout, "p"), "utf8") === "on\n"),
    );
    await stopProcess(layout, "p", { graceMs: 200 });
    expect(isAlive(record)).toBe(false);
  });

  it("tell the end of their log when they end before they are ready", async () => {
    const record = startProcess(layout, {
      name: "p",
      command: "sh",
      args: ["-c", "echo no such key; exit 1"],
    });
    await expect(waitReady(layout, record, 20_000, () => Promise.resolve(false))).rejects.toThrow(
      "no such key",
    );
  });
});
