// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { deviceBehind, planStatus } from "../../src/device/desired.ts";
import { trimDevice, trimDeviceStatus } from "../../src/device/transform.ts";
import type { KubeObject, OwnerReference } from "../../src/runtime/index.ts";
import { device } from "./builders.ts";

const NOW = "2026-01-01T00:00:00Z";
const owner = (over: Partial<OwnerReference> = {}): OwnerReference => ({
  ...{ apiVersion: "devices.kubeedge.io/v1beta1", kind: "Device", name: "d", uid: "uid-d", controller: true },
  ...over,
});
const status = (ownerReferences?: OwnerReference[], over: object = {}): KubeObject =>
  trimDeviceStatus({
    metadata: {
      ...{ name: "d", namespace: "ns", uid: "uid-s", resourceVersion: "1" },
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
      ...over,
    },
  });

describe("planStatus", () => {
  const deleting = { deletionTimestamp: NOW };
  it.each([
    { when: "there is none", status: undefined, want: { do: "create" } },
    { when: "it is the device's", status: status([owner()]), want: { do: "nothing" } },
    {
      when: "it is of a device of that name that is gone",
      status: status([owner({ uid: "old" })]),
      want: { do: "replace", uid: "uid-s", ownerUid: "old" },
    },
    { when: "nobody owns it", status: status(), want: { do: "adopt" } },
    {
      when: "somebody owns it who does not control it",
      status: status([owner({ kind: "Site", name: "s", uid: "s", controller: false })]),
      want: { do: "adopt" },
    },
    {
      when: "something else controls it",
      status: status([owner({ kind: "Site", name: "s", uid: "s" })]),
      want: { do: "leave", rival: "Site s" },
    },
    { when: "it is being deleted", status: status([], deleting), want: { do: "nothing" } },
  ])("is $want.do when $when", ({ status: given, want }) => {
    expect(planStatus(trimDevice(device("d")), given)).toEqual(want);
  });

  it("creates nothing beside a device that is being deleted", () => {
    expect(planStatus(trimDevice(device("d", { meta: deleting })), undefined)).toEqual({ do: "nothing" });
  });
});

describe("deviceBehind", () => {
  it("is the device that controls the status of its name", () => {
    expect(deviceBehind(status([owner()]))).toEqual(owner());
    expect(deviceBehind(status([owner({ apiVersion: "devices.kubeedge.io/v1alpha2" })]))?.uid).toBe("uid-d");
  });

  it.each([
    { when: "there is no status", status: undefined },
    { when: "nobody owns it", status: status() },
    { when: "a device owns it without controlling it", status: status([owner({ controller: false })]) },
    { when: "a Device of another group controls it", status: status([owner({ apiVersion: "other.io/v1" })]) },
    { when: "something else controls it", status: status([owner({ kind: "Site" })]) },
    { when: "a device of another name controls it", status: status([owner({ name: "other" })]) },
    { when: "it is being deleted", status: status([owner()], { deletionTimestamp: NOW }) },
  ])("is nobody when $when", ({ status: given }) => {
    expect(deviceBehind(given)).toBeUndefined();
  });
});
