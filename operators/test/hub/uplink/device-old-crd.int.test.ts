// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import type { BatchResult } from "@longshore/crds/wire";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import { createClient, loadKubeConfig, systemClock, type KubeClient } from "../../../src/runtime/index.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { startApiServer, type ApiServer } from "../../apiserver.ts";
import { installCrds } from "../../crds.ts";
import { eventually } from "../../runtime/eventually.ts";
import { uplinkBench } from "./bench.ts";

const NAMESPACES = { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false };
const CRDS = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};
const NAME = { namespace: "default", name: "d" };
/** What a DeviceStatus of KubeEdge has not. */
const OURS = ["conditions", "mapper", "message", "nodeName", "protocol", "reason"];

let api: ApiServer;
let client: KubeClient;
beforeAll(async () => {
  api = await startApiServer();
  client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "default" } }).catch(() => undefined);
}, 120_000);
afterAll(async () => {
  await client.close();
  await api.stop();
});

it("reports are stored as far as it goes where the DeviceStatus is still KubeEdge's", async () => {
  const name = { name: "devicestatuses.devices.kubeedge.io" };
  const crd = await client.get<KubeObject & { spec: { versions: { name: string }[] } }>(CRDS, name);
  const at = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";
  const body = OURS.map((field) => ({ op: "remove", path: `${at}/${field}` }));
  await client.patch(CRDS, name, { type: "json", body });
  expect(crd.spec.versions[0]?.name).toBe(DEVICE_STATUSES.version);
  const made = await client.create<KubeObject>(DEVICES, {
    metadata: NAME,
    spec: { nodeName: "edge-1", deviceModelRef: { name: "m" }, protocol: { protocolName: "modbus" } },
  });
  // until the API server serves the older kind
  await eventually(async () => {
    const probe = { metadata: { ...NAME, name: "probe" }, spec: {}, status: { reason: "Reported" } };
    const lenient = { fieldValidation: "Ignore", dryRun: true } as const;
    const { status } = await client.create<KubeObject & { status?: object }>(DEVICE_STATUSES, probe, lenient);
    expect(status).toEqual({});
  });
  const bench = uplinkBench({ negotiated: true, api: client, clock: systemClock });
  const report = async (value: string, at: number): Promise<BatchResult[] | undefined> => {
    const told = { state: { state: "online", reason: "Reported" }, twins: [["t", "int", [value, at], null]] };
    const devices = [{ device: "default/d", uid: made.metadata.uid, ...told }];
    const frame = bench.frame("update", "devices/batch", { sentMs: Date.now(), devices });
    await bench.handle(frame);
    const find = () => bench.sent.find(({ header }) => header.parent_msg_id === frame.header.msg_id);
    await eventually(() => expect(find()).toBeDefined());
    return (find()?.content as { results: BatchResult[] } | undefined)?.results;
  };
  expect(await report("1", 1)).toEqual([["OK"]]);
  expect(await report("2", 2)).toEqual([["OK"]]);
  const { status } = await client.get<KubeObject & { status?: object }>(DEVICE_STATUSES, NAME);
  expect(status).toMatchObject({ state: "online", twins: [{ reported: { value: "2" } }] });
}, 60_000);
