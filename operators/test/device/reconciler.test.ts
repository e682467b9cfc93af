// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { selections, type Informers } from "../../src/device/caches.ts";
import { createDeviceReconciler } from "../../src/device/reconciler.ts";
import { trimDevice } from "../../src/device/transform.ts";
import {
  ApiError,
  silentLog,
  type Client,
  type KubeObject,
  type ReconcileContext,
  type Resource,
} from "../../src/runtime/index.ts";
import { device } from "./builders.ts";

const status = (ownerUid: string): KubeObject => ({
  metadata: {
    ...{ name: "d", namespace: "ns", uid: "uid-s", resourceVersion: "1" },
    ownerReferences: [
      {
        ...{ apiVersion: "devices.kubeedge.io/v1beta1", kind: "Device", name: "d" },
        ...{ uid: ownerUid, controller: true },
      },
    ],
  },
});

describe("the DeviceStatus of a Device that the watch has not told of yet", () => {
  let calls: string[];
  /** What the API server has, which is ahead of the watches. */
  let live: KubeObject | Error;
  beforeEach(() => {
    calls = [];
  });

  const client = {
    get: (resource: Resource) => {
      calls.push(`get ${resource.kind}`);
      return live instanceof Error ? Promise.reject(live) : Promise.resolve(live);
    },
    delete: (resource: Resource, _name: object, { preconditions }: { preconditions: object }) => {
      calls.push(`delete ${resource.kind} ${JSON.stringify(preconditions)}`);
      return Promise.resolve();
    },
    apply: (resource: Resource) => {
      calls.push(`apply ${resource.kind}`);
      return Promise.resolve({});
    },
  } as unknown as Client;

  async function reconcile(cached: KubeObject | undefined, ownerUid: string): Promise<string[]> {
    const informers = {
      device: { get: () => cached && trimDevice(cached) },
      devicestatus: { get: () => status(ownerUid) },
    } as unknown as Informers;
    const recorder = { event: () => undefined };
    const teller = { tell: () => Promise.resolve({}), forget: () => undefined };
    const run = createDeviceReconciler({ client, informers, recorder, teller });
    const context = { signal: new AbortController().signal, log: silentLog } as unknown as ReconcileContext;
    await run({ namespace: "ns", name: "d" }, context);
    return calls.filter(
      (call) => call.includes(selections.devicestatus.resource.kind) || call.startsWith("get"),
    );
  }

  it("stays, for what it says is of that device", async () => {
    live = device("d");
    expect(await reconcile(undefined, "uid-d")).toEqual(["get Device"]);
  });

  it("stays when only an older device of that name is known", async () => {
    live = device("d", { meta: { uid: "newer" } });
    expect(await reconcile(device("d"), "newer")).toEqual(["get Device"]);
  });

  it.each([
    { when: "there is no device", answer: new ApiError({ code: 404, reason: "NotFound", message: "gone" }) },
    { when: "the device of that name is another", answer: device("d", { meta: { uid: "newer" } }) },
  ])("goes when $when", async ({ answer }) => {
    live = answer;
    expect(await reconcile(undefined, "uid-d")).toEqual([
      "get Device",
      'delete DeviceStatus {"uid":"uid-s"}',
    ]);
  });

  it("is left for later when the API server does not say", async () => {
    live = new ApiError({ code: 503, reason: "ServiceUnavailable", message: "away" });
    await expect(reconcile(undefined, "uid-d")).rejects.toThrow("away");
    expect(calls).toEqual(["get Device"]);
  });
});
