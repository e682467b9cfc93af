// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readTrial, startHealthGate, writeTrial, type Trial } from "../../src/trial/index.ts";
import { ModelDisk } from "./model-disk.ts";

const TRIAL: Trial = {
  id: "uid/1",
  state: "trying",
  starts: 1,
  maxStarts: 3,
  healthTimeoutMs: 120_000,
  undo: [],
  runtimeWasHealthy: true,
};
const quiet = (): void => undefined;

/** An agent on trial whose time is ours. */
function onTrial(trial: Trial, well: { store: boolean; hub: boolean; runtime: boolean }) {
  const disk = new ModelDisk();
  writeTrial(disk, "/", trial);
  let nowMs = 0;
  let next: (() => void) | undefined;
  const told: unknown[] = [];
  const warn = (what: object, msg?: string): void => void told.push({ ...what, msg });
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    schedule: (_delayMs: number, fn: () => void) => {
      next = fn;
      return () => {
        next = undefined;
      };
    },
  };
  const gate = startHealthGate({
    agentDir: "/",
    isStoreOpen: () => well.store,
    isConnected: () => well.hub,
    isRuntimeHealthy: () => well.runtime,
    clock,
    log: { error: quiet, warn, info: quiet, debug: quiet },
    disk,
  });
  const pass = (ms: number): void => {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 500) {
      const due = next;
      next = undefined;
      due?.();
    }
  };
  return {
    disk,
    gate,
    pass,
    told,
    state: () => readTrial(disk, "/")?.state,
    waits: () => next !== undefined,
  };
}

describe("health of an agent on trial", () => {
  it("R35 is confirmed when all has been well for three seconds, not before", () => {
    const well = { store: true, hub: false, runtime: true };
    const agent = onTrial(TRIAL, well);
    agent.pass(60_000);
    const missing = "there is no session with the hub";
    const toldOnce = [{ missing, msg: "the changed agent is not well yet" }];
    expect([agent.state(), agent.told]).toEqual(["trying", toldOnce]);
    well.hub = true;
    agent.pass(2_500);
    well.hub = false;
    agent.pass(500);
    well.hub = true;
    agent.pass(3_000);
    expect(agent.state()).toBe("trying");
    agent.pass(500);
    expect([agent.state(), agent.waits()]).toEqual(["confirmed", false]);
  });

  it.each([
    { what: "the store is not open", store: false, hub: true, runtime: true, was: true, want: "trying" },
    {
      what: "the runtime is ill and was well",
      store: true,
      hub: true,
      runtime: false,
      was: true,
      want: "trying",
    },
    {
      what: "the runtime was ill before",
      store: true,
      hub: true,
      runtime: false,
      was: false,
      want: "confirmed",
    },
  ])("R35 is $want when $what", ({ was, want, ...well }) => {
    const agent = onTrial({ ...TRIAL, runtimeWasHealthy: was }, well);
    agent.pass(120_000);
    expect(agent.state()).toBe(want);
  });

  it.each(["prepared", "rolled-back"] as const)("says nothing about a trial that is %s", (state) => {
    const agent = onTrial({ ...TRIAL, state }, { store: true, hub: true, runtime: true });
    agent.pass(10_000);
    expect([agent.state(), agent.waits()]).toEqual([state, false]);
  });

  it("R35 does not confirm what is about to be taken back", () => {
    const agent = onTrial(
      { ...TRIAL, reason: "nobody judged it" },
      { store: true, hub: true, runtime: true },
    );
    agent.pass(10_000);
    expect([agent.state(), agent.waits()]).toEqual(["trying", false]);
  });

  it("does not wait any more when it is stopped, and says last what it was not well for", () => {
    const agent = onTrial(TRIAL, { store: true, hub: true, runtime: false });
    agent.gate.stop();
    expect(agent.waits()).toBe(false);
    const missing = "the container runtime is not healthy";
    expect(agent.told.at(-1)).toEqual({ missing, msg: "the changed agent ends, and was not well" });
  });
});
