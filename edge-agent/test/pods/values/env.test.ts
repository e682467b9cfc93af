// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Container } from "../../../src/pods/model/container.ts";
import type { DataObject } from "../../../src/pods/model/data.ts";
import { environment } from "../../../src/pods/values/env.ts";
import { podOf } from "../fakes.ts";

const c: Container = { name: "c", image: "busybox" };

describe("environment", () => {
  const objects: Record<string, DataObject> = {
    "configmap/cm": { data: { A: "cm-a", "bad key!": "x" } },
    "secret/s": { data: { PW: Buffer.from("pw").toString("base64") } },
  };
  const context = {
    pod: {
      ...podOf("p", { containers: [c] }),
      metadata: { name: "p", namespace: "ns", uid: "u", labels: { a: "1" } },
    },
    nodeName: "n",
    hostIp: "192.0.2.2",
    podIps: ["10.0.0.2"],
    allocatable: () => ({ cpuMilli: 2000, memoryBytes: 1024, ephemeralStorageBytes: 4096 }),
    objects: { get: (kind: string, name: string) => Promise.resolve(objects[`${kind}/${name}`]) },
  };
  const env = async (over: Partial<Container>): Promise<Record<string, string>> =>
    Object.fromEntries(await environment({ ...c, ...over }, context));

  it("takes whole objects first, lets later ones win and expands what came before", async () => {
    const from = [{ configMapRef: { name: "cm" } }, { prefix: "S_", secretRef: { name: "s" } }];
    expect(
      await env({
        envFrom: from,
        env: [
          { name: "A", value: "own" },
          { name: "B", value: "$(A)-$(S_PW)-$(LATER)" },
          { name: "LATER", value: "" },
        ],
      }),
    ).toEqual({
      A: "own",
      S_PW: "pw",
      B: "own-pw-$(LATER)",
      LATER: "",
    });
  });
  it.each([
    ["metadata.name", "p"],
    ["metadata.namespace", "ns"],
    ["metadata.labels['a']", "1"],
    ["metadata.annotations['none']", ""],
    ["spec.nodeName", "n"],
    ["status.podIP", "10.0.0.2"],
    ["status.hostIP", "192.0.2.2"],
  ])("reads %s", async (fieldPath, want) => {
    expect(await env({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath } } }] })).toEqual({ X: want });
  });
  it.each([
    ["limits.cpu", undefined, "1"],
    ["limits.cpu", "1m", "500"],
    ["requests.memory", "1Ki", "2"],
    ["limits.memory", undefined, "1024"],
    ["limits.ephemeral-storage", undefined, "4096"],
    ["limits.ephemeral-storage", "1Ki", "4"],
    ["requests.ephemeral-storage", undefined, "0"],
  ])("reads %s in units of %s as %s", async (resource, divisor, want) => {
    const resources = { limits: { cpu: "500m" }, requests: { memory: "2000" } };
    const ref = { resource, ...(divisor !== undefined && { divisor }) };
    expect(await env({ resources, env: [{ name: "X", valueFrom: { resourceFieldRef: ref } }] })).toEqual({
      X: want,
    });
  });
  it.each([
    ["limits.cpu", "2"],
    ["limits.memory", "1024"],
  ])("takes %s of the node where it is missing or zero", async (resource, want) => {
    const asked = [{ name: "X", valueFrom: { resourceFieldRef: { resource } } }];
    const zero = { limits: { cpu: "0", memory: "0" } };
    expect([await env({ env: asked }), await env({ env: asked, resources: zero })]).toEqual([
      { X: want },
      { X: want },
    ]);
  });
  it("fails on what is missing unless it is optional", async () => {
    const missing = { name: "none", key: "k" };
    await expect(
      env({ env: [{ name: "X", valueFrom: { configMapKeyRef: missing } }] }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(
      env({ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }),
    ).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(env({ envFrom: [{ secretRef: { name: "none" } }] })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(
      env({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "spec.bogus" } } }] }),
    ).rejects.toMatchObject({ code: "INVALID" });
    expect(
      await env({
        env: [{ name: "X", valueFrom: { configMapKeyRef: { ...missing, optional: true } } }],
        envFrom: [{ configMapRef: { name: "none", optional: true } }],
      }),
    ).toEqual({});
  });
});
