// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { flowOf, job, taskOf, type NodeTask } from "./fleet-jobs.ts";
import { joinJobAgent, type JobAgent } from "./job-agents.ts";

jest.setTimeout(180_000);
const KIND = "ConfigUpdateJob";

describe("update of the agent's configuration", () => {
  const names: string[] = [];
  let env: Environment;
  let agent: JobAgent;

  beforeAll(async () => {
    env = await environment();
    agent = await joinJobAgent(env, "config-node", {});
  }, 600_000);
  afterAll(async () => {
    for (const name of names) await env.kubectl.tryRun("delete", "configupdatejob", name, "--wait=false");
    await agent.remove();
    await cleanEnvironment();
  }, 120_000);

  const text = (): string => readFileSync(agent.configFile, "utf8");
  const hash = (): string => createHash("sha256").update(text()).digest("hex");
  const update = async (name: string, updateFields: Readonly<Record<string, string>>): Promise<void> => {
    await env.kubectl.tryRun("delete", "configupdatejob", name); // what an earlier run left
    names.push(name);
    await env.kubectl.apply(job(KIND, name, { nodeNames: [agent.node], updateFields, timeoutSeconds: 150 }));
  };
  const ended = (name: string, phase: NodeTask["phase"]): Promise<NodeTask> =>
    taskOf(env, { kind: KIND, name, node: agent.node }, { phase, timeoutMs: 120_000 });

  it("A34 changes a field, and the agent runs with it", async () => {
    await update("config-good", { "modules.edgeStream.enable": "true" });
    expect(flowOf(await ended("config-good", "Successful"))).toBe("Check: True, BackUp: True, Update: True");
    expect(parse(text())).toMatchObject({ modules: { edgeStream: { enable: true } } });
    await env.kubectl.run("wait", "--for=condition=Complete", "configupdatejob/config-good", "--timeout=20s");
  });

  it("A34 refuses before it writes what the agent would not take", async () => {
    const before = hash();
    await update("config-typed", { "modules.edgeStream.enable": "true id" });
    expect(flowOf(await ended("config-typed", "Failure"))).toBe("Check: False");
    await expect(update("config-shell", { "modules.edgeStream.enable": "true; id" })).rejects.toThrow(
      /Invalid value/,
    );
    expect(hash()).toBe(before);
  });

  it("A34 goes back to the same bytes when the agent is not well with the change", async () => {
    const before = hash();
    const stopKilling = agent.killOnTrial();
    await update("config-bad", { "longshore.redialMax": "30s" });
    const task = await ended("config-bad", "Failure");
    await stopKilling();
    expect(flowOf(task)).toBe("Check: True, BackUp: True, Update: False, RollBack: True");
    expect(hash()).toBe(before);
  });
});
