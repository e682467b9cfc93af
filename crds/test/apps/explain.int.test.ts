// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { untilEstablished } from "../../../hack/cluster/established.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";

const MANIFESTS = fileURLToPath(new URL("../../manifests", import.meta.url));
const OVERRIDERS = "edgeapplication.spec.workloadScope.targetNodeGroups.overriders";

describe("kubectl on node groups and edge applications", () => {
  let api: ApiServer;
  beforeAll(async () => {
    api = await startApiServer();
    for (const plural of ["nodegroups", "edgeapplications"]) {
      await api.kubectl(["apply", "-f", `${MANIFESTS}/${plural}.apps.kubeedge.io.yaml`]);
    }
    await untilEstablished((args) => api.kubectl(args));
  }, 120_000);
  afterAll(() => api.stop());

  /** Fields are told as soon as the API server has put the new kinds among its documents. */
  const explain = async (field: string): Promise<string> => {
    const endMs = Date.now() + 30_000;
    for (;;) {
      try {
        return await api.kubectl(["explain", field]);
      } catch (error) {
        if (Date.now() > endMs) throw error;
      }
    }
  };

  it.each([
    { field: "edgeapplication", has: ["spec", "status"] },
    { field: "edgeapplication.spec", has: ["workloadScope", "workloadTemplate", "rollout", "breakGlass"] },
    { field: "edgeapplication.spec.rollout", has: ["batches", "checks", "versions", "maxUnavailable"] },
    { field: OVERRIDERS, has: ["replicas", "patchOverriders", "spread", "resourcesOverriders"] },
    { field: "edgeapplication.status", has: ["conditions", "targets", "workloadStatus"] },
    { field: "nodegroup.spec", has: ["matchLabels", "nodeTemplate", "breakGlass"] },
  ])(
    "explains $field",
    async ({ field, has }) => {
      const text = await explain(field);
      for (const name of has) expect(text).toMatch(new RegExp(`^ {2}${name}\\t<`, "m"));
      expect(text).not.toMatch(/<empty>|no description/);
    },
    60_000,
  );

  it("dry-runs without storing anything, and names the field that is not known", async () => {
    const app = {
      ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", metadata: { name: "shop" } },
      spec: { workloadScope: { targetNodeGroups: [{ name: "a", overriders: { replica: 1 } }] } },
    };
    const apply = (...flags: string[]): Promise<string> =>
      api.kubectl(["apply", "--dry-run=server", ...flags, "-f", "-"], JSON.stringify(app));
    await expect(apply()).rejects.toThrow(
      /unknown field "spec\.workloadScope\.targetNodeGroups\[0\]\.overriders\.replica"/,
    );
    expect(await apply("--validate=warn")).toMatch(/created \(server dry run\)/);
    expect(await api.kubectl(["get", "edgeapplications", "-o", "name"])).toBe("");
  });
});
