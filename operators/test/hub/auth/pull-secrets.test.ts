// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { createPullSecrets, type PullSecrets } from "../../../src/hub/auth/index.ts";
import { SECRETS } from "../../../src/hub/uplink/kinds.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "../uplink/bench.ts";
import { apiError, FakeClient } from "../uplink/fake-client.ts";

let client: FakeClient;
let clock: FakeClock;
let pulls: PullSecrets;
beforeEach(() => {
  client = new FakeClient();
  clock = createFakeClock();
  pulls = createPullSecrets({ client, clock });
});

function putJob(phase: string, imageSecrets = "default/s", node = "edge-1"): void {
  client.put(kinds.ImagePrePullJob, {
    metadata: { name: "j" },
    spec: { imagePrePullTemplate: { images: ["a"], imageSecrets } },
    status: { nodeStatus: [{ nodeName: node, phase }] },
  });
}
/** Time goes on while somebody waits for the next list. */
async function asked(node: string, namespace: string, name: string): Promise<boolean> {
  const answer = pulls.allows(node, namespace, name);
  await clock.settle();
  clock.advance(2_000);
  return await answer;
}
const lists = (): number => client.calls.length;

describe("Secrets of image pulls", () => {
  it.each([
    { phase: "InProgress", secret: "default/s", node: "edge-1", granted: true },
    { phase: "Pending", secret: "default/s", node: "edge-1", granted: false },
    { phase: "Successful", secret: "default/s", node: "edge-1", granted: false },
    { phase: "InProgress", secret: "default/other", node: "edge-1", granted: false },
    { phase: "InProgress", secret: "other/s", node: "edge-1", granted: false },
    { phase: "InProgress", secret: "default/s", node: "edge-2", granted: false },
    { phase: "InProgress", secret: "", node: "edge-1", granted: false },
  ])("S28 a node whose pull of $secret is $phase: $granted", async ({ phase, secret, node, granted }) => {
    putJob(phase, secret, node);
    expect(await asked("edge-1", "default", "s")).toBe(granted);
    expect(client.calls[0]).toMatchObject({ plural: "imageprepulljobs", options: { resourceVersion: "0" } });
  });

  it("are found with one list for a hundred nodes, and one more within two seconds for those that begin meanwhile", async () => {
    expect(await pulls.allows("edge-1", "default", "s")).toBe(false);
    expect(lists()).toBe(1);
    const late = Promise.all(Array.from({ length: 100 }, () => pulls.allows("edge-1", "default", "s")));
    await clock.settle();
    putJob("InProgress");
    clock.advance(2_000);
    expect(await late).toEqual(Array.from({ length: 100 }, () => true));
    expect(lists()).toBe(2);
    expect(await pulls.allows("edge-1", "default", "s")).toBe(true);
    expect(lists()).toBe(2);
  });

  it("are granted no longer than two seconds after the pull has ended", async () => {
    putJob("InProgress");
    expect(await asked("edge-1", "default", "s")).toBe(true);
    putJob("Successful");
    clock.advance(2_000);
    expect(await asked("edge-1", "default", "s")).toBe(false);
  });

  it("are none in a cluster without jobs, and no answer while the API server is away", async () => {
    client.failures = [apiError(404, "NotFound"), apiError(503, "ServiceUnavailable")];
    expect(await asked("edge-1", "default", "s")).toBe(false);
    await expect(asked("edge-1", "default", "s")).rejects.toMatchObject({ code: 503 });
    putJob("InProgress");
    expect(await asked("edge-1", "default", "s")).toBe(true);
  });
});

describe("a query for the Secret of an image pull", () => {
  const granting = (isGranted: boolean): PullSecrets => ({ allows: () => Promise.resolve(isGranted) });

  it.each([
    { type: "kubernetes.io/dockerconfigjson", isGranted: true, answer: "response" },
    { type: "kubernetes.io/dockercfg", isGranted: true, answer: "response" },
    { type: "Opaque", isGranted: true, answer: "error" },
    { type: "kubernetes.io/service-account-token", isGranted: true, answer: "error" },
    { type: undefined, isGranted: true, answer: "error" },
    { type: "kubernetes.io/dockerconfigjson", isGranted: false, answer: "error" },
  ])("S28 of type $type, granted $isGranted: $answer", async ({ type, isGranted, answer }) => {
    for (const negotiated of [true, false]) {
      const bench = uplinkBench({ negotiated, pulls: granting(isGranted) });
      bench.client.put(SECRETS, { metadata: { name: "s", namespace: "default" }, type, data: { k: "dg==" } });
      const reply = await bench.ask("query", "default/secret/s");
      expect(reply?.route.operation).toBe(answer);
      if (answer === "error") expect(reply?.content).toBe("FORBIDDEN: not granted to this node, or missing");
      else expect(reply?.content).toMatchObject({ kind: "Secret", data: { k: "dg==" } });
      if (!isGranted) expect(bench.client.calls.map(({ verb }) => verb)).not.toContain("get");
    }
  });
});
