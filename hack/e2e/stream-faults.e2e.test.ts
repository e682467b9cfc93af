// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import type { Part } from "../cluster/parts.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { follow, type Follower } from "./follow.ts";
import { createSessions, type KubectlSession } from "./kubectl-session.ts";
import { pod, SLEEP } from "./manifests.ts";
import { activeStreams } from "./stream-metrics.ts";
import { podRuns, runPods } from "./stream-pods.ts";

jest.setTimeout(150_000);
/** From a broken connection to the end of kubectl. */
const BROKEN_MS = 15_000;
/** From the last sign of life, and some for this machine. */
const SILENT_MS = 20_000 + 4_000;
/** Told within two seconds; the rest is kubectl's own start, on a machine that does other things too. */
const TOLD_MS = 2_000 + 8_000;
const BACK_MS = 45_000;
const READERS = 49;
const LINES = 2_000;
const FLOOD_BYTES = 64 * 1024 * 1024;

const TICKING = 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.2; done';
/** Lines of one KiB. */
const WIDE = "line=$(printf '%01015d' 0)";
const TALK = `${WIDE}; echo ready; until [ -e /tmp/go ]; do sleep 0.1; done; i=0; while [ $i -lt ${LINES} ]; do echo "$i $line"; i=$((i+1)); done; ${SLEEP}`;
const FLOOD = `${WIDE}; echo ready; until [ -e /tmp/go ]; do sleep 0.1; done; yes "$line" | head -c ${FLOOD_BYTES}; ${SLEEP}`;

describe("when something breaks under streams", () => {
  let env: Environment;
  let ns: string;
  const sessions = createSessions(() => env.kubectl);

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("broken");
    await runPods(
      env,
      { namespace: ns, name: "ticker", script: TICKING },
      { namespace: ns, name: "shell", script: SLEEP },
    );
  }, 600_000);
  beforeEach(() => worksAgain(), 60_000);
  afterEach(async () => {
    await sessions.stopAll();
    await environment(); // whatever was left stopped, frozen or elsewhere
  }, 120_000);
  afterAll(cleanEnvironment, 90_000);

  const exec = (...command: string[]): string[] => ["-n", ns, "exec", "shell", "--", ...command];

  /** A log that is followed and a command that runs, both of which have spoken. */
  const openBoth = async (): Promise<{ log: KubectlSession; command: KubectlSession }> => {
    const log = sessions.start(["-n", ns, "logs", "-f", "--tail=1", "ticker"]);
    const command = sessions.start(["-n", ns, "exec", "-i", "shell", "--", "sh", "-c", "echo up; cat"]);
    await log.says(/tick/);
    await command.says(/up\n/);
    return { log, command };
  };
  const endsWithin = async (session: KubectlSession, timeoutMs: number): Promise<number> => {
    const late = new AbortController();
    const inTime = await Promise.race([
      session.ended,
      sleep(timeoutMs, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
    if (inTime === undefined)
      throw new Error(`it still runs after ${timeoutMs} ms; it said ${session.stdout()}${session.stderr()}`);
    return inTime;
  };
  /** The log just ends, as a kubelet's does. The command fails, unless the hub that would say so is what broke. */
  const bothEnd = async (
    open: { log: KubectlSession; command: KubectlSession },
    timeoutMs: number,
    { isTold = true } = {},
  ): Promise<void> => {
    const [, code] = await Promise.all([
      endsWithin(open.log, timeoutMs),
      endsWithin(open.command, timeoutMs),
    ]);
    if (!isTold) return;
    expect(open.command.stderr()).toMatch(/lost/i);
    expect(code).not.toBe(0);
  };
  const nothingIsOpen = async (): Promise<void> => {
    for (const hub of ["hub", "hub-b"] as const)
      await eventually(async () => expect(await activeStreams(env.layout, hub)).toBe(0), {
        timeoutMs: 10_000,
      });
  };
  const worksAgain = async (): Promise<void> => {
    await eventually(async () => expect(await env.kubectl.run(...exec("echo", "again"))).toBe("again\n"), {
      timeoutMs: BACK_MS,
    });
    // What ran for the broken stream has ended with its input.
    await eventually(async () => expect(await env.kubectl.run(...exec("ps"))).not.toMatch(/ cat$/m), {
      timeoutMs: 10_000,
    });
  };

  it.each([
    { what: "the agent", part: () => env.agent, isTold: true },
    { what: "the hub that holds the session", part: () => env.hub, isTold: true },
    { what: "the hub that the API server asked", part: () => env.hubB, isTold: false },
  ])("kubectl ends soon after $what is killed, and nothing stays open", async ({ part, isTold }) => {
    const open = await openBoth();
    await part().kill9();
    await bothEnd(open, BROKEN_MS, { isTold });
    await part().start();
    await nothingIsOpen();
    await worksAgain();
  });

  it("a command fails when the hub that the API server asked is stopped", async () => {
    const open = await openBoth();
    await env.hubB.stop();
    await bothEnd(open, BROKEN_MS);
    await env.hubB.start();
    await nothingIsOpen();
    await worksAgain();
  });

  it("a command fails when the container runtime is killed under it, and its log is followed on", async () => {
    const log = sessions.start(["-n", ns, "logs", "-f", "--tail=1", "ticker"]);
    // It ends by itself: its input, which would end a `cat`, is held by what the runtime leaves behind.
    const command = sessions.start(exec("sh", "-c", "echo up; exec sleep 15"));
    await log.says(/tick/);
    await command.says(/up\n/);
    await env.containerd.kill9();
    expect(await endsWithin(command, BROKEN_MS)).not.toBe(0);
    expect(command.stderr()).toContain("did not say how the command ended");
    await env.containerd.start();
    const sofar = log.stdout().length;
    await eventually(() => expect(log.stdout().length).toBeGreaterThan(sofar), { timeoutMs: 10_000 });
    await log.stop();
    await nothingIsOpen();
    await worksAgain();
  });

  it("the other hub serves everything while one is dead", async () => {
    await env.hubB.kill9();
    await env.front.set({ targetPort: env.ports.stream });
    expect(await env.kubectl.run(...exec("echo", "served"))).toBe("served\n");
  });

  it.each([
    { what: "the agent", part: (): Part => env.agent },
    { what: "the hub that holds the session", part: (): Part => env.hub },
  ])("R21 kubectl ends within 20 s after $what fell silent", async ({ part }) => {
    const open = await openBoth();
    part().freeze();
    await bothEnd(open, SILENT_MS);
    part().thaw();
    await nothingIsOpen();
    await worksAgain();
  });

  it("what is asked of a node that is offline is answered within two seconds, with its name and when it was last seen", async () => {
    await env.agent.stop();
    for (const args of [
      ["logs", "ticker"],
      ["exec", "shell", "--", "true"],
      ["attach", "shell"],
      ["port-forward", "shell", ":80"],
    ]) {
      const session = sessions.start(["-n", ns, ...args]);
      expect(await endsWithin(session, TOLD_MS)).not.toBe(0);
      expect(session.stderr()).toContain(env.node);
      expect(session.stderr()).toMatch(/last seen/i);
    }
    const path = `/api/v1/nodes/${env.node}/proxy/stats/summary`;
    const summary = sessions.start(["get", "--raw", path]);
    expect(await endsWithin(summary, TOLD_MS)).not.toBe(0);
    expect(summary.stderr()).toMatch(/last seen/i);
  });

  it("a pod that is deleted ends its streams, and then it is not found", async () => {
    await runPods(env, { namespace: ns, name: "short", script: TICKING });
    const log = sessions.start(["-n", ns, "logs", "-f", "short"]);
    const command = sessions.start(["-n", ns, "exec", "-i", "short", "--", "cat"]);
    await log.says(/tick/);
    await env.kubectl.run("-n", ns, "delete", "pod", "short", "--timeout=30s");
    await endsWithin(log, BROKEN_MS);
    expect(await endsWithin(command, BROKEN_MS)).not.toBe(0);
    expect((await env.kubectl.tryRun("-n", ns, "logs", "short")).stderr).toContain("NotFound");
    await nothingIsOpen();
  });

  it("a container that restarts ends its log with its last line; the next one is followed anew", async () => {
    const script = "for i in 1 2 3 4 5 6 7 8; do echo part $i; sleep 0.25; done; exit 1";
    await env.kubectl.apply(pod({ namespace: ns, name: "again", script }));
    const restarts = async (): Promise<number> =>
      (await env.pod(ns, "again"))?.status.containerStatuses?.[0]?.restartCount ?? 0;
    for (const run of [0, 1]) {
      await eventually(
        async () => {
          expect(await restarts()).toBe(run);
          await podRuns(env, ns, "again");
        },
        { timeoutMs: 60_000, intervalMs: 50 },
      );
      const log = sessions.start(["-n", ns, "logs", "-f", "again"]);
      expect(await endsWithin(log, 15_000)).toBe(0);
      expect(log.stdout()).toBe([1, 2, 3, 4, 5, 6, 7, 8].map((i) => `part ${i}\n`).join(""));
    }
  });

  it("streams end when the node's session moves to another hub, and new ones find it there", async () => {
    const open = await openBoth();
    await env.link.set({ cut: true });
    await env.link.set({ targetPort: env.portsB.tunnel });
    await bothEnd(open, BROKEN_MS);
    await worksAgain(); // local to the hub that is asked
    await env.front.cut();
    await env.front.set({ targetPort: env.ports.stream });
    await worksAgain(); // from the one that had the session to the one that has
    await nothingIsOpen();
    await env.link.set({ cut: true });
    await env.link.restore();
    await worksAgain();
  });

  it("a hub that stood still while the node's session moved finds it at the other one when it goes on", async () => {
    const open = await openBoth();
    await env.link.set({ targetPort: env.portsB.tunnel });
    env.hub.freeze();
    await bothEnd(open, SILENT_MS);
    await worksAgain();
    env.hub.thaw();
    await env.front.cut();
    await env.front.set({ targetPort: env.ports.stream });
    await worksAgain();
    await nothingIsOpen();
  });

  it("streams end when the agent is restarted, and the same containers are reached again", async () => {
    const open = await openBoth();
    await env.agent.stop();
    await env.agent.start();
    await bothEnd(open, BROKEN_MS);
    await worksAgain();
    await nothingIsOpen();
  });

  it("R21 one reader that stands still among fifty holds up nobody else, and gets all of it later", async () => {
    await runPods(
      env,
      { namespace: ns, name: "flood", script: FLOOD },
      { namespace: ns, name: "talk", script: TALK },
    );
    const followers: Follower[] = [];
    try {
      const stalled = await follow(env, ns, "flood", false);
      followers.push(stalled);
      for (let i = 0; i < READERS; i++) followers.push(await follow(env, ns, "talk", true));
      const readers = followers.slice(1);
      await env.kubectl.run("-n", ns, "exec", "flood", "--", "touch", "/tmp/go");
      await env.kubectl.run("-n", ns, "exec", "talk", "--", "touch", "/tmp/go");
      await eventually(
        () => {
          for (const reader of readers) {
            const numbers = reader
              .text()
              .split("\n")
              .slice(1, -1)
              .map((line) => Number(line.split(" ")[0]));
            expect(numbers).toEqual(Array.from({ length: LINES }, (_, i) => i));
          }
        },
        { timeoutMs: 40_000, intervalMs: 500 },
      );
      expect(await env.kubectl.run(...exec("echo", "still served"))).toBe("still served\n");
      stalled.read();
      await eventually(() => expect(stalled.bytes()).toBeGreaterThanOrEqual(FLOOD_BYTES), {
        timeoutMs: 40_000,
      });
    } finally {
      followers.forEach((follower) => follower.stop());
    }
    await nothingIsOpen();
  });
});
