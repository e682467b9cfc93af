// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { describe, expect, it } from "@jest/globals";
import { chooseIp, defaultRouteInterface } from "../../src/node/address.ts";
import type { MachineFacts, MachineState } from "../../src/node/facts.ts";
import {
  createNodeReporter,
  KUBELET_VERSION,
  readMachineFacts,
  readMachineState,
} from "../../src/node/index.ts";
import { differs, nodeStatus, statusPatch, type StatusInput } from "../../src/node/status.ts";
import type { DesiredEvent, DesiredStore, StoredObject } from "../../src/store/index.ts";
import { TunnelError, type Uplink, type UplinkRequest } from "../../src/tunnel/index.ts";
import { fakeClock, fakeLog, until } from "../tunnel/fakes.ts";

const GI = 1024 ** 3;
const facts: MachineFacts = {
  machineId: "m",
  systemUuid: "s",
  bootId: "b",
  kernelVersion: "6.1.0",
  osImage: "Debian GNU/Linux 12 (bookworm)",
  architecture: "amd64",
  cpus: 2,
  memoryBytes: 8 * GI,
  hugepages: { "2048": 0, "1048576": GI },
};
const state: MachineState = {
  memoryAvailableBytes: 4 * GI,
  disk: { bytes: 100 * GI, availableBytes: 50 * GI, inodes: 1000, inodesFree: 900 },
  ip: "192.0.2.2",
};
const input = (overrides: Partial<StatusInput> = {}): StatusInput => ({
  name: "edge-1",
  maxPods: 110,
  facts,
  state,
  runtimeVersion: "containerd://1.6.20",
  runtimeHealthy: true,
  nowMs: Date.UTC(2026, 0, 1),
  previous: [],
  ...overrides,
});
const condition = (type: string, overrides: Partial<StatusInput>) =>
  nodeStatus(input(overrides)).conditions.find((found) => found.type === type);

describe("the node's status", () => {
  it("names resources, addresses and versions as the kubelet does", () => {
    const status = nodeStatus(input());
    expect(status.capacity).toEqual({
      cpu: "2",
      pods: "110",
      memory: "8388608Ki",
      "ephemeral-storage": "104857600Ki",
      "hugepages-2Mi": "0",
      "hugepages-1Gi": String(GI),
    });
    expect(status.allocatable).toMatchObject({ memory: "8286208Ki", "ephemeral-storage": String(90 * GI) });
    expect(status.addresses).toEqual([
      { type: "InternalIP", address: "192.0.2.2" },
      { type: "Hostname", address: "edge-1" },
    ]);
    expect(status.nodeInfo).toMatchObject({
      containerRuntimeVersion: "containerd://1.6.20",
      kubeletVersion: KUBELET_VERSION,
    });
    expect(KUBELET_VERSION).toMatch(/^v1\.\d+\.\d+-kubeedge-v1\.\d+\.\d+\+longshore\.\d+\.\d+\.\d+$/);
  });

  it.each<{ type: string; status: string; when: string; with: Partial<StatusInput> }>([
    { type: "Ready", status: "True", when: "the runtime answers", with: {} },
    { type: "Ready", status: "False", when: "the runtime is down", with: { runtimeHealthy: false } },
    { type: "MemoryPressure", status: "False", when: "there is memory", with: {} },
    {
      type: "MemoryPressure",
      status: "True",
      when: "memory is short",
      with: { state: { ...state, memoryAvailableBytes: 50 * 1024 * 1024 } },
    },
    {
      type: "DiskPressure",
      status: "True",
      when: "the disk is full",
      with: { state: { ...state, disk: { ...state.disk, availableBytes: GI } } },
    },
    {
      type: "DiskPressure",
      status: "True",
      when: "inodes are short",
      with: { state: { ...state, disk: { ...state.disk, inodesFree: 10 } } },
    },
    {
      type: "DiskPressure",
      status: "False",
      when: "the file system counts no inodes",
      with: { state: { ...state, disk: { ...state.disk, inodes: 0, inodesFree: 0 } } },
    },
    { type: "PIDPressure", status: "False", when: "always", with: {} },
  ])("says $type=$status when $when", ({ type, status, with: overrides }) => {
    expect(condition(type, overrides)?.status).toBe(status);
  });

  it("changes a transition time only with the status, and a heartbeat always", () => {
    const first = nodeStatus(input());
    const laterMs = Date.UTC(2026, 0, 2);
    const same = nodeStatus(input({ nowMs: laterMs, previous: first.conditions }));
    const down = nodeStatus(input({ nowMs: laterMs, previous: first.conditions, runtimeHealthy: false }));
    const ready = (status: typeof first) => status.conditions.find(({ type }) => type === "Ready");
    expect(ready(same)).toMatchObject({
      lastTransitionTime: "2026-01-01T00:00:00Z",
      lastHeartbeatTime: "2026-01-02T00:00:00Z",
    });
    expect(ready(down)).toMatchObject({
      lastTransitionTime: "2026-01-02T00:00:00Z",
      reason: "KubeletNotReady",
    });
    expect(differs(first, same)).toBe(false);
    expect(differs(first, down)).toBe(true);
  });

  it("is patched with its addresses replaced and only our conditions", () => {
    const patch = JSON.parse(statusPatch(nodeStatus(input()))) as {
      status: { addresses: object[]; conditions: { type: string }[] };
    };
    expect(patch.status.addresses.at(-1)).toEqual({ $patch: "replace" });
    expect(patch.status.conditions.map(({ type }) => type)).toEqual([
      "MemoryPressure",
      "DiskPressure",
      "PIDPressure",
      "Ready",
    ]);
  });

  it("can be read from this machine", () => {
    const real = readMachineFacts();
    expect(real.cpus).toBeGreaterThan(0);
    expect(real.kernelVersion).not.toBe("");
    const found = readMachineState("/nowhere/at/all", { ip: "", interfaceName: "" });
    expect(found.disk.bytes).toBeGreaterThan(0);
    expect(found.ip).toMatch(/[.:]/);
  });
});

describe("the node's address", () => {
  const of = (address: string, family: "IPv4" | "IPv6", internal = false) =>
    ({
      address,
      family,
      internal,
      netmask: "",
      mac: "",
      cidr: null,
      ...(family === "IPv6" ? { scopeid: 0 } : {}),
    }) as never;
  const all = {
    lo: [of("127.0.0.1", "IPv4", true)],
    cni0: [of("10.88.0.1", "IPv4")],
    eth0: [of("2001:db8::1", "IPv6"), of("192.0.2.2", "IPv4")],
  };
  it("is that of the default route, IPv4 before IPv6, else any, else loopback", () => {
    expect(chooseIp(all, "eth0")).toBe("192.0.2.2");
    expect(chooseIp(all, "")).toBe("10.88.0.1");
    expect(chooseIp({ lo: all.lo }, "eth0")).toBe("127.0.0.1");
  });
  it("finds the interface of the default route", () => {
    const table =
      "Iface\tDestination\tGateway\tFlags\neth1\t0000A8C0\t0\t0001\neth0\t00000000\t0102A8C0\t0003\n";
    expect(defaultRouteInterface(table)).toBe("eth0");
    expect(defaultRouteInterface("")).toBe("");
  });
});

type Answer = (request: UplinkRequest) => unknown;

/** A cloud that answers at once with what `answer` gives. */
function fakeUplink(answer: Answer, negotiated = true) {
  const requests: UplinkRequest[] = [];
  const listeners = new Set<(connected: boolean) => void>();
  let connected = false;
  const uplink: Uplink & { isNegotiated(): boolean } = {
    isConnected: () => connected,
    isNegotiated: () => negotiated,
    request: (request) => {
      if (!connected) return Promise.reject(new TunnelError("OFFLINE", "offline"));
      requests.push(request);
      const content = answer(request);
      return Promise.resolve({
        header: { msg_id: "r", timestamp: 0 },
        route: { operation: "response" },
        content,
      } satisfies Frame);
    },
    send: () => undefined,
    onState: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const set = (next: boolean): void => {
    connected = next;
    listeners.forEach((listener) => listener(next));
  };
  const seen = () => requests.map(({ operation, resource }) => `${operation} ${resource}`);
  return { uplink, set, requests, seen };
}

function fakeDesired() {
  const held = new Map<string, StoredObject>();
  const listeners: ((event: DesiredEvent) => void)[] = [];
  const desired = {
    get: (key: string) => held.get(key),
    subscribe: (_kind: string, fn: (event: DesiredEvent) => void) => (listeners.push(fn), () => undefined),
  };
  return {
    desired: desired as unknown as DesiredStore,
    held,
    emit: (event: DesiredEvent) => listeners.forEach((fn) => fn(event)),
  };
}

const err = (code: number) => ({
  Object: null,
  Err: { ErrStatus: { status: "Failure", code, reason: "x" } },
});
const OK: Answer = () => ({ Object: {}, Err: null });

function reporter(answer: Answer = OK, negotiated = true) {
  const [clock, log, cloud, store] = [fakeClock(), fakeLog(), fakeUplink(answer, negotiated), fakeDesired()];
  let healthy = true;
  const config = {
    name: "edge-1",
    ip: "",
    interfaceName: "",
    labels: { zone: "s" },
    taints: [],
    register: true,
    schedulable: true,
    maxPods: 110,
    statusUpdateMs: 10_000,
    statusReportMs: 300_000,
    leaseDurationSeconds: 40,
  };
  const node = createNodeReporter({
    config,
    facts,
    readState: () => state,
    runtimeVersion: () => "containerd://1.6.20",
    runtimeHealthy: () => healthy,
    uplink: cloud.uplink,
    desired: store.desired,
    clock,
    log,
  });
  node.start();
  const setHealthy = (next: boolean): void => {
    healthy = next;
  };
  return { ...cloud, ...store, clock, log, node, setHealthy };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));
const patches = (seen: string[]) => seen.filter((line) => line.startsWith("patch")).length;

describe("the node reporter", () => {
  it("registers with KubeEdge's roles, then reports the complete status as a text, and once more after 15 s", async () => {
    const { set, seen, requests, clock } = reporter();
    set(true);
    await until(() => seen().length === 2, "insert and patch");
    expect(seen()).toEqual(["insert null/node/edge-1", "patch null/nodepatch/edge-1"]);
    expect(requests[0]?.content).toMatchObject({
      metadata: {
        name: "edge-1",
        labels: {
          zone: "s",
          "node-role.kubernetes.io/edge": "",
          "node-role.kubernetes.io/agent": "",
          "kubernetes.io/hostname": "edge-1",
        },
      },
    });
    const patch = JSON.parse(requests[1]?.content as string) as { status: object };
    expect(Object.keys(patch.status)).toEqual([
      "capacity",
      "allocatable",
      "conditions",
      "addresses",
      "daemonEndpoints",
      "nodeInfo",
    ]);
    clock.advance(15_000);
    await until(() => patches(seen()) === 2, "the second report");
  });

  it("takes a Node that exists already", async () => {
    const { set, seen } = reporter(({ operation }) =>
      operation === "insert" ? err(409) : OK({} as UplinkRequest),
    );
    set(true);
    await until(() => patches(seen()) === 1, "the report");
  });

  it("tries a refused registration again with growing pauses, and reports nothing before it", async () => {
    const { set, seen, clock, log } = reporter(() => err(500));
    set(true);
    await until(() => log.lines.length === 1, "the refusal");
    clock.advance(1_000);
    await until(() => log.lines.length === 2, "the second refusal");
    expect(new Set(seen())).toEqual(new Set(["insert null/node/edge-1"]));
  });

  it("looks every 10 s, but says nothing when nothing changed for 5 minutes", async () => {
    const { set, seen, clock, setHealthy } = reporter();
    set(true);
    await until(() => patches(seen()) === 1, "the report");
    clock.advance(15_000);
    await until(() => patches(seen()) === 2, "the second report");
    for (let i = 0; i < 20; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(patches(seen())).toBe(2);
    setHealthy(false);
    clock.advance(1_000);
    await until(() => patches(seen()) === 3, "the change");
    for (let i = 0; i < 31; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(patches(seen())).toBe(4);
  });

  it("registers again when the Node was deleted meanwhile", async () => {
    const { set, seen, held, emit } = reporter();
    set(true);
    await until(() => patches(seen()) === 1, "the report");
    const object = { key: "node//edge-1" } as StoredObject;
    held.set(object.key, object);
    set(false);
    set(true);
    await until(() => patches(seen()) === 2, "the report of the second session");
    expect(seen().filter((line) => line.startsWith("insert"))).toHaveLength(1);
    emit({ type: "delete", object });
    held.clear();
    set(false);
    set(true);
    await until(
      () => seen().filter((line) => line.startsWith("insert")).length === 2,
      "the second registration",
    );
  });

  it("does nothing while offline, and fails nothing", async () => {
    const { seen, clock, log } = reporter();
    for (let i = 0; i < 5; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(seen()).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  it("keeps the Lease by messages towards a CloudCore only", async () => {
    let lease: unknown;
    const answer: Answer = ({ operation, resource, content }) => {
      if (!resource.includes("lease")) return OK({} as UplinkRequest);
      if (operation === "query") return lease === undefined ? err(404) : { Object: lease, Err: null };
      lease = content;
      return { Object: lease, Err: null };
    };
    const { set, seen, clock, requests } = reporter(answer, false);
    set(true);
    await until(() => seen().includes("insert kube-node-lease/lease/edge-1"), "the new lease");
    clock.advance(10_000);
    await until(() => seen().includes("update kube-node-lease/lease/edge-1"), "the renewal");
    expect(requests.findLast(({ operation }) => operation === "update")?.content).toMatchObject({
      metadata: { name: "edge-1", namespace: "kube-node-lease" },
      spec: { holderIdentity: "edge-1", leaseDurationSeconds: 40, renewTime: "2026-01-01T00:00:10.000000Z" },
    });
    set(false);
    const before = seen().length;
    clock.advance(20_000);
    await settle();
    expect(seen()).toHaveLength(before);
  });
});
