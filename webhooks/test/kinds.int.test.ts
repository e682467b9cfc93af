// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { globSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { untilEstablished } from "../../hack/cluster/established.ts";
import { controlPlaneBin, freePort, startApiServer, type ApiServer } from "../../operators/test/apiserver.ts";
import {
  CONFIG,
  configurationsFor,
  eventually,
  requireReady,
  startReplica,
  type Replica,
} from "./installation.ts";
import { kubectlAt, type Said } from "./kubectl.ts";

jest.setTimeout(120_000);
const SAMPLES = join(CONFIG, "samples");
const DIGEST = `sha256:${"a".repeat(64)}`;

interface Pod {
  readonly spec: { readonly tolerations?: readonly { readonly key?: string; readonly operator?: string }[] };
}

describe("admission of jobs, rules and pods by a real API server", () => {
  let api: ApiServer;
  let bin: string;
  let kubeconfig: string;
  let port: number;
  let replica: Replica;

  const { tell, kubectl } = kubectlAt(() => ({ bin, kubeconfig: api.kubeconfig }));
  const create = (object: object, ...flags: string[]): Promise<Said> =>
    tell(["create", ...flags, "-f", "-"], JSON.stringify(object));

  beforeAll(async () => {
    api = await startApiServer();
    bin = await controlPlaneBin();
    port = await freePort();
    await kubectl(["apply", "--server-side", "-k", join(CONFIG, "local")]);
    await untilEstablished(kubectl);
    await eventually(() => kubectl(["get", "namespace", "default"]));
    await kubectl(["apply", "--server-side", "-f", "-"], await configurationsFor(kubectl, port));
    const token = await kubectl(["-n", "kubeedge", "create", "token", "longshore-webhooks"]);
    kubeconfig = await api.writeKubeconfig("webhooks", { token: token.trim() });
    replica = await startReplica(kubeconfig, { port });
    await eventually(() => requireReady(replica));
  }, 180_000);
  afterAll(async () => {
    replica.child.kill("SIGKILL");
    await api.stop();
  });

  const job = (kind: string, spec: object, version = "v1alpha2", name = "job") => ({
    apiVersion: `operations.kubeedge.io/${version}`,
    kind,
    metadata: { name },
    spec,
  });
  const upgrade = { version: "v1.23.0", nodeNames: ["edge-node"], image: `a/b@${DIGEST}` };
  const many = Array.from({ length: 10_001 }, (_, index) => `n${index}`);

  // The CRD speaks first; what it cannot say, the webhook does.
  it.each([
    {
      id: "A28 B18",
      by: "CRD",
      object: job("NodeUpgradeJob", { ...upgrade, version: "1.23" }),
      says: "invalid version",
    },
    {
      id: "A28 S9",
      by: "CRD",
      object: job("NodeUpgradeJob", { ...upgrade, version: "v1.23.0; reboot" }),
      says: "invalid version",
    },
    {
      id: "S9",
      by: "CRD",
      object: job("NodeUpgradeJob", { ...upgrade, image: "a/b$(id)" }),
      says: "invalid image repo",
    },
    {
      id: "B21",
      by: "CRD",
      object: job("NodeUpgradeJob", { ...upgrade, labelSelector: {} }),
      says: "exactly one",
    },
    ...["v1alpha1", "v1alpha2"].map((version) => ({
      id: "B21",
      by: "CRD",
      object: job("NodeUpgradeJob", { ...upgrade, nodeNames: many }, version),
      says: "over 10000",
    })),
    {
      id: "A33",
      by: "CRD",
      object: job("ImagePrePullJob", { imagePrePullTemplate: { images: ["$(id)"], nodeNames: ["n"] } }),
      says: "images[0]",
    },
    {
      id: "B21",
      by: "CRD",
      object: job(
        "ImagePrePullJob",
        { imagePrePullTemplate: { images: ["a"], nodeNames: many } },
        "v1alpha1",
      ),
      says: "over 10000",
    },
    {
      id: "B20",
      by: "CRD",
      object: job("NodeUpgradeJob", { ...upgrade, concurrency: 1e9 }),
      says: "spec.concurrency",
    },
    {
      id: "S10",
      by: "CRD",
      object: job("ConfigUpdateJob", { nodeNames: ["n"], updateFields: { "modules.a": "x;reboot" } }),
      says: "updateFields.modules.a",
    },
    {
      id: "S10",
      by: "CRD",
      object: job("ConfigUpdateJob", { nodeNames: ["n"], updateFields: { "modules.a=1,modules.b": "2" } }),
      says: "invalid field",
    },
    {
      id: "S10",
      by: "CRD",
      object: job("ConfigUpdateJob", { nodeNames: ["n"], updateFields: { "modules.a": "x".repeat(5_000) } }),
      says: "4096 of its value",
    },
    {
      id: "A33",
      by: "webhook",
      object: {
        ...job("ImagePrePullJob", { imagePrePullTemplate: { images: ["a"], nodeNames: ["n"] } }),
        metadata: { name: "job", annotations: { "longshore.io/attempt": "many" } },
      },
      says: "metadata.annotations[longshore.io/attempt]: give a number from 1 to 1000",
    },
  ])("$id the $by refuses a job, with the field", async ({ by, object, says }) => {
    const { code, err } = await create(object);
    expect(code).not.toBe(0);
    expect(err).toContain(says);
    expect(err.includes("admission webhook")).toBe(by === "webhook");
  });

  it.each(["v1alpha1", "v1alpha2"])(
    "A28 stores 1 and 300 for what a %s job leaves out, and lets it be",
    async (version) => {
      const name = `stored-${version}`;
      expect(await create(job("NodeUpgradeJob", upgrade, version, name))).toMatchObject({ code: 0, err: "" });
      const { spec } = JSON.parse(await kubectl(["get", "nuj", name, "-o", "json"])) as { spec: object };
      expect(spec).toMatchObject({ concurrency: 1, timeoutSeconds: 300 });
      const patch = await tell([
        "patch",
        "nuj",
        name,
        "--type=merge",
        "-p",
        '{"spec":{"version":"v1.24.0"}}',
      ]);
      expect(patch.err).toContain("spec fields are not allowed to update once it's created");
      await kubectl(["label", "nuj", name, "still=works"]);
      await kubectl(["delete", "nuj", name]);
    },
  );

  it.each(globSync("operations_*.yaml", { cwd: SAMPLES }))(
    "admits the sample %s without a word",
    async (file) => {
      const said = await tell(["create", "--dry-run=server", "--validate=strict", "-f", join(SAMPLES, file)]);
      expect(said).toMatchObject({ code: 0, err: "" });
    },
  );

  it("judges another attempt although the spec stays, and nothing else that leaves it", async () => {
    const template = { images: ["busybox:1.36"], nodeNames: ["edge-node"] };
    const made = job("ImagePrePullJob", { imagePrePullTemplate: template }, "v1alpha2", "again");
    expect(await create(made)).toMatchObject({ code: 0 });
    const attempt = (to: string): Promise<Said> =>
      tell(["annotate", "--overwrite", "ippj", "again", `longshore.io/attempt${to}`]);
    expect(await attempt("=3")).toMatchObject({ code: 0 });
    for (const [to, says] of [
      ["=2", "lowered from 3"],
      ["-", "lowered from 3"],
      ["=0", "from 1 to 1000"],
    ] as const)
      expect((await attempt(to)).err).toContain(says);
    expect((await tell(["annotate", "ippj", "again", "other=annotation"])).code).toBe(0);
    await kubectl(["delete", "ippj", "again"]);
  });

  it.each([
    {
      id: "B19",
      object: job("NodeUpgradeJob", { ...upgrade, image: "a/b" }),
      says: "spec.imageDigestGatter: missing",
    },
    {
      id: "B20",
      object: job("NodeUpgradeJob", { ...upgrade, timeoutSeconds: 0 }),
      says: "spec.timeoutSeconds: 0 is taken for 300",
    },
    {
      id: "B20",
      object: job("NodeUpgradeJob", { ...upgrade, concurrency: 0 }, "v1alpha1"),
      says: "spec.concurrency: 0 is taken for 1",
    },
    {
      id: "B11",
      object: job("ConfigUpdateJob", {
        nodeNames: ["n"],
        updateFields: { "modules.eventBus.mqttPassword": "x" },
      }),
      says: "this secret",
    },
  ])("$id warns of what KubeEdge takes", async ({ object, says }) => {
    const { code, err } = await create(object, "--dry-run=server");
    expect(code).toBe(0);
    expect(err).toContain("Warning: ");
    expect(err).toContain(says);
  });

  const rules = (kind: string, name: string, spec: object) => ({
    apiVersion: "rules.kubeedge.io/v1",
    kind,
    metadata: { name, namespace: "default" },
    spec,
  });
  const toBus = (name: string, path: string, more: object = {}) =>
    rules("Rule", name, {
      ...{ source: "rest-test", sourceResource: { path } },
      ...{ target: "eventbus-test", targetResource: { topic: "topic-test" } },
      ...more,
    });

  it("A40 takes endpoints and the Rules between them, with every pair that KubeEdge's router carries", async () => {
    const early = await create(toBus("early", "/early"));
    expect(early.err).toContain('spec.source: this namespace has no RuleEndpoint "rest-test"');
    for (const type of ["rest", "eventbus", "servicebus"]) {
      const spec = { ruleEndpointType: type, properties: { service_port: "9000" } };
      expect((await create(rules("RuleEndpoint", `${type}-test`, spec))).err).toBe("");
    }
    expect((await create(toBus("to-bus", "/ccc"))).err).toBe("");
    const toRest = { target: "rest-test", targetResource: { resource: "http://127.0.0.1:9000/echo" } };
    const sourceResource = { target_url: "http://127.0.0.1:9000/echo", node_name: "edge-node" };
    const fromService = rules("Rule", "from-service", {
      source: "servicebus-test",
      sourceResource,
      ...toRest,
    });
    expect((await create(fromService)).err).toBe("");
  });

  it.each([
    { id: "B15", what: "an expression", object: toBus("bad", ".*|/"), says: "spec.sourceResource.path" },
    {
      id: "B15",
      what: "1,000 segments",
      object: toBus("bad", "/a".repeat(1_000)),
      says: "spec.sourceResource.path",
    },
    {
      id: "B17",
      what: "a path that is taken",
      object: toBus("bad", "ccc"),
      says: 'the Rule "to-bus" takes the same',
    },
    {
      id: "A40",
      what: "no such pair",
      object: toBus("bad", "/x", { target: "rest-test", targetResource: { resource: "http://x" } }),
      says: "no rule leads from rest to rest",
    },
  ])("$id refuses a Rule with $what", async ({ object, says }) => {
    const { code, err } = await create(object);
    expect(code).not.toBe(0);
    expect(err).toContain(says);
  });

  it("B16 A40 takes a changed Rule, and its status without a call", async () => {
    const patch = (text: object): Promise<Said> =>
      tell(["patch", "rule", "to-bus", "--type=merge", "-p", JSON.stringify(text)]);
    expect(await patch({ spec: { targetResource: { topic: "other" } } })).toMatchObject({ code: 0 });
    expect((await patch({ spec: { sourceResource: { path: ".*" } } })).err).toContain("sourceResource.path");
  });

  it("lets an endpoint in use be deleted, and names its Rules", async () => {
    const { code, err } = await tell(["delete", "ruleendpoint", "servicebus-test"]);
    expect(code).toBe(0);
    expect(err).toContain("Warning: rules of this endpoint work no more: from-service");
  });

  const pod = (name: string, namespace: string, labels: object, spec: object = {}) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: { containers: [{ name: "app", image: "busybox" }], ...spec },
  });
  /** What our own namespace demands of pods. */
  const restricted = {
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        ...{ name: "app", image: "busybox" },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
      },
    ],
  };
  const autonomy = { "app-offline.kubeedge.io": "autonomy" };
  const key = "node.kubernetes.io/unreachable";
  const ofTaint = async (object: object): Promise<readonly object[]> => {
    const out = await kubectl(["create", "-f", "-", "-o", "json"], JSON.stringify(object));
    return ((JSON.parse(out) as Pod).spec.tolerations ?? []).filter((toleration) => toleration.key === key);
  };

  it("A8 gives a pod that asks for it one toleration for ever, whatever it had", async () => {
    expect(await ofTaint(pod("plain", "default", autonomy))).toEqual([{ key, operator: "Exists" }]);
    const tolerations = [
      { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 },
      { key: "other", operator: "Exists" },
    ];
    expect(await ofTaint(pod("own", "default", autonomy, { tolerations }))).toEqual([
      { key, operator: "Exists" },
    ]);
    const stored = JSON.parse(await kubectl(["get", "pod", "own", "-o", "json"])) as Pod;
    expect(stored.spec.tolerations).toContainEqual({ key: "other", operator: "Exists" });
  });

  it.each([
    { what: "a pod that does not ask for it", object: pod("other", "default", { app: "x" }) },
    { what: "a pod of the system", object: pod("ours", "kube-system", autonomy) },
    { what: "a pod of our own namespace", object: pod("ours", "kubeedge", autonomy, restricted) },
  ])("A8 R30 leaves $what as it is", async ({ object }) => {
    expect(await ofTaint(object)).toEqual([
      { key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 },
    ]);
  });

  const prePull = { imagePrePullTemplate: { images: ["busybox:1.36"], nodeNames: ["edge-node"] } };
  const config = { nodeNames: ["edge-node"], updateFields: { "modules.edgeStream.enable": "true" } };
  /** Good ones of the kinds that wait for webhooks, and of those that do not. */
  const closed = (name: string) => [
    job("NodeUpgradeJob", upgrade, "v1alpha1", name),
    job("NodeUpgradeJob", upgrade, "v1alpha2", name),
    job("ConfigUpdateJob", config, "v1alpha2", name),
    toBus(name, `/${name}`),
  ];
  const open = (name: string) => [
    job("ImagePrePullJob", prePull, "v1alpha2", name),
    rules("RuleEndpoint", name, { ruleEndpointType: "rest" }),
    pod(name, "default", autonomy),
  ];

  it("R30 when it hangs holds nothing up for longer than 3 s each, and lets jobs and Rules wait", async () => {
    expect((await create(job("NodeUpgradeJob", upgrade, "v1alpha2", "stored"))).code).toBe(0);
    replica.child.kill("SIGSTOP");
    try {
      const startMs = performance.now();
      const [refused, taken] = await Promise.all(
        [closed("hung"), open("hung")].map((objects) => Promise.all(objects.map((each) => create(each)))),
      );
      for (const { err } of refused ?? []) expect(err).toContain("failed calling webhook");
      expect(taken?.map(({ code }) => code)).toEqual([0, 0, 0]);
      expect(performance.now() - startMs).toBeLessThan(20_000);
    } finally {
      replica.child.kill("SIGCONT");
    }
    for (const each of closed("hung").slice(1)) expect((await create(each)).code).toBe(0);
  });

  it("R30 when it is gone no job and no Rule gets in unjudged, and all else goes on", async () => {
    replica.child.kill("SIGKILL");
    await sleep(200);
    const bad = await create(job("ImagePrePullJob", { imagePrePullTemplate: { images: ["$(id)"] } }));
    expect(bad.err).toContain("images[0]");
    for (const each of closed("alone")) expect((await create(each)).err).toContain("failed calling webhook");
    for (const each of open("alone")) expect((await create(each)).code).toBe(0);
    const patch = (what: string, text: object): Promise<Said> =>
      tell(["patch", ...what.split(" "), "--type=merge", "-p", JSON.stringify(text)]);
    const finalizers = { metadata: { finalizers: ["a.b/c"], labels: { still: "works" } } };
    const gone = { metadata: { finalizers: null } };
    expect((await patch("rule to-bus", { status: { successMessages: 3 } })).code).toBe(0);
    for (const what of ["nuj stored", "cuj hung", "rule to-bus"]) {
      expect(await patch(what, finalizers)).toMatchObject({ code: 0 });
      expect((await tell(["delete", ...what.split(" "), "--wait=false"])).code).toBe(0);
      expect(await patch(what, gone)).toMatchObject({ code: 0 });
    }
    expect((await tell(["delete", "ruleendpoint", "rest-test"])).code).toBe(0);
  });

  it("R30 can be deployed again when it is gone", async () => {
    const flags = ["--server-side", "--force-conflicts", "--dry-run=server"];
    const said = await kubectl(["apply", ...flags, "-k", join(CONFIG, "default")]);
    expect(said).toContain("deployment.apps/longshore-webhooks serverside-applied");
  });

  it("B19 B20 refuses when strict what it warned of", async () => {
    replica = await startReplica(kubeconfig, { port, flags: ["--security=strict"] });
    await eventually(() => requireReady(replica));
    await eventually(async () => {
      const { code, err } = await create(
        job("NodeUpgradeJob", { ...upgrade, image: "a/b", concurrency: 0 }),
        "--dry-run=server",
      );
      expect(code).not.toBe(0);
      expect(err).toContain("spec.imageDigestGatter: missing");
      expect(err).toContain("spec.concurrency: 0 is taken for 1");
    });
  });
});
