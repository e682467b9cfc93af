// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { conditionOf, type ListOf, type NodeObject, type PodObject } from "../cluster/objects.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { configMap, deployment, pod, secret, SLEEP } from "./manifests.ts";

jest.setTimeout(120_000);
const RUNNING_MS = 60_000;

const page = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get(url, { timeout: 2_000, agent: false }, (response) => {
      text(response).then(resolve, reject);
    }).once("error", reject);
  });

describe("pod", () => {
  let env: Environment;
  let ns: string;

  const running = (name: string): Promise<PodObject> =>
    eventually(
      async () => {
        const found = await env.pod(ns, name);
        expect(found?.status.phase).toBe("Running");
        expect(found?.status.containerStatuses?.[0]?.ready).toBe(true);
        return found!;
      },
      { timeoutMs: RUNNING_MS },
    );
  const gone = (name: string, timeoutMs: number): Promise<void> =>
    eventually(async () => expect(await env.pod(ns, name)).toBeUndefined(), { timeoutMs });
  const containerOf = (object: PodObject): string => object.status.containerStatuses?.[0]?.containerID ?? "";
  const podsOf = async (app: string): Promise<readonly PodObject[]> =>
    (await env.kubectl.json<ListOf<PodObject>>("-n", ns, "get", "pods", "-l", `app=${app}`)).items;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("pod");
  }, 600_000);
  afterAll(cleanEnvironment, 90_000);

  it("A3 of a Deployment runs on the edge node, and its status says so", async () => {
    await env.kubectl.apply(deployment({ namespace: ns, name: "status", script: SLEEP, replicas: 1 }));
    const found = await eventually(
      async () => {
        const [first] = await podsOf("status");
        expect(first?.status.phase).toBe("Running");
        return first!;
      },
      { timeoutMs: RUNNING_MS },
    );
    const node = await env.kubectl.json<NodeObject>("get", "node", env.node);
    // The hub's comes before the node's own.
    const addresses = node.status.addresses?.filter(({ type }) => type === "InternalIP") ?? [];
    expect(found.spec.nodeName).toBe(env.node);
    expect(found.status.qosClass).toBe("BestEffort");
    expect(addresses.map(({ address }) => address)).toContain(found.status.hostIP);
    expect(found.status.podIP).toMatch(
      new RegExp(`^${env.layout.subnet.replace(/\.0\/24$/, "").replaceAll(".", "\\.")}\\.`),
    );
    expect(found.status.podIPs).toEqual([{ ip: found.status.podIP }]);
    expect(Date.parse(found.status.startTime ?? "")).toBeLessThanOrEqual(Date.now() + 1000);
    expect(found.status.containerStatuses).toHaveLength(1);
    expect(found.status.containerStatuses?.[0]).toMatchObject({
      name: "main",
      ready: true,
      started: true,
      restartCount: 0,
      image: expect.stringContaining("localhost/busybox:dev"),
      imageID: expect.stringMatching(/sha256:[0-9a-f]{64}/),
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
      state: { running: { startedAt: expect.any(String) } },
    });
    for (const type of ["PodScheduled", "Initialized", "ContainersReady", "Ready"]) {
      expect(conditionOf(found, type)?.status).toBe("True");
    }
    await eventually(
      async () =>
        expect(
          await env.kubectl.run(
            "-n",
            ns,
            "get",
            "deploy",
            "status",
            "-o",
            "jsonpath={.status.availableReplicas}",
          ),
        ).toBe("1"),
      { timeoutMs: 10_000 },
    );
  });

  it("A3 of three replicas is replaced when deleted, and nothing of the old one is left in the runtime", async () => {
    await env.kubectl.apply(deployment({ namespace: ns, name: "three", script: SLEEP, replicas: 3 }));
    const allRun = (): Promise<readonly PodObject[]> =>
      eventually(
        async () => {
          const pods = await podsOf("three");
          expect(pods.filter(({ status }) => status.phase === "Running")).toHaveLength(3);
          expect(pods).toHaveLength(3);
          return pods;
        },
        { timeoutMs: RUNNING_MS },
      );
    const old = await allRun();
    await env.kubectl.run(
      "-n",
      ns,
      "delete",
      "pod",
      "--wait=false",
      ...old.map(({ metadata }) => metadata.name),
    );
    const uids = old.map(({ metadata }) => metadata.uid);
    await eventually(
      async () =>
        expect((await podsOf("three")).some(({ metadata }) => uids.includes(metadata.uid))).toBe(false),
      { timeoutMs: 30_000 },
    );
    await allRun();
    for (const each of old) expect(await env.runs(containerOf(each))).toBe(false);
    await env.kubectl.run("-n", ns, "delete", "deployment", "three");
    await eventually(async () => expect(await podsOf("three")).toHaveLength(0), { timeoutMs: 30_000 });
  });

  it("A4 in part: is created and deleted again and again; a second delete finds nothing", async () => {
    for (let round = 0; round < 3; round++) {
      await env.kubectl.apply(pod({ namespace: ns, name: "again", script: SLEEP }));
      const found = await running("again");
      await env.kubectl.run("-n", ns, "delete", "pod", "again", "--timeout=30s");
      expect(await env.runs(containerOf(found))).toBe(false);
      const second = await env.kubectl.tryRun("-n", ns, "delete", "pod", "again");
      expect(second.stderr).toContain("NotFound");
    }
  });

  it("A4 sees and changes files of the node through hostPath", async () => {
    const dir = mkdtempSync(join(tmpdir(), "longshore-e2e-"));
    try {
      const script = `echo from-the-pod > /hp/file; ${SLEEP}`;
      const volumes = [{ name: "hp", hostPath: { path: dir, type: "Directory" } }];
      await env.kubectl.apply(
        pod({
          namespace: ns,
          name: "hostpath",
          script,
          container: { volumeMounts: [{ name: "hp", mountPath: "/hp" }] },
          spec: { volumes },
        }),
      );
      await running("hostpath");
      await eventually(() => expect(readFileSync(join(dir, "file"), "utf8")).toBe("from-the-pod\n"), {
        timeoutMs: 5_000,
      });
      await env.kubectl.run("-n", ns, "delete", "pod", "hostpath", "--timeout=30s");
      expect(readFileSync(join(dir, "file"), "utf8")).toBe("from-the-pod\n");
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it("gets ConfigMaps and Secrets as files and variables, and a changed ConfigMap reaches the file", async () => {
    await env.kubectl.apply(configMap(ns, "settings", { mode: "gentle", "page.txt": "one" }));
    await env.kubectl.apply(secret(ns, "keys", { password: "open sesame" }));
    const container = {
      env: [
        { name: "MODE", valueFrom: { configMapKeyRef: { name: "settings", key: "mode" } } },
        { name: "PASSWORD", valueFrom: { secretKeyRef: { name: "keys", key: "password" } } },
        { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "BOTH", value: "$(MODE)-$(POD)" },
      ],
      envFrom: [{ prefix: "S_", secretRef: { name: "keys" } }],
      volumeMounts: [
        { name: "settings", mountPath: "/settings" },
        { name: "keys", mountPath: "/keys", readOnly: true },
        { name: "scratch", mountPath: "/scratch" },
      ],
    };
    const volumes = [
      { name: "settings", configMap: { name: "settings" } },
      { name: "keys", secret: { secretName: "keys", defaultMode: 0o400 } },
      { name: "scratch", emptyDir: { medium: "Memory" } },
    ];
    await env.kubectl.apply(
      pod({
        namespace: ns,
        name: "files",
        script: `env > /scratch/env; ${SLEEP}`,
        container,
        spec: { volumes },
      }),
    );
    const id = containerOf(await running("files"));
    const variables = await env.inContainer(id, "cat", "/scratch/env");
    for (const line of [
      "MODE=gentle",
      "PASSWORD=open sesame",
      "POD=files",
      "BOTH=gentle-files",
      "S_password=open sesame",
    ]) {
      expect(variables.split("\n")).toContain(line);
    }
    expect(await env.inContainer(id, "cat", "/settings/page.txt")).toBe("one");
    expect(await env.inContainer(id, "cat", "/keys/password")).toBe("open sesame");
    expect(await env.inContainer(id, "stat", "-L", "-c", "%a", "/keys/password")).toBe("400\n");
    await env.kubectl.apply(configMap(ns, "settings", { mode: "gentle", "page.txt": "two" }));
    await eventually(async () => expect(await env.inContainer(id, "cat", "/settings/page.txt")).toBe("two"), {
      timeoutMs: 20_000,
    });
  });

  it("gets a ServiceAccount token that the API server accepts for this pod alone", async () => {
    await env.kubectl.apply(
      pod({ namespace: ns, name: "token", script: SLEEP, spec: { automountServiceAccountToken: true } }),
    );
    const found = await running("token");
    const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
    const token = await env.inContainer(containerOf(found), "cat", `${folder}/token`);
    expect(await env.inContainer(containerOf(found), "cat", `${folder}/namespace`)).toBe(ns);
    expect(await env.inContainer(containerOf(found), "cat", `${folder}/ca.crt`)).toContain(
      "BEGIN CERTIFICATE",
    );
    const review = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token: token.trim() },
    };
    const { status } = JSON.parse(await env.kubectl.create(JSON.stringify(review))) as {
      status: { authenticated?: boolean; user?: { username: string; extra?: Record<string, string[]> } };
    };
    expect(status.authenticated).toBe(true);
    expect(status.user?.username).toBe(`system:serviceaccount:${ns}:default`);
    expect(status.user?.extra?.["authentication.kubernetes.io/pod-uid"]).toEqual([found.metadata.uid]);
  });

  it("A6 in part: serves on the node's address with hostNetwork", async () => {
    const port = env.layout.firstPort + 39; // the last one of this environment
    const script = `mkdir /www; echo Welcome > /www/index.html; exec httpd -f -p ${port} -h /www`;
    await env.kubectl.apply(pod({ namespace: ns, name: "hostnet", script, spec: { hostNetwork: true } }));
    const { status } = await running("hostnet");
    expect(status.podIP).toBe(status.hostIP);
    expect(await eventually(() => page(`http://${status.hostIP ?? ""}:${port}/`), { timeoutMs: 5_000 })).toBe(
      "Welcome\n",
    );
    await env.kubectl.run("-n", ns, "delete", "pod", "hostnet", "--timeout=30s");
  });

  it("serves on its own address with the bridge", async () => {
    const script = "mkdir /www; echo Bridged > /www/index.html; exec httpd -f -p 8080 -h /www";
    await env.kubectl.apply(pod({ namespace: ns, name: "bridge", script }));
    const { status } = await running("bridge");
    expect(status.podIP).not.toBe(status.hostIP);
    expect(await eventually(() => page(`http://${status.podIP ?? ""}:8080/`), { timeoutMs: 5_000 })).toBe(
      "Bridged\n",
    );
  });

  it("is restarted with a growing pause when its container fails, and keeps its name", async () => {
    await env.kubectl.apply(pod({ namespace: ns, name: "crash", script: "exit 3" }));
    await eventually(
      async () => {
        const [status] = (await env.pod(ns, "crash"))?.status.containerStatuses ?? [];
        expect(status?.restartCount).toBeGreaterThanOrEqual(2);
        expect(status?.state.waiting?.reason).toBe("CrashLoopBackOff");
        expect(status?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: "Error" });
      },
      { timeoutMs: 60_000 },
    );
    expect((await env.pod(ns, "crash"))?.status.phase).toBe("Running");
    await env.kubectl.run("-n", ns, "delete", "pod", "crash", "--timeout=30s");
  });

  it.each([
    { policy: "Never", script: "exit 4", phase: "Failed", exitCode: 4 },
    { policy: "OnFailure", script: "exit 0", phase: "Succeeded", exitCode: 0 },
  ])(
    "that ends with $exitCode and restartPolicy $policy is $phase",
    async ({ policy, script, phase, exitCode }) => {
      const name = policy.toLowerCase();
      await env.kubectl.apply(pod({ namespace: ns, name, script, spec: { restartPolicy: policy } }));
      await eventually(async () => expect((await env.pod(ns, name))?.status.phase).toBe(phase), {
        timeoutMs: RUNNING_MS,
      });
      const status = (await env.pod(ns, name))?.status.containerStatuses?.[0];
      expect(status).toMatchObject({ restartCount: 0, state: { terminated: { exitCode } } });
      await env.kubectl.run("-n", ns, "delete", "pod", name, "--timeout=30s");
    },
  );

  it("that ignores SIGTERM is killed at the end of its grace period, not before", async () => {
    const spec = { terminationGracePeriodSeconds: 4 };
    await env.kubectl.apply(
      pod({ namespace: ns, name: "stubborn", script: "trap '' TERM; while :; do sleep 1; done", spec }),
    );
    const found = await running("stubborn");
    const startedMs = performance.now();
    await env.kubectl.run("-n", ns, "delete", "pod", "stubborn", "--wait=false");
    await gone("stubborn", 20_000);
    const elapsedMs = performance.now() - startedMs;
    expect(elapsedMs).toBeGreaterThan(3_500);
    expect(elapsedMs).toBeLessThan(15_000);
    expect(await env.runs(containerOf(found))).toBe(false);
  });
});
