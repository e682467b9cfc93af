// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import type { PodObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { configMap, pod, SLEEP } from "./manifests.ts";

jest.setTimeout(300_000);
const AWAY_MS = 60_000;
const CONVERGE_MS = 10_000;

describe("while the hub is away", () => {
  let env: Environment;
  let ns: string;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("away");
  }, 600_000);
  afterAll(cleanEnvironment, 90_000);

  const identity = ({ metadata, status }: PodObject) => ({
    uid: metadata.uid,
    container: status.containerStatuses?.[0]?.containerID ?? "",
    restarts: status.containerStatuses?.[0]?.restartCount,
  });
  const find = async (name: string): Promise<PodObject> => {
    const found = await env.pod(ns, name);
    expect(found?.status.phase).toBe("Running");
    expect(found?.status.containerStatuses?.[0]?.ready).toBe(true);
    return found!;
  };
  const running = (name: string): Promise<PodObject> => eventually(() => find(name), { timeoutMs: 30_000 });
  const withPage = (name: string): string =>
    pod({
      namespace: ns,
      name,
      script: SLEEP,
      container: { volumeMounts: [{ name: "page", mountPath: "/page" }] },
      spec: { volumes: [{ name: "page", configMap: { name: "page" } }] },
    });

  it("A7 in part: containers run on and are adopted by a new agent; all changes arrive within ten seconds of its return", async () => {
    await env.kubectl.apply(configMap(ns, "page", { text: "before" }));
    for (const name of ["stays", "leaves"]) await env.kubectl.apply(withPage(name));
    const stays = identity(await running("stays"));
    const leaves = identity(await running("leaves"));

    await env.hub.stop();
    const awayMs = performance.now();
    await env.kubectl.apply(configMap(ns, "page", { text: "after" }));
    await env.kubectl.run("-n", ns, "delete", "pod", "leaves", "--wait=false");
    await env.kubectl.apply(withPage("arrives"));
    await env.agent.kill9();
    expect(await env.runs(stays.container)).toBe(true);
    await env.agent.start();
    await sleep(AWAY_MS - (performance.now() - awayMs)); // the outage is what is tested
    expect(await env.runs(stays.container)).toBe(true);
    expect(await env.runs(leaves.container)).toBe(true);
    expect(await env.inContainer(stays.container, "cat", "/page/text")).toBe("before");

    await env.hub.start();
    const backMs = performance.now();
    await eventually(
      async () => {
        expect(identity(await find("stays"))).toEqual(stays);
        expect(await env.pod(ns, "leaves")).toBeUndefined();
        await find("arrives");
        expect(await env.inContainer(stays.container, "cat", "/page/text")).toBe("after");
        await env.nodeReady("True", 1);
      },
      { timeoutMs: CONVERGE_MS },
    );
    process.stdout.write(
      `    converged ${((performance.now() - backMs) / 1000).toFixed(1)} s after the hub was ready\n`,
    );
    expect(await env.runs(leaves.container)).toBe(false);
  });
});
