// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient, loadKubeConfig, type KubeClient } from "@longshore/operators/runtime";
import { openPart, partsOf, type PartName } from "../cluster/parts.ts";
import { copyRedisData, flushRedis, restoreRedisData } from "../cluster/redis.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { checkHistory } from "./history/checker.ts";
import type { Faulted } from "./history/events.ts";
import { readCloud } from "./history/cloud-view.ts";
import { record, type Recorder } from "./history/recorder.ts";
import { differences } from "./history/view.ts";
import { Writer } from "./history/writer.ts";

jest.setTimeout(150_000);
const CONVERGE_MS = 15_000;
const FIRST_MS = 45_000;
/** Changes before a fault, and how long it lasts. */
const WARM_MS = 1_500;
const DEAD_MS = 2_500;

const KILLED: readonly PartName[] = [
  ...(["hub", "controllers", "webhooks", "redis", "agent"] as const),
  ...(["containerd", "mapper", "kube-apiserver"] as const),
];

/** Types of events, each from a source of its own. */
const SOURCES = ["began", "created", "desired", "fault", "set", "stored", "wanted"];

describe("while pods, ConfigMaps, Secrets and a device change all the time", () => {
  let env: Environment;
  let client: KubeClient;
  let recorder: Recorder;
  let writer: Writer;
  const ends: (() => unknown)[] = [cleanEnvironment];

  beforeAll(async () => {
    env = await environment();
    const namespace = await env.namespace("loop");
    const ledger = join(env.layout.dir, namespace);
    mkdirSync(ledger, { recursive: true });
    ends.unshift(() => rmSync(ledger, { recursive: true })); // last, after the pods that write there
    client = createClient({ kubeConfig: loadKubeConfig(env.layout.kubeconfig), userAgent: "longshore-e2e" });
    ends.push(() => client.close());
    recorder = record(env.layout, join(ledger, "begun"));
    ends.push(() => recorder.stop());
    writer = new Writer({ client, recorder, namespace, node: env.node, ledger });
    await writer.prepare();
    await converged(FIRST_MS);
  }, 600_000);
  afterAll(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  }, 90_000);

  const converged = (timeoutMs: number): Promise<void> =>
    eventually(
      async () => expect(differences(await readCloud(client, env.node), await recorder.edge())).toEqual([]),
      { timeoutMs },
    );

  const allRun = async (): Promise<void> => {
    for (const part of partsOf(env.layout)) {
      if (!part.isRunning()) await part.start();
    }
  };

  /** Has a fault come and go under load, and holds all that happened since the start to the invariants. */
  const survive = async (name: string, fault: () => Promise<void>): Promise<void> => {
    const mark = (phase: Faulted["phase"]): number => {
      const atMs = Date.now();
      recorder.add({ type: "fault", atMs, name, phase });
      return atMs;
    };
    await allRun();
    let readyMs: number;
    writer.start();
    try {
      await sleep(WARM_MS); // the load is what is tested
      mark("down");
      await fault();
    } finally {
      await allRun();
      readyMs = mark("ready");
      await writer.stop();
    }
    await converged(CONVERGE_MS);
    const seconds = ((mark("converged") - readyMs) / 1000).toFixed(1);
    const { changes, retries } = writer;
    process.stdout.write(
      `    ${name}: converged in ${seconds} s, after ${changes} changes (${retries} tries failed)\n`,
    );
    const history = recorder.history();
    // Nothing was seen is not nothing happened.
    expect([...new Set(history.map(({ type }) => type))].sort()).toEqual(SOURCES);
    const options = { convergeMs: CONVERGE_MS, mapperFault: "mapper", agentFault: "agent" };
    expect(checkHistory(history, options)).toEqual([]);
  };

  it.each(KILLED)("I1 I2 I3 I4 hold when %s is killed with -9", async (name) => {
    await survive(name, async () => {
      const part = openPart(env.layout, name);
      await part.kill9();
      await sleep(DEAD_MS); // how long it is away is what is tested
      await part.start();
    });
  });

  it("I1 I2 I3 I4 hold when Redis is emptied", async () => {
    await survive("FLUSHALL", async () => {
      expect(await flushRedis(env.layout)).toBe(true);
      await sleep(DEAD_MS);
    });
  });

  it("I1 I2 I3 I4 hold when Redis comes back with an older copy of its data", async () => {
    copyRedisData(env.layout);
    await survive("older copy", async () => {
      await env.redis.stop();
      restoreRedisData(env.layout);
      await sleep(DEAD_MS);
      await env.redis.start();
    });
  });
});
