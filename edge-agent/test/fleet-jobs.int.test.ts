// SPDX-License-Identifier: Apache-2.0
import type { JobKind } from "@longshore/crds/tasks";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { AGENT_VERSION } from "../src/node/index.ts";
import { startAgentProcess, START_MS, type AgentProcess } from "./agent-process.ts";
import { stepsOf } from "./jobs/world.ts";

const nodeNames = ["edge-1"];

describe("the agent's program without a launcher", () => {
  let agent: AgentProcess;
  beforeAll(async () => {
    agent = await startAgentProcess(false);
  }, START_MS * 2);
  afterAll(() => agent.end());

  it.each<[string, JobKind, object, RegExp]>([
    ["S9", "NodeUpgradeJob", { nodeNames, version: "v1.0.0;touch /tmp/p" }, /version/],
    ["S10", "ConfigUpdateJob", { nodeNames, updateFields: { "modules.edgeStream.enable": "x;id" } }, /./],
    ["R35", "NodeUpgradeJob", { nodeNames, version: "v1.30.0" }, /not started by its launcher/],
    [
      "R35",
      "ConfigUpdateJob",
      { nodeNames, updateFields: { "modules.edgeStream.enable": "true" } },
      /not started by its launcher/,
    ],
  ])("%s refuses a %s at its check: %j", async (row, kind, spec, reason) => {
    const report = await agent.run({ kind, name: `${kind}-${row}`.toLowerCase(), spec }, "Check");
    expect(report).toMatchObject({ action: "Check", succ: false, attempt: 1 });
    expect(report.reason).toMatch(reason);
    expect(report.actions).toHaveLength(1);
  });

  it("A33 tells of each image that it could not pull", async () => {
    const imagePrePullTemplate = { nodeNames, images: ["busybox:1.36"], checkItems: [], retryTimes: 0 };
    const job = { kind: "ImagePrePullJob", name: "pull", spec: { imagePrePullTemplate } } as const;
    const report = await agent.run(job, "Pull");
    expect(report).toMatchObject({ action: "Pull", succ: false });
    expect(report.images).toMatchObject([{ image: "busybox:1.36", status: "False" }]);
  }, 60_000);

  it("A30 serves the confirmation where KubeEdge's MetaServer would, and nothing else", async () => {
    const post = (path: string) => fetch(`http://${agent.api}${path}`, { method: "POST" });
    expect((await post("/api/v1/taskupgrade/confirm-upgrade")).status).toBe(400);
    expect((await post("/api/v1/nodes")).status).toBe(404);
  });

  it("lets containers that are not root read what it mounts, whatever mask it was started with", () => {
    expect(readFileSync(`/proc/${agent.child.pid}/status`, "utf8")).toMatch(/^Umask:\s+0022$/m);
  });

  it("ends in order and with 0 when it is asked to", async () => {
    agent.child.kill("SIGTERM");
    await expect(once(agent.child, "exit")).resolves.toEqual([0, null]);
  });
});

describe("the agent's program below its launcher", () => {
  let agent: AgentProcess;
  beforeAll(async () => {
    agent = await startAgentProcess(true);
  }, START_MS * 2);
  afterAll(() => agent.end());

  it("A34 starts anew with the changed file, is well with it, and tells so in its next session", async () => {
    const before = readFileSync(agent.configFile, "utf8");
    const spec = { nodeNames, updateFields: { "modules.edged.reportEvent": "true" } };
    const report = await agent.run({ kind: "ConfigUpdateJob", name: "conf", spec }, "Update");
    expect([stepsOf(report), report.reason]).toEqual(["Check=True BackUp=True Update=True", ""]);
    expect(readFileSync(agent.configFile, "utf8")).not.toBe(before);
    expect(agent.connections()).toBe(2);
    // Where an upgrade puts what was before, too.
    expect(readdirSync(join(dirname(agent.configFile), "backup"))).toEqual([`v${AGENT_VERSION}`]);
  }, 120_000);
});
