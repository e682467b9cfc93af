// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { createSessions } from "./kubectl-session.ts";
import { deployment, pod, SLEEP } from "./manifests.ts";
import { metricOf } from "./stream-metrics.ts";
import { podRuns, runPods } from "./stream-pods.ts";

jest.setTimeout(90_000);

const COUNTED = 100;
const COUNTING = `i=0; while [ $i -lt ${COUNTED} ]; do echo "line $i"; i=$((i+1)); done`;
const TICKING = 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.2; done';
/** Says which run of it this is; the first fails. */
const TWICE = `n=$(cat /s/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /s/n; echo "run $n"; [ $n -lt 2 ] && exit 1; ${SLEEP}`;
const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) /;

describe("kubectl logs of an edge pod, with the session at another hub", () => {
  let env: Environment;
  let ns: string;
  const sessions = createSessions(() => env.kubectl);
  const logs = (...args: string[]): Promise<string> => env.kubectl.run("-n", ns, "logs", ...args);
  const linesOf = (text: string): string[] => text.split("\n").slice(0, -1);

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("logs");
    const scratch = { volumes: [{ name: "s", emptyDir: {} }] };
    const waits = { name: "prepare", image: "localhost/busybox:dev", command: ["echo", "prepared"] };
    await runPods(
      env,
      { namespace: ns, name: "counter", script: `${COUNTING}; ${SLEEP}` },
      { namespace: ns, name: "ticker", script: TICKING },
      { namespace: ns, name: "mixed", script: `echo to-out; echo to-err >&2; ${SLEEP}` },
      {
        ...{ namespace: ns, name: "pair", script: `echo from main; ${SLEEP}` },
        sidecars: { beside: `echo from beside; ${SLEEP}` },
        spec: { initContainers: [waits] },
      },
      {
        ...{ namespace: ns, name: "twice", script: TWICE, spec: scratch },
        container: { volumeMounts: [{ name: "s", mountPath: "/s" }] },
      },
    );
  }, 600_000);
  afterEach(() => sessions.stopAll());
  afterAll(cleanEnvironment, 90_000);

  it("prints all of it, in order", async () => {
    const expected = Array.from({ length: COUNTED }, (_, i) => `line ${i}`);
    expect(linesOf(await logs("counter"))).toEqual(expected);
  });

  it("goes through the hub that does not hold the session", async () => {
    const peers = (): Promise<number> => metricOf(env.layout, "hub-b", "longshore_stream_peers");
    await logs("counter");
    expect(await peers()).toBeGreaterThan(0);
    expect(await metricOf(env.layout, "hub-b", "longshore_hub_connected_nodes")).toBe(0);
    expect(await metricOf(env.layout, "hub", "longshore_hub_connected_nodes")).toBeGreaterThan(0);
  });

  it("prints the same through the hub that holds the session", async () => {
    await env.front.cut();
    await env.front.set({ targetPort: env.ports.stream });
    try {
      expect(linesOf(await logs("counter"))).toHaveLength(COUNTED);
    } finally {
      await env.front.cut();
      await env.front.restore();
    }
  });

  it("prints both outputs", async () => {
    expect(linesOf(await logs("mixed")).sort()).toEqual(["to-err", "to-out"]);
  });

  it.each([
    { flags: ["--tail=3"], expected: ["line 97", "line 98", "line 99"] },
    { flags: ["--tail=0"], expected: [] },
    { flags: ["--tail=1000"], expected: Array.from({ length: COUNTED }, (_, i) => `line ${i}`) },
    { flags: ["--since=1h", "--tail=1"], expected: ["line 99"] },
    { flags: ["--limit-bytes=7"], expected: ["line 0"] },
  ])("with $flags prints what that asks for", async ({ flags, expected }) => {
    expect(linesOf(await logs("counter", ...flags))).toEqual(expected);
  });

  it("with --since prints nothing older, and with --since-time nothing before", async () => {
    const stamped = linesOf(await logs("ticker", "--timestamps"));
    const from = stamped.at(-1)?.split(" ")[0] ?? "";
    await sleep(1_000); // more is said meanwhile
    const since = linesOf(await logs("ticker", "--timestamps", `--since-time=${from}`));
    expect(since.length).toBeGreaterThan(1);
    for (const line of since)
      expect(Date.parse(line.split(" ")[0] ?? "")).toBeGreaterThanOrEqual(
        Math.floor(Date.parse(from) / 1000) * 1000,
      );
    expect(await logs("counter", "--since=1s")).toBe("");
  });

  it("with --timestamps prints when each line was written, in order", async () => {
    const stamped = linesOf(await logs("counter", "--timestamps"));
    expect(stamped).toHaveLength(COUNTED);
    for (const line of stamped) expect(line).toMatch(STAMP);
    const times = stamped.map((line) => Date.parse(line.split(" ")[0] ?? ""));
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  });

  it("with -f prints lines as they are written, each once, until it is stopped", async () => {
    const follow = sessions.start(["-n", ns, "logs", "-f", "--tail=1", "ticker"]);
    const first = Number((await follow.says(/tick (\d+)\n/))[1]);
    for (let i = 1; i <= 10; i++) await follow.says(new RegExp(`^tick ${first + i}\n`), 3_000);
    expect(follow.isRunning()).toBe(true);
  });

  it("with -f ends when the container has ended, with everything that it said", async () => {
    const script = "for i in 1 2 3 4 5; do echo said $i; sleep 0.3; done";
    await env.kubectl.apply(pod({ namespace: ns, name: "ends", script, spec: { restartPolicy: "Never" } }));
    await eventually(async () => expect(await logs("ends")).toContain("said 1"), { timeoutMs: 20_000 });
    const follow = sessions.start(["-n", ns, "logs", "-f", "ends"]);
    expect(await follow.ended).toBe(0);
    expect(linesOf(follow.stdout())).toEqual([1, 2, 3, 4, 5].map((i) => `said ${i}`));
  });

  it("with --previous prints what the container said before its restart", async () => {
    await podRuns(env, ns, "twice");
    expect(await logs("twice")).toBe("run 2\n");
    expect(await logs("twice", "--previous")).toBe("run 1\n");
    const never = await env.kubectl.tryRun("-n", ns, "logs", "counter", "--previous");
    expect(never.code).toBe(1);
    expect(never.stderr).toContain('previous terminated container "main" in pod "counter" not found');
  });

  it("with -c prints one container, init containers too, and with --all-containers all", async () => {
    expect(await logs("pair", "-c", "beside")).toBe("from beside\n");
    expect(await logs("pair", "-c", "prepare")).toBe("prepared\n");
    expect(await logs("pair")).toBe("from main\n");
    const all = linesOf(await logs("pair", "--all-containers", "--prefix")).sort();
    expect(all).toEqual([
      "[pod/pair/beside] from beside",
      "[pod/pair/main] from main",
      "[pod/pair/prepare] prepared",
    ]);
  });

  it("of a Deployment and by label prints those of its pods", async () => {
    await env.kubectl.apply(
      deployment({ namespace: ns, name: "three", script: `echo I am one; ${SLEEP}`, replicas: 3 }),
    );
    await env.kubectl.run("-n", ns, "rollout", "status", "deployment/three", "--timeout=30s");
    expect(await logs("deployment/three")).toBe("I am one\n");
    expect(linesOf(await logs("-l", "app=three", "--prefix"))).toHaveLength(3);
  });

  it("of a container that waits for its image says so", async () => {
    const container = { image: "localhost/none:such", imagePullPolicy: "Never" };
    await env.kubectl.apply(pod({ namespace: ns, name: "waits", script: "true", container }));
    await eventually(
      async () => {
        const { code, stderr } = await env.kubectl.tryRun("-n", ns, "logs", "waits");
        expect(code).toBe(1);
        expect(stderr).toMatch(/container "main" in pod "waits" is waiting to start/);
      },
      { timeoutMs: 20_000 },
    );
  });
});
