// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { slotsDir } from "../cluster/edge.ts";
import type { ContainerStatus, NodeObject } from "../cluster/objects.ts";
import { startRegistry, type LocalRegistry } from "../cluster/registry.ts";
import { agentOf } from "../package/files.ts";
import { makePackage, publish } from "../package/package.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import {
  flowOf,
  getJob,
  job,
  mostAtWork,
  recordJobs,
  startsOf,
  taskOf,
  type JobHistory,
  type NodeTask,
} from "./fleet-jobs.ts";
import { agentVersionOf, joinJobAgent, slotVersion, type JobAgent } from "./job-agents.ts";
import { keepRunning } from "./keep-running.ts";
import { pod, SLEEP } from "./manifests.ts";
import { startPlainEdges, type PlainEdges } from "./plain-edges.ts";

jest.setTimeout(240_000);
const KIND = "NodeUpgradeJob";
const LABEL = "upgrade-test";
const REPOSITORY = "longshore/installation-package";
const ENDED_MS = 120_000;
const WHOLE = "Check: True, WaitingConfirmation: True, BackUp: True, Upgrade: True";
const plain = (count: number): string[] => Array.from({ length: count }, (_, i) => `up-plain-${i + 1}`);

describe("upgrade of agents", () => {
  const names: string[] = [];
  let env: Environment;
  let registry: LocalRegistry;
  let image: string;
  let agents: readonly JobAgent[];
  let edges: PlainEdges;
  let history: JobHistory;
  let stopKeeping: () => Promise<void>;
  let doomed: ReadonlySet<string> = new Set();

  beforeAll(async () => {
    env = await environment();
    registry = await startRegistry(env.layout);
    image = `${registry.address}/${REPOSITORY}`;
    const broken = agentOf(Buffer.from('console.error("this agent is broken"); process.exit(1);'));
    for (const version of ["v0.2.0", "v0.3.0", "v0.5.0"])
      await publish(await makePackage(version), registry.target, REPOSITORY);
    await publish(await makePackage("v0.4.0", broken), registry.target, REPOSITORY);
    history = await recordJobs(env, KIND);
    edges = await startPlainEdges(env, {
      ...{ names: plain(8), labels: { [LABEL]: "yes" } },
      version: (name) => (name === "up-plain-1" ? "v1.20.0" : "v1.23.1"),
      succeeds: (name) => !doomed.has(name),
    });
    agents = [await joinJobAgent(env, "up-real-1", { [LABEL]: "yes" })];
    agents = [...agents, await joinJobAgent(env, "up-real-2", { [LABEL]: "yes" })];
    // Seven of theirs and three of ours are ten.
    await env.kubectl.run("label", "node", "up-plain-8", `${LABEL}-`);
    await env.kubectl.run("label", "node", env.node, `${LABEL}=yes`);
    stopKeeping = keepRunning(env.agent);
  }, 240_000);
  afterAll(async () => {
    for (const name of names) await env.kubectl.tryRun("delete", "nodeupgradejob", name, "--wait=false");
    await env.kubectl.tryRun("label", "node", env.node, `${LABEL}-`);
    await stopKeeping();
    await history.stop();
    for (const agent of agents) await agent.remove();
    await edges.close();
    await registry.stop();
    await cleanEnvironment();
  }, 240_000);

  const start = async (name: string, spec: Readonly<Record<string, unknown>>): Promise<void> => {
    await env.kubectl.tryRun("delete", "nodeupgradejob", name); // what an earlier run left
    names.push(name);
    await env.kubectl.apply(job(KIND, name, { image, timeoutSeconds: 180, ...spec }));
  };
  const ended = (name: string, node: string, phase: NodeTask["phase"]): Promise<NodeTask> =>
    taskOf(env, { kind: KIND, name, node }, { phase, timeoutMs: ENDED_MS });

  const running = (namespace: string, name: string): Promise<ContainerStatus> =>
    eventually(
      async () => {
        const [status] = (await env.pod(namespace, name))?.status.containerStatuses ?? [];
        if (status?.ready !== true) throw new Error(`${name} does not run`);
        return status;
      },
      { timeoutMs: 60_000 },
    );

  it("A26 brings ten nodes to a version, two at a time, and leaves their pods alone", async () => {
    const namespace = await env.namespace("upgrade");
    await env.kubectl.apply(
      pod({ namespace, name: "bystander", script: SLEEP, spec: { nodeName: env.node } }),
    );
    const before = await running(namespace, "bystander");
    await start("up-all", {
      ...{ version: "v0.2.0", checkItems: ["mem"], failureTolerate: "0.3", concurrency: 2 },
      labelSelector: { matchLabels: { "node-role.kubernetes.io/edge": "", [LABEL]: "yes" } },
    });
    await env.kubectl.run("wait", "--for=condition=Complete", "nodeupgradejob/up-all", "--timeout=50s");
    const { status } = await getJob(env, KIND, "up-all");
    expect(status?.phase).toBe("Completed");
    expect(status?.nodeStatus).toHaveLength(10);
    for (const task of status?.nodeStatus ?? []) {
      expect({ node: task.nodeName, flow: flowOf(task), phase: task.phase }).toEqual({
        ...{ node: task.nodeName, phase: "Successful" },
        flow: task.nodeName === "up-plain-1" ? expect.stringMatching(/^Check: True.*Upgrade: True$/) : WHOLE,
      });
    }
    expect(mostAtWork(history.of("up-all"))).toBeLessThanOrEqual(2);
    const real = status?.nodeStatus?.find(({ nodeName }) => nodeName === env.node);
    expect(real).toMatchObject({ historicVersion: "v0.0.0", currentVersion: "v0.2.0" });
    await eventually(async () => expect(await agentVersionOf(env, env.node)).toBe("0.2.0"), {
      timeoutMs: 30_000,
    });
    expect(slotVersion(slotsDir(env.layout))).toBe("v0.2.0");
    const after = await running(namespace, "bystander");
    expect(after).toMatchObject({ containerID: before.containerID, restartCount: 0 });
    // The old edge was told state by state, the others once.
    expect(new Set(edges.ordersOf("up-plain-1").map(({ dialect }) => dialect))).toEqual(
      new Set(["v1alpha1"]),
    );
    expect(edges.ordersOf("up-plain-2").map(({ dialect }) => dialect)).toEqual(["v1alpha2"]);
    const shown = await env.kubectl.run("get", "nodeupgradejob", "up-all");
    expect(shown).toMatch(/up-all +v0\.2\.0 +Completed +10 +10 +0 +0/);
  });

  it("A27 starts no node more when more have failed than are tolerated, and says so word for word", async () => {
    const nodeNames = [...plain(8), "up-ghost-1", "up-ghost-2"]; // two that do not exist have failed already
    doomed = new Set(plain(8));
    await start("up-four", { version: "v0.9.0", failureTolerate: "0.3", concurrency: 1, nodeNames });
    await env.kubectl.run("wait", "--for=condition=Failed", "nodeupgradejob/up-four", "--timeout=60s");
    const { status } = await getJob(env, KIND, "up-four");
    expect(status).toMatchObject({
      phase: "Failure",
      reason: "the number of failed nodes is 4/10, which exceeds the failure tolerance threshold",
    });
    expect(status?.nodeStatus?.filter(({ phase }) => phase === "Pending")).toHaveLength(6);

    doomed = new Set(["up-plain-3"]);
    await start("up-three", { version: "v0.9.0", failureTolerate: "0.3", concurrency: 4, nodeNames });
    await env.kubectl.run("wait", "--for=condition=Complete", "nodeupgradejob/up-three", "--timeout=60s");
    expect((await getJob(env, KIND, "up-three")).status?.summary).toMatchObject({ done: 7, failed: 3 });
    doomed = new Set();
  });

  it("A29 leaves the agent alone when the image has another digest than it must have", async () => {
    const [agent] = agents;
    if (agent === undefined) throw new Error("no agent");
    const before = slotVersion(agent.slots);
    const wrong = `sha256:${"0".repeat(64)}`;
    const gate = { imageDigestGatter: { amd64: wrong, arm64: wrong } };
    await start("up-digest", { version: "v0.3.0", nodeNames: [agent.node], ...gate });
    const task = await ended("up-digest", agent.node, "Failure");
    expect(flowOf(task)).toBe("Check: False");
    expect(task.actionFlow?.[0]?.reason).toMatch(
      new RegExp(`is not correct, local: sha256:[0-9a-f]{64}, expected: ${wrong}`),
    );
    expect(slotVersion(agent.slots)).toBe(before);
  });

  it("A30 waits for somebody to confirm, and changes nothing of the host before", async () => {
    const [, agent] = agents;
    if (agent === undefined) throw new Error("no agent");
    const confirm = (): Promise<Response> =>
      fetch(`http://${agent.localApi}/api/v1/taskupgrade/confirm-upgrade`, { method: "POST" });
    const backups = readdirSync(agent.backups);
    expect((await confirm()).status).toBe(400);
    await start("up-confirm", { version: "v0.3.0", requireConfirmation: true, nodeNames: [agent.node] });
    await eventually(
      async () => {
        const { status } = await getJob(env, KIND, "up-confirm");
        expect(flowOf(status?.nodeStatus?.[0])).toBe("Check: True, WaitingConfirmation: True");
        expect(status?.nodeStatus?.[0]?.phase).toBe("InProgress");
        const condition = status?.conditions?.find(({ type }) => type === "AwaitingConfirmation");
        expect(condition?.status).toBe("True");
      },
      { timeoutMs: 60_000 },
    );
    expect(slotVersion(agent.slots)).toBe("v0.2.0");
    expect(readdirSync(agent.backups)).toEqual(backups);
    expect((await confirm()).status).toBe(200);
    expect(flowOf(await ended("up-confirm", agent.node, "Successful"))).toBe(WHOLE);
    await eventually(async () => expect(await agent.version()).toBe("0.3.0"), { timeoutMs: 30_000 });
  });

  it("A31 takes an agent back that does not start, and keeps what was before", async () => {
    const [agent] = agents;
    if (agent === undefined) throw new Error("no agent");
    await start("up-broken", { version: "v0.4.0", nodeNames: [agent.node] });
    const task = await ended("up-broken", agent.node, "Failure");
    expect(flowOf(task)).toBe(
      "Check: True, WaitingConfirmation: True, BackUp: True, Upgrade: False, RollBack: True",
    );
    expect(task.log).toContain("this agent is broken");
    expect(slotVersion(agent.slots)).toBe("v0.2.0");
    await eventually(async () => expect(await agent.version()).toBe("0.2.0"), { timeoutMs: 30_000 });
    expect(readdirSync(agent.backups).length).toBeGreaterThan(0);
  });

  it("A32 waits for a node that is away, whatever is lost meanwhile, and runs there once", async () => {
    const [, agent] = agents;
    if (agent === undefined) throw new Error("no agent");
    edges.goAway("up-plain-8");
    await agent.stop();
    const away = ["up-plain-8", agent.node];
    await eventually(
      async () => {
        for (const node of away) {
          const { status } = await env.kubectl.json<NodeObject>("get", "node", node);
          expect(status.conditions?.find(({ type }) => type === "Ready")?.status).not.toBe("True");
        }
      },
      { timeoutMs: 60_000 },
    );
    const ordersBefore = edges.ordersOf("up-plain-8").length;
    await start("up-away", { version: "v0.5.0", concurrency: 2, nodeNames: away, timeoutSeconds: 60 });
    await eventually(
      async () =>
        expect((await getJob(env, KIND, "up-away")).status?.summary).toMatchObject({
          pending: 2,
          offline: 2,
        }),
      { timeoutMs: 20_000 },
    );
    await env.controllers.kill9();
    await env.redis.kill9();
    await env.redis.start();
    await env.controllers.start();
    await Promise.all([edges.comeBack("up-plain-8"), agent.start()]);
    for (const node of away) await ended("up-away", node, "Successful");
    for (const node of away) expect(startsOf(history.of("up-away"), node)).toBe(1);
    expect(edges.ordersOf("up-plain-8")).toHaveLength(ordersBefore + 1);
    await eventually(async () => expect(await agent.version()).toBe("0.5.0"), { timeoutMs: 30_000 });
    expect(readdirSync(join(agent.slots, "slots")).sort()).toEqual(["a", "b"]);
  });
});
