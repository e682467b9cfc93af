// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { podOf } from "./fakes.ts";
import { referencesOf } from "../../src/pods/cloud/references.ts";
import { etcHosts } from "../../src/pods/container/mounts.ts";
import { containerSecurity } from "../../src/pods/container/security.ts";
import { kubeletHash, specHash } from "../../src/pods/identity/hashes.ts";
import { checkPod } from "../../src/pods/identity/names.ts";
import { loginsFor, registryOf } from "../../src/pods/images/credentials.ts";
import { imagesToRemove, type KnownImage } from "../../src/pods/images/gc.ts";
import type { Container } from "../../src/pods/model/container.ts";
import type { DataObject } from "../../src/pods/model/data.ts";
import type { Pod } from "../../src/pods/model/pod.ts";
import { noteExit, remainingMs, restartDelayMs } from "../../src/pods/plan/backoff.ts";
import { count } from "../../src/pods/probes/prober.ts";
import { podCgroup } from "../../src/pods/resources/cgroups.ts";
import { linuxLimits, podLimits, qosClass } from "../../src/pods/resources/limits.ts";
import { bytesOf, milliCpu, parseQuantity } from "../../src/pods/resources/quantity.ts";
import { sandboxConfig } from "../../src/pods/sandbox/config.ts";
import { dnsOf, parseResolvConf } from "../../src/pods/sandbox/dns.ts";
import { environment } from "../../src/pods/values/env.ts";
import { expand } from "../../src/pods/values/expand.ts";
import { mountPoints } from "../../src/pods/volumes/mounter.ts";

const c: Container = { name: "c", image: "busybox" };

describe("parseQuantity", () => {
  it.each([
    ["1", 1],
    ["250m", 0.25],
    ["64Mi", 67_108_864],
    ["1.5Gi", 1_610_612_736],
    ["1e3", 1000],
    ["2k", 2000],
    ["-1", -1],
    [".5", 0.5],
    [3, 3],
    ["x", undefined],
    ["1mi", undefined],
    [undefined, undefined],
  ])("reads %p as %p", (text, value) => expect(parseQuantity(text)).toBe(value));
  it("rounds CPU up to thousandths and memory up to bytes", () => {
    expect([milliCpu("0.1"), milliCpu("1n"), milliCpu("1.5"), bytesOf("0.5"), bytesOf(undefined)]).toEqual([
      100, 1, 1500, 1, 0,
    ]);
  });
});

describe("resources", () => {
  const context = { nodeMemoryBytes: 1_000_000_000, ownOomScoreAdj: 0, cpuQuotaEnabled: true };
  const of = (resources: Container["resources"]): Pod =>
    podOf("p", { containers: [{ ...c, ...(resources && { resources }) }] });
  it.each([
    [undefined, "BestEffort", 1000],
    [{ requests: { cpu: "100m", memory: "100M" } }, "Burstable", 900],
    [{ limits: { cpu: "1", memory: "1G" } }, "Guaranteed", 0],
    [{ limits: { cpu: "1" } }, "Burstable", 999],
    [{ limits: { cpu: "1", memory: "1G" }, requests: { cpu: "500m", memory: "1G" } }, "Burstable", 3],
  ] as const)("%j is %s with an oom score of %d, never below the agent's own", (resources, qos, oom) => {
    const pod = of(resources);
    expect(qosClass(pod)).toBe(qos);
    expect(linuxLimits(pod, pod.spec.containers[0]!, context).oomScoreAdj).toBe(oom);
  });
  it("turns CPU into shares and a quota, memory into a limit", () => {
    const pod = of({ requests: { cpu: "250m" }, limits: { cpu: "500m", memory: "64Mi" } });
    const limits = linuxLimits(pod, pod.spec.containers[0]!, context);
    expect(limits).toMatchObject({ cpuShares: 256, cpuQuotaUs: 50_000, memoryBytes: 67_108_864 });
    expect(linuxLimits(pod, pod.spec.containers[0]!, { ...context, cpuQuotaEnabled: false }).cpuQuotaUs).toBe(
      0,
    );
    expect(podLimits(pod)).toEqual({ cpuShares: 256, cpuQuotaUs: 50_000, memoryBytes: 67_108_864 });
    expect(podLimits(podOf("p", { containers: [c, pod.spec.containers[0]!] }))).toMatchObject({
      cpuQuotaUs: 0,
      memoryBytes: 0,
    });
  });
});

describe("expand", () => {
  const env = new Map([["A", "a"]]);
  it.each([
    ["$(A)", "a"],
    ["$$(A)", "$(A)"],
    ["$(B)", "$(B)"],
    ["$A $(A)$(A", "$A a$(A"],
    ["$$$(A)", "$a"],
    ["$(A)$$", "a$"],
  ])("%s becomes %s", (text, want) => expect(expand(text, env)).toBe(want));
  it("changes nothing in a text without a dollar", () => {
    fc.assert(fc.property(fc.string(), (text) => text.includes("$") || expand(text, env) === text));
  });
});

describe("restart back-off", () => {
  it.each([
    [1, 0],
    [2, 10_000],
    [3, 20_000],
    [7, 300_000],
    [500, 300_000],
  ])("waits after exit %d for %d ms", (failures, delay) => expect(restartDelayMs(failures)).toBe(delay));
  it("counts an exit once, and starts over after a long run", () => {
    const first = noteExit(undefined, { attempt: 0, ranForMs: 5, nowMs: 1 });
    expect(noteExit(first, { attempt: 0, ranForMs: 5, nowMs: 2 })).toBe(first);
    expect(noteExit(first, { attempt: 1, ranForMs: 5, nowMs: 2 }).failures).toBe(2);
    expect(noteExit({ ...first, failures: 9 }, { attempt: 1, ranForMs: 600_000, nowMs: 2 }).failures).toBe(1);
  });
  it("R27 waits at most the whole delay after an agent restart, whatever the wall clock did", () => {
    const history = { attempt: 3, failures: 4, seenAtMs: 1_000_000 };
    fc.assert(
      fc.property(fc.integer({ min: -4_000_000_000_000, max: 4_000_000_000_000 }), (nowMs) => {
        const left = remainingMs(history, nowMs);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(40_000);
      }),
    );
    expect(remainingMs(history, 1_010_000)).toBe(30_000);
  });
});

describe("hashes", () => {
  it("equal the kubelet's (printed by its own code)", () => {
    expect(kubeletHash({ name: "c", image: "docker.io/library/busybox:1.36" })).toBe("c0d793c2");
    expect(kubeletHash({ name: "a", image: "x<y>&z" })).toBe("edea34e4");
  });
  it("change with the image and the command, and not with resources or the order of fields", () => {
    const base = specHash({ ...c, command: ["a"] });
    expect(specHash({ command: ["a"], image: "busybox", name: "c" })).toBe(base);
    expect(specHash({ ...c, command: ["a"], resources: { limits: { cpu: "1" } } })).toBe(base);
    expect(specHash({ ...c, command: ["b"] })).not.toBe(base);
    expect(specHash({ ...c, command: ["a"], image: "other" })).not.toBe(base);
  });
});

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

describe("dnsOf", () => {
  const cluster = { servers: ["10.96.0.10"], domain: "cluster.local" };
  const host = parseResolvConf("# c\nnameserver 192.0.2.53\nsearch a.b c.d\noptions timeout:1\n");
  const base = podOf("p", { containers: [c] });
  it.each([
    [
      "ClusterFirst",
      {},
      {
        servers: ["10.96.0.10"],
        searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "a.b", "c.d"],
        options: ["ndots:5"],
      },
    ],
    ["ClusterFirst on the host network", { hostNetwork: true }, host],
    ["Default", { dnsPolicy: "Default" }, host],
    [
      "None",
      {
        dnsPolicy: "None",
        dnsConfig: { nameservers: ["1.1.1.1"], options: [{ name: "ndots", value: "2" }] },
      },
      { servers: ["1.1.1.1"], searches: [], options: ["ndots:2"] },
    ],
    [
      "an option of its own",
      { dnsConfig: { options: [{ name: "ndots", value: "1" }, { name: "edns0" }] } },
      {
        servers: ["10.96.0.10"],
        searches: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "a.b", "c.d"],
        options: ["ndots:1", "edns0"],
      },
    ],
  ])("%s", (_title, spec, want) =>
    expect(dnsOf({ ...base, spec: { ...base.spec, ...spec } }, cluster, host)).toEqual(want),
  );
  it("falls back to the host without a cluster DNS", () => {
    expect(dnsOf(base, { servers: [], domain: "" }, host)).toEqual(host);
  });
});

describe("what the runtime is asked for", () => {
  const options = {
    rootDir: "/r",
    podLogsDir: "/l",
    cgroupParent: "/longshore",
    cgroupDriver: "cgroupfs" as const,
    clusterDns: { servers: [], domain: "" },
  };
  const host = { servers: [], searches: [], options: [] };
  it("names the sandbox, its logs and its cgroup as a kubelet does, under a parent of its own", () => {
    const pod = podOf("p", {
      containers: [{ ...c, ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }],
      hostPID: true,
      securityContext: { sysctls: [{ name: "net.ipv4.ip_forward", value: "1" }], fsGroup: 5 },
    });
    expect(sandboxConfig(pod, 2, options, host)).toMatchObject({
      metadata: { name: "p", namespace: "default", uid: "uid-p", attempt: 2 },
      hostname: "p",
      logDirectory: "/l/default_p_uid-p",
      labels: {
        "io.kubernetes.pod.name": "p",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": "uid-p",
      },
      portMappings: [{ containerPort: 80, hostPort: 8080 }],
      linux: {
        cgroupParent: "/longshore/besteffort/poduid-p",
        sysctls: { "net.ipv4.ip_forward": "1" },
        securityContext: { supplementalGroups: [5n], namespaceOptions: { network: 0, pid: 2, ipc: 0 } },
      },
    });
  });
  it("keeps the node's name and opens no port on the host network", () => {
    const pod = podOf("p", {
      hostNetwork: true,
      containers: [{ ...c, ports: [{ containerPort: 80, hostPort: 80 }] }],
    });
    expect(sandboxConfig(pod, 0, options, host)).toMatchObject({
      hostname: "",
      portMappings: [],
      linux: { securityContext: { namespaceOptions: { network: 2 } } },
    });
  });
  it("writes systemd slices where that is the driver", () => {
    expect(podCgroup("/longshore", "systemd", "a-b", "Burstable")).toBe(
      "/longshore.slice/longshore-burstable.slice/longshore-burstable-poda_b.slice",
    );
  });
  it("hides parts of /proc unless the container is privileged, and takes the container's user before the pod's", () => {
    const pod = podOf("p", { containers: [c], securityContext: { runAsUser: 1, runAsGroup: 2 } });
    const plain = containerSecurity(
      pod,
      {
        ...c,
        securityContext: { runAsUser: 7, capabilities: { drop: ["ALL"] }, allowPrivilegeEscalation: false },
      },
      { uid: 0n, name: "" },
    );
    expect(plain).toMatchObject({
      runAsUser: { value: 7n },
      runAsGroup: { value: 2n },
      noNewPrivs: true,
      capabilities: { dropCapabilities: ["ALL"] },
    });
    expect(plain.maskedPaths).toContain("/proc/kcore");
    expect(
      containerSecurity(pod, { ...c, securityContext: { privileged: true } }, { uid: 0n, name: "" }),
    ).toMatchObject({ privileged: true, maskedPaths: [] });
  });
  it.each([
    [{ runAsNonRoot: true }, { uid: 0n, name: "" }],
    [
      { runAsNonRoot: true, runAsUser: 0 },
      { uid: 5n, name: "" },
    ],
    [{ runAsNonRoot: true }, { uid: undefined, name: "www" }],
  ])("refuses root where it is not allowed: %j with image user %p", (securityContext, user) => {
    expect(() => containerSecurity(podOf("p", { containers: [c] }), { ...c, securityContext }, user)).toThrow(
      expect.objectContaining({ code: "INVALID" }),
    );
  });
  it("refuses names that would lead out of its folders", () => {
    expect(() => checkPod(podOf("p", { containers: [c] }, "../../etc"))).toThrow(
      expect.objectContaining({ code: "INVALID" }),
    );
    expect(() =>
      checkPod(podOf("p", { containers: [c], volumes: [{ name: "..", emptyDir: {} }] })),
    ).toThrow();
    expect(() => checkPod(podOf("p.q-1", { containers: [c] }))).not.toThrow();
  });
  it("writes the hosts file with the pod's address and its aliases", () => {
    const pod = podOf("p", { containers: [c], hostAliases: [{ ip: "1.2.3.4", hostnames: ["x", "y"] }] });
    expect(etcHosts(pod, ["10.0.0.2"], "cluster.local")).toContain("10.0.0.2\tp\n1.2.3.4\tx\ty\n");
  });
  it.each([
    [{ hostname: "web-0", subdomain: "web" }, "cluster.local", "web-0.web.default.svc.cluster.local\tweb-0"],
    [{ subdomain: "web" }, "cluster.local", "p.web.default.svc.cluster.local\tp"],
    [{ hostname: "web-0", subdomain: "web" }, "", "web-0.web.default.svc\tweb-0"],
    [{ hostname: "web-0" }, "cluster.local", "web-0"],
  ])("writes the names of %j in %p into the hosts file", (spec, domain, names) => {
    const pod = podOf("p", { containers: [c], ...spec });
    expect(etcHosts(pod, ["10.0.0.2", "fd00::2"], domain)).toContain(
      `\n10.0.0.2\t${names}\nfd00::2\t${names}\n`,
    );
  });
});

describe("pull secrets", () => {
  const secret = (auths: object): DataObject => ({
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  it.each([
    ["busybox", "docker.io", "busybox"],
    ["library/busybox", "docker.io", "library/busybox"],
    ["localhost/x:1", "localhost", "x:1"],
    ["r.io:5000/a/b@sha256:1", "r.io:5000", "a/b@sha256:1"],
  ])("%s is at %s", (image, host, path) => expect(registryOf(image)).toEqual({ host, path }));
  it("fit by registry and path, the most specific first", () => {
    const all = [
      secret({
        "https://r.io/v1/": { username: "a", password: "1" },
        "r.io/team": { auth: "xyz" },
        "other.io": { username: "o" },
      }),
    ];
    expect(loginsFor("r.io/team/app:1", all)).toMatchObject([
      { auth: "xyz" },
      { username: "a", password: "1" },
    ]);
    expect(loginsFor("r.io/teams/app:1", all)).toHaveLength(1);
    expect(
      loginsFor("busybox", [secret({ "https://index.docker.io/v1/": { username: "h" } })]),
    ).toMatchObject([{ username: "h" }]);
  });
  it("of garbage give no login", () => {
    expect(loginsFor("busybox", [{ data: { ".dockerconfigjson": "%%%" } }, {}])).toEqual([]);
  });
});

describe("probe counts", () => {
  it("change their verdict after as many equal answers as asked for", () => {
    const probe = { failureThreshold: 2, successThreshold: 1 };
    const none = { ok: undefined, streak: 0, last: undefined };
    const one = count(none, false, probe);
    const two = count(one, false, probe);
    expect([
      one.ok,
      two.ok,
      count(two, true, probe).ok,
      count(count(two, true, probe), false, probe).ok,
    ]).toEqual([undefined, false, true, true]);
  });
});

describe("images that are removed", () => {
  const image = (id: string, over: Partial<KnownImage> = {}): KnownImage => ({
    id,
    sizeBytes: 10,
    pinned: false,
    inUse: false,
    firstSeenMs: 0,
    lastUsedMs: 0,
    ...over,
  });
  const full = { usedBytes: 90, capacityBytes: 100, nowMs: 1_000_000 };
  it.each([
    ["none while there is room", [image("a")], { ...full, usedBytes: 84 }, []],
    [
      "the longest unused first, until enough is free",
      [image("new", { lastUsedMs: 5 }), image("old")],
      full,
      ["old"],
    ],
    [
      "more when one is not enough",
      [image("a", { sizeBytes: 5 }), image("b", { lastUsedMs: 1 }), image("c", { lastUsedMs: 2 })],
      full,
      ["a", "b"],
    ],
    [
      "never one in use, pinned, or just pulled",
      [image("a", { inUse: true }), image("b", { pinned: true }), image("c", { firstSeenMs: 999_000 })],
      full,
      [],
    ],
    ["none of a disk of unknown size", [image("a")], { ...full, capacityBytes: 0 }, []],
  ] as const)("%s", (_title, images, disk, want) => expect(imagesToRemove(images, disk)).toEqual(want));
});

describe("small readers", () => {
  it("find every ConfigMap and Secret that a pod uses", () => {
    const pod = podOf("p", {
      containers: [
        {
          ...c,
          envFrom: [{ configMapRef: { name: "a" } }],
          env: [{ name: "X", valueFrom: { secretKeyRef: { name: "b", key: "k" } } }],
        },
      ],
      volumes: [
        { name: "v", secret: { secretName: "d" } },
        { name: "w", projected: { sources: [{ configMap: { name: "e" } }] } },
      ],
      imagePullSecrets: [{ name: "f" }],
    });
    expect([...referencesOf(pod)].sort()).toEqual([
      "configmap/a",
      "configmap/e",
      "secret/b",
      "secret/d",
      "secret/f",
    ]);
  });
  it("read mount points with escaped characters", () => {
    expect(mountPoints("22 1 0:21 / /a\\040b rw - tmpfs tmpfs rw\n23 1 0:22 / /c rw - x x rw\n")).toEqual([
      "/a b",
      "/c",
    ]);
  });
});
