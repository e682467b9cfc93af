// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createSessionGrants } from "../../../src/hub/auth/grants.ts";
import type { SessionGrants } from "../../../src/hub/uplink/port.ts";
import { PODS } from "../../../src/hub/uplink/kinds.ts";
import { apiError, FakeClient } from "../uplink/fake-client.ts";

let client: FakeClient;
let nowMs: number;
let grants: SessionGrants;
const pod = (name: string, secret: string, node = "edge-1") => ({
  metadata: { name, namespace: "default" },
  spec: { nodeName: node, serviceAccountName: "sa", volumes: [{ secret: { secretName: secret } }] },
});
const lists = () => client.calls.length;

beforeEach(() => {
  client = new FakeClient();
  nowMs = 1_000_000;
  grants = createSessionGrants({ client, node: "edge-1", clock: { nowMs: () => nowMs } });
  client.put(PODS, pod("p", "s"));
  client.put(PODS, pod("q", "theirs", "edge-2"));
});

describe("grants of a session", () => {
  it.each([
    ["secret", "default", "s", true],
    ["serviceaccount", "default", "sa", true],
    ["pod", "default", "p", true],
    ["secret", "default", "theirs", false],
    ["secret", "other", "s", false],
    ["configmap", "default", "s", false],
    ["pod", "default", "q", false],
  ])("S28 %s %s/%s: %s", async (kind, namespace, name, want) => {
    expect(await grants.allows(kind, namespace, name)).toBe(want);
    expect(client.calls[0]?.options).toMatchObject({ fieldSelector: "spec.nodeName=edge-1" });
  });

  it("know a pod by uid and ServiceAccount", async () => {
    expect(await grants.pod("default", "p")).toEqual({ uid: "uid-p", serviceAccountName: "sa" });
    expect(await grants.pod("default", "q")).toBeUndefined();
  });

  it("cost one LIST for many questions at once", async () => {
    const asked = Array.from({ length: 20 }, () => grants.allows("secret", "default", "s"));
    expect(await Promise.all(asked)).not.toContain(false);
    expect(lists()).toBe(1);
  });

  it("list again on a miss, at most once in 2 s", async () => {
    expect(await grants.allows("secret", "default", "late")).toBe(false);
    client.put(PODS, pod("r", "late"));
    nowMs += 1_999;
    expect(await grants.allows("secret", "default", "late")).toBe(false);
    expect(lists()).toBe(1);
    nowMs += 1;
    expect(await grants.allows("secret", "default", "late")).toBe(true);
    expect(lists()).toBe(2);
  });

  it("count from the moment that a pod is sent", async () => {
    await grants.allows("secret", "default", "s");
    grants.podSent({
      ...pod("r", "new"),
      metadata: { ...pod("r", "new").metadata, uid: "u", resourceVersion: "1" },
    });
    expect(await grants.allows("secret", "default", "new")).toBe(true);
    expect(lists()).toBe(1);
  });

  it("end with the pod, but not with another pod of that name", async () => {
    await grants.allows("secret", "default", "s");
    grants.podGone("default", "p", "older");
    expect(await grants.allows("secret", "default", "s")).toBe(true);
    grants.podGone("default", "p", "uid-p");
    expect(await grants.allows("secret", "default", "s")).toBe(false);
  });

  it("B67 end within 30 s of a pod's deletion even when nobody tells", async () => {
    expect(await grants.allows("secret", "default", "s")).toBe(true);
    await client.delete(PODS, { namespace: "default", name: "p" });
    nowMs += 30_000;
    expect(await grants.allows("secret", "default", "s")).toBe(false);
  });

  it("keep what came and went while a LIST was under way", async () => {
    let open: () => void = () => undefined;
    client.gate = new Promise((resolve) => {
      open = resolve;
    });
    const asked = grants.allows("secret", "default", "new");
    grants.podSent({
      ...pod("r", "new"),
      metadata: { ...pod("r", "new").metadata, uid: "u", resourceVersion: "1" },
    });
    open();
    expect(await asked).toBe(true);
  });

  it("say neither yes nor no while the API server is away, and recover", async () => {
    client.failures = [apiError(0, "ConnectionFailed")];
    await expect(grants.allows("secret", "default", "s")).rejects.toMatchObject({ code: 0 });
    expect(await grants.allows("secret", "default", "s")).toBe(true);
  });
});
