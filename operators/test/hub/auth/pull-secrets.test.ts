// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it, jest } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import { DeliveryError } from "../../../src/delivery/index.ts";
import { createPullSecrets, type PullSecrets } from "../../../src/hub/auth/index.ts";
import { SECRETS } from "../../../src/hub/uplink/kinds.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "../uplink/bench.ts";
import { apiError, FakeClient } from "../uplink/fake-client.ts";

let client: FakeClient;
let clock: FakeClock;
let pulls: PullSecrets;
/** Jobs that each node was ordered, as delivery knows. */
let ordered: Record<string, string[]>;
beforeEach(() => {
  client = new FakeClient();
  clock = createFakeClock();
  clock.advance(1);
  ordered = { "edge-1": ["j"] };
  const mailbox = { names: (node: string) => Promise.resolve(ordered[node] ?? []) };
  pulls = createPullSecrets({ client, mailbox, clock });
});

function putJob(phase: string, imageSecrets = "default/s", node = "edge-1", name = "j"): void {
  client.put(kinds.ImagePrePullJob, {
    metadata: { name },
    spec: { imagePrePullTemplate: { images: ["a"], imageSecrets } },
    status: { nodeStatus: [{ nodeName: node, phase }] },
  });
}
/** Time goes on while somebody waits for the next read. */
async function asked(node: string, namespace: string, name: string): Promise<boolean> {
  const answer = pulls.allows(node, namespace, name);
  await clock.settle();
  clock.advance(2_000);
  return await answer;
}
const reads = (): number => client.calls.length;

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
    expect(client.calls).toMatchObject([{ verb: "get", plural: "imageprepulljobs" }]);
  });

  it("S28 are refused at once, and without a look at any job, to a node that was ordered none", async () => {
    putJob("InProgress");
    expect(await pulls.allows("edge-2", "default", "s")).toBe(false);
    ordered["edge-1"] = [];
    expect(await pulls.allows("edge-1", "default", "s")).toBe(false);
    expect(reads()).toBe(0);
  });

  it("S28 of another name are refused at once: only a node that a job names a Secret to may have just begun", async () => {
    putJob("InProgress");
    expect(await pulls.allows("edge-1", "default", "s")).toBe(true);
    for (let i = 0; i < 100; i++) expect(await pulls.allows("edge-1", "default", `other-${i}`)).toBe(false);
    expect(reads()).toBe(1);
  });

  it("S28 are asked of a bounded number of jobs, however many an agent claims to hold", async () => {
    ordered["edge-1"] = Array.from({ length: 10_000 }, (_, i) => `claimed-${i}`);
    expect(await pulls.allows("edge-1", "default", "s")).toBe(false);
    expect(reads()).toBe(128);
    expect(await pulls.allows("edge-1", "default", "s")).toBe(false);
    expect(reads()).toBe(128);
  });

  it("are found with one read for a hundred nodes, and one more within two seconds for those that begin meanwhile", async () => {
    putJob("Pending");
    expect(await pulls.allows("edge-1", "default", "s")).toBe(false);
    expect(reads()).toBe(1);
    clock.advance(1);
    const late = Promise.all(Array.from({ length: 100 }, () => pulls.allows("edge-1", "default", "s")));
    await clock.settle();
    putJob("InProgress");
    clock.advance(2_000);
    expect(await late).toEqual(Array.from({ length: 100 }, () => true));
    expect(reads()).toBe(2);
    expect(await pulls.allows("edge-1", "default", "s")).toBe(true);
    expect(reads()).toBe(2);
  });

  it("are granted to a node that began while others' read was under way", async () => {
    putJob("Pending");
    const get = client.get.bind(client);
    let arrive = (): void => undefined;
    jest.spyOn(client, "get").mockImplementationOnce(async (...call: Parameters<typeof get>) => {
      const found = await get(...call);
      await new Promise<void>((resolve) => (arrive = resolve));
      return found;
    });
    const first = pulls.allows("edge-1", "default", "s");
    await clock.settle();
    putJob("InProgress");
    clock.advance(1);
    const second = pulls.allows("edge-1", "default", "s");
    await clock.settle();
    arrive();
    expect(await first).toBe(false);
    await clock.settle();
    clock.advance(2_000);
    expect(await second).toBe(true);
  });

  it("are granted no longer than two seconds after the pull has ended", async () => {
    putJob("InProgress");
    expect(await asked("edge-1", "default", "s")).toBe(true);
    putJob("Successful");
    clock.advance(2_000);
    expect(await asked("edge-1", "default", "s")).toBe(false);
  });

  it("are none where the job is gone, and no answer while the API server is away", async () => {
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

  it("is to be repeated while nobody knows what was ordered", async () => {
    const pulls = { allows: () => Promise.reject(new DeliveryError("UNAVAILABLE", "Redis is away")) };
    const bench = uplinkBench({ negotiated: true, pulls });
    const reply = await bench.ask("query", "default/secret/s");
    expect(reply).toMatchObject({
      route: { operation: "error" },
      content: "ServiceUnavailable: the request failed with code 503",
    });
    expect(await bench.rejects()).toEqual({ LATER: 1 });
  });
});
