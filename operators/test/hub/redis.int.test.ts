// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createControllerDelivery, createHubDelivery } from "../../src/delivery/index.ts";
import { silent } from "../delivery/fixture.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { gen } from "./support/fake-client.ts";
import { createRig, type Rig } from "./support/rig.ts";

let redis: TestRedis;
let rig: Rig;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await rig.stop();
  for (const stop of stops) await stop();
  await redis.stop();
});

describe("the hub on real Redis and BullMQ", () => {
  it("R1 in part: brings what a placement wants to the edge soon, records the ack, and says complete", async () => {
    const base = { redis: { url: redis.url }, log: silent };
    const controllers = createControllerDelivery({ ...base, registry: new Registry() });
    const delivery = createHubDelivery({
      ...base,
      registry: new Registry(),
      hub: "hub-0",
      scopes: ["workload"],
    });
    stops.push(
      () => controllers.stop(),
      () => delivery.stop(),
    );
    rig = await createRig({ mailbox: delivery.mailbox, wakeups: delivery.wakeups });
    const pod = { kind: "pod", namespace: "default", name: "p", uid: "8d1e6a5c-0000-4000-8000-000000000001" };
    rig.client.put(
      "pods",
      gen.object("Pod", "p", { namespace: "default", uid: pod.uid, resourceVersion: "5" }),
    );

    const edge = await rig.ours("n1");
    const startMs = performance.now();
    await controllers.outbox.sync("n1", "workload", [{ ...pod, resourceVersion: "5", digest: "d5" }], 1);
    const push = await edge.push("default/pod/p", "insert");
    expect(performance.now() - startMs).toBeLessThan(10_000);
    edge.ack(push);
    await edge.frame((frame) => frame.route.operation === "complete");

    expect(
      await controllers.outbox.sync("n1", "workload", [{ ...pod, resourceVersion: "6", digest: "d5" }], 1),
    ).toMatchObject({ puts: 0, dels: 0 });
    rig.client.remove("pods", { namespace: "default", name: "p" });
    await controllers.outbox.sync("n1", "workload", [], 1);
    const gone = await edge.push("default/pod/p", "delete");
    expect(gone.content).toEqual({ metadata: { name: "p", namespace: "default", uid: pod.uid } });
    edge.ack(gone);

    await edge.close();
    const again = await rig.edge("n1", { negotiate: true });
    await again.opened;
    expect(await again.greet()).toMatchObject({ sessionEpoch: 2 });
  });
});
