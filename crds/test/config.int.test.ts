// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { untilEstablished } from "../../hack/cluster/established.ts";
import { kinds } from "../src/kinds.ts";
import { binaries, kubectlOf, startApiServer, type ApiServer } from "./apiserver.ts";

type Rule = { apiGroups?: string[]; resources?: string[]; verbs: string[]; resourceNames?: string[] };
type Container = {
  name: string;
  image: string;
  args: string[];
  resources: { limits: Record<string, string>; requests: Record<string, string> };
  securityContext: object;
  [probe: string]: unknown;
};
type Manifest = {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: Rule[];
  spec?: {
    template?: { spec: { containers: Container[]; securityContext: object; [field: string]: unknown } };
  };
};

const config = (name: string): string => join(import.meta.dirname, "../../config", name);
const hub = "system:serviceaccount:kubeedge:longshore-hub";
const webhooks = "system:serviceaccount:kubeedge:longshore-webhooks";
const controllers = "system:serviceaccount:kubeedge:longshore-controllers";

const builds = new Map<string, Promise<Manifest[]>>();
function build(name: string): Promise<Manifest[]> {
  const built = builds.get(name) ?? buildAnew(name);
  builds.set(name, built);
  return built;
}

async function buildAnew(name: string): Promise<Manifest[]> {
  const kubectl = kubectlOf(await binaries(), "/dev/null");
  const documents = parseAllDocuments(await kubectl(["kustomize", config(name)]));
  return documents.map((document) => document.toJS() as Manifest);
}

const names = (manifests: Manifest[], kind: string): string[] =>
  manifests.filter((manifest) => manifest.kind === kind).map((manifest) => manifest.metadata.name);

describe("what the overlays build", () => {
  test("local has the kinds, the accounts and their rights, and nothing that runs", async () => {
    const manifests = await build("local");
    expect(names(manifests, "CustomResourceDefinition")).toHaveLength(14);
    expect(names(manifests, "ServiceAccount")).toEqual([
      "longshore-controllers",
      "longshore-hub",
      "longshore-webhooks",
    ]);
    expect(names(manifests, "Namespace")).toEqual(["kubeedge"]);
    expect(names(manifests, "ValidatingAdmissionPolicyBinding")).toHaveLength(7);
    expect(manifests.filter(({ kind }) => ["Deployment", "StatefulSet", "Service"].includes(kind))).toEqual(
      [],
    );
  });

  test.each(["default", "restricted"])(
    "%s adds controllers, hub and webhooks, restricted, with probes and limits",
    async (name) => {
      const manifests = await build(name);
      const pods = manifests.flatMap(({ spec }) => (spec?.template ? [spec.template.spec] : []));
      expect(pods).toHaveLength(3);
      for (const pod of pods) {
        expect(pod.securityContext).toMatchObject({
          runAsNonRoot: true,
          seccompProfile: { type: "RuntimeDefault" },
        });
        expect(["hostNetwork", "hostPID", "hostIPC"].filter((field) => field in pod)).toEqual([]);
        for (const container of pod.containers) {
          const program = container.name === "webhooks" ? "webhooks" : "operators";
          expect(container.image).toBe(`longshore/${program}:dev`);
          expect(container.securityContext).toEqual({
            ...{
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
          });
          for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"])
            expect(container[probe]).toBeDefined();
          expect(Object.keys(container.resources.limits).sort()).toEqual(["ephemeral-storage", "memory"]);
        }
      }
    },
  );

  test("no role has a wildcard or a way to more rights, and nobody lists Secrets but as metadata", async () => {
    for (const name of ["local", "default", "restricted"]) {
      const roles = (await build(name)).filter(({ rules }) => rules !== undefined);
      expect(roles).toHaveLength(9);
      for (const { metadata, rules = [] } of roles) {
        const words = rules.flatMap((rule) => [
          ...(rule.apiGroups ?? []),
          ...(rule.resources ?? []),
          ...rule.verbs,
        ]);
        for (const word of ["*", "escalate", "bind", "impersonate", "nodes/proxy", "pods/exec"]) {
          expect(words).not.toContain(word);
        }
        const listed = rules.some(
          (rule) => rule.resources?.includes("secrets") && rule.verbs.includes("list"),
        );
        expect({ role: metadata.name, listed }).toEqual({
          role: metadata.name,
          listed: metadata.name === "longshore-controllers",
        });
      }
    }
  });

  test("restricted takes the hub's rights on Secrets out of all namespaces but the named ones", async () => {
    const manifests = await build("restricted");
    expect(names(manifests, "ClusterRoleBinding")).toEqual([
      "longshore-controllers",
      "longshore-edge-applications",
      "longshore-hub",
      "longshore-webhooks",
    ]);
    expect(names(manifests, "RoleBinding")).toContain("longshore-hub-granted-objects");
  });

  test.each(["local", "default", "restricted"])(
    "%s lets the hub read whom the API server believes, and nothing else there",
    async (name) => {
      const there = (await build(name)).filter(({ metadata }) => metadata.namespace === "kube-system");
      expect(there).toEqual([
        expect.objectContaining({
          kind: "RoleBinding",
          roleRef: expect.objectContaining({ name: "extension-apiserver-authentication-reader" }),
          subjects: [{ kind: "ServiceAccount", name: "longshore-hub", namespace: "kubeedge" }],
        }),
      ]);
    },
  );

  test("the ports of streams are those of the hub, at the Services of edges and of API servers", async () => {
    const manifests = await build("default");
    const ports = (kind: string, name: string): unknown =>
      manifests.find((one) => one.kind === kind && one.metadata.name === name)?.spec;
    expect(ports("Service", "longshore-hub")).toMatchObject({
      ports: expect.arrayContaining([{ name: "edge-streams", port: 10004, targetPort: "edge-streams" }]),
    });
    expect(ports("Service", "longshore-hub-stream")).toMatchObject({
      ports: [{ name: "streams", port: 10003, targetPort: "streams" }],
    });
    expect(JSON.stringify(ports("StatefulSet", "longshore-hub"))).toContain(
      '{"containerPort":10003,"name":"streams"},{"containerPort":10004,"name":"edge-streams"}',
    );
  });
});

describe("the webhook configuration", () => {
  type Webhook = {
    name: string;
    clientConfig: { service: object };
    failurePolicy: string;
    rules: { apiGroups: string[]; apiVersions: string[]; resources: string[] }[];
  };
  const webhooksOf = async (kind: string): Promise<Webhook[]> =>
    (await build("default"))
      .filter((manifest) => manifest.kind === kind)
      .flatMap((manifest) => (manifest as unknown as { webhooks: Webhook[] }).webhooks);
  const common = {
    timeoutSeconds: 3,
    matchPolicy: "Equivalent",
    sideEffects: "None",
    clientConfig: { service: { name: "longshore-webhooks", namespace: "kubeedge", port: 443 } },
  };

  test("R30 judges every served version, fails closed for jobs that change nodes and for Rules, and leaves caBundle to the webhooks", async () => {
    const crds = (await build("default")).filter(({ kind }) => kind === "CustomResourceDefinition");
    const webhooks = await webhooksOf("ValidatingWebhookConfiguration");
    expect(webhooks.length).toBeGreaterThanOrEqual(7);
    for (const webhook of webhooks) {
      expect(webhook).toMatchObject(common);
      expect(webhook.clientConfig).not.toHaveProperty("caBundle");
      const [{ apiGroups, apiVersions, resources } = { apiGroups: [], apiVersions: [], resources: [] }] =
        webhook.rules;
      const crd = crds.find(({ metadata }) => metadata.name === `${resources.join()}.${apiGroups.join()}`);
      const { versions } = crd?.spec as unknown as { versions: { name: string }[] };
      expect([...apiVersions].sort()).toEqual(versions.map(({ name }) => name).sort());
    }
    const closed = webhooks.filter(({ failurePolicy }) => failurePolicy !== "Ignore");
    expect(closed.map(({ name }) => name)).toEqual([
      "nodeupgradejobs.webhooks.longshore.io",
      "configupdatejobs.webhooks.longshore.io",
      "rules.webhooks.longshore.io",
    ]);
  });

  test("R30 leaves one that hangs out of the Service before its 10 s are over", async () => {
    const deployment = (await build("default")).find(
      ({ kind, metadata }) => kind === "Deployment" && metadata.name === "longshore-webhooks",
    );
    const [{ readinessProbe } = { readinessProbe: undefined }] =
      deployment?.spec?.template?.spec.containers ?? [];
    const probe = readinessProbe as Record<"failureThreshold" | "periodSeconds" | "timeoutSeconds", number>;
    expect(probe.failureThreshold * (probe.periodSeconds + probe.timeoutSeconds)).toBeLessThan(10);
  });

  test("A8 R30 changes the pods that ask for it, and none of the system's", async () => {
    const [webhook, ...others] = await webhooksOf("MutatingWebhookConfiguration");
    expect(others).toEqual([]);
    expect(webhook).toMatchObject({
      ...common,
      failurePolicy: "Ignore",
      reinvocationPolicy: "IfNeeded",
      rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
      objectSelector: { matchLabels: { "app-offline.kubeedge.io": "autonomy" } },
      namespaceSelector: { matchExpressions: [{ operator: "NotIn", values: ["kubeedge", "kube-system"] }] },
    });
    expect(webhook?.clientConfig).not.toHaveProperty("caBundle");
  });
});

describe("overlays on a real API server", () => {
  let api: ApiServer;
  let stop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    api = await startApiServer();
    stop = () => api.stop();
    await api.kubectl(["apply", "--server-side", "-k", config("local")]);
    await untilEstablished((args) => api.kubectl(args));
  }, 120_000);
  afterAll(() => stop());

  test("local applies again without a change", async () => {
    const versions = (): Promise<string> =>
      api.kubectl(["get", "-k", config("local"), "-o", "jsonpath={.items[*].metadata.resourceVersion}"]);
    const before = await versions();
    expect(before.split(" ")).toHaveLength(52);
    await api.kubectl(["apply", "--server-side", "-k", config("local")]);
    expect(await versions()).toBe(before);
  });

  test("default and apf are accepted as they are", async () => {
    for (const name of ["default", "apf"]) {
      const flags = ["--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts"];
      await expect(api.kubectl(["apply", ...flags, "-k", config(name)])).resolves.toContain(
        "serverside-applied",
      );
    }
  });

  test("every kind has a sample that is accepted", async () => {
    const applied = await api.kubectl(["apply", "--validate=strict", "-k", config("samples")]);
    // Nobody but the hub writes what nodes tell of their tasks: it goes again with its job.
    const written = Object.values(kinds).filter(({ kind }) => kind !== "NodeTaskReport");
    for (const { singular, group } of written) expect(applied).toContain(`${singular}.${group}/`);
    expect(applied).toContain("deployment.apps/hello created");
    const devices = await api.kubectl(["get", "devices"]);
    expect(devices).toMatch(/thermometer-hall +edge-node +thermometer +modbus/u);
  });

  /** @returns whether each user may, in order */
  const may = async (asked: readonly (readonly [user: string, attributes: object])[]): Promise<string[]> => {
    const kind = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview" };
    const reviews = asked.map(([user, attributes]) =>
      JSON.stringify({ ...kind, spec: { user, resourceAttributes: attributes } }),
    );
    const output = 'jsonpath={.status.allowed}{"\\n"}';
    return (await api.kubectl(["create", "-f", "-", "-o", output], reviews.join("\n---\n")))
      .trim()
      .split("\n");
  };
  const hooks = { group: "admissionregistration.k8s.io", resource: "validatingwebhookconfigurations" };
  const ownHooks = { ...hooks, name: "longshore-webhooks" };
  const ownSecret = { resource: "secrets", namespace: "kubeedge", name: "longshore-webhooks-tls" };
  const ruleObjects = { group: "rules.kubeedge.io", resource: "rules", namespace: "any" };
  const models = { group: "devices.kubeedge.io", resource: "devicemodels", namespace: "any" };
  const lease = { group: "coordination.k8s.io", resource: "leases" };
  const jobs = { group: "operations.kubeedge.io" };
  const reports = { group: "tasks.longshore.io", resource: "nodetaskreports" };

  const rights: readonly (readonly [user: string, attributes: object, allowed: boolean])[] = [
    [hub, { verb: "get", resource: "secrets", namespace: "any" }, true],
    [hub, { verb: "list", resource: "secrets", namespace: "any" }, false],
    [hub, { verb: "watch", resource: "secrets" }, false],
    [hub, { verb: "update", resource: "secrets", namespace: "kubeedge", name: "casecret" }, true],
    [hub, { verb: "update", resource: "secrets", namespace: "kubeedge", name: "other" }, false],
    [hub, { verb: "delete", resource: "secrets", namespace: "kubeedge", name: "casecret" }, false],
    [hub, { verb: "create", resource: "serviceaccounts", subresource: "token", namespace: "any" }, true],
    [hub, { verb: "patch", resource: "nodes", subresource: "status" }, true],
    [hub, { verb: "delete", resource: "nodes" }, false],
    [hub, { verb: "patch", resource: "pods", subresource: "status", namespace: "any" }, true],
    [hub, { verb: "patch", resource: "pods", namespace: "any" }, false],
    [hub, { verb: "update", resource: "pods", namespace: "any" }, false],
    [hub, { verb: "create", resource: "pods", subresource: "exec", namespace: "any" }, false],
    [hub, { verb: "patch", ...lease, namespace: "kube-node-lease" }, true],
    [hub, { verb: "get", ...lease, namespace: "kubeedge" }, false],
    [hub, { verb: "get", ...jobs, resource: "nodeupgradejobs" }, true],
    [hub, { verb: "list", ...jobs, resource: "nodeupgradejobs" }, false],
    [hub, { verb: "get", ...jobs, resource: "imageprepulljobs" }, true],
    [hub, { verb: "list", ...jobs, resource: "imageprepulljobs" }, false],
    [hub, { verb: "patch", ...jobs, resource: "configupdatejobs", subresource: "status" }, false],
    [hub, { verb: "update", ...reports }, true],
    [hub, { verb: "patch", ...reports }, false],
    [hub, { verb: "list", ...reports }, false],
    [hub, { verb: "delete", ...reports }, false],
    [webhooks, { verb: "get", ...ownSecret }, true],
    [webhooks, { verb: "update", ...ownSecret }, true],
    [webhooks, { verb: "delete", ...ownSecret }, false],
    [webhooks, { verb: "get", ...ownSecret, name: "casecret" }, false],
    [webhooks, { verb: "list", resource: "secrets", namespace: "kubeedge" }, false],
    [webhooks, { verb: "create", resource: "secrets", namespace: "other" }, false],
    [webhooks, { verb: "patch", ...ownHooks }, true],
    [webhooks, { verb: "patch", ...hooks, name: "other" }, false],
    [webhooks, { verb: "create", ...hooks }, false],
    [webhooks, { verb: "patch", ...ownHooks, resource: "mutatingwebhookconfigurations" }, true],
    [webhooks, { verb: "patch", ...hooks, resource: "mutatingwebhookconfigurations", name: "other" }, false],
    [webhooks, { verb: "get", ...ruleObjects, resource: "ruleendpoints" }, true],
    [webhooks, { verb: "list", ...ruleObjects }, true],
    [webhooks, { verb: "update", ...ruleObjects }, false],
    [webhooks, { verb: "get", ...models }, true],
    [webhooks, { verb: "update", ...models }, false],
    [webhooks, { verb: "list", ...models, resource: "devices" }, true],
    [controllers, { verb: "watch", resource: "secrets" }, true],
    [controllers, { verb: "get", resource: "secrets", namespace: "any" }, false],
    [controllers, { verb: "update", ...lease, namespace: "kubeedge", name: "longshore-controllers" }, true],
    [controllers, { verb: "update", ...lease, namespace: "kubeedge", name: "other" }, false],
    [controllers, { verb: "patch", resource: "nodes" }, true],
    [controllers, { verb: "delete", resource: "nodes" }, false],
    [controllers, { verb: "patch", resource: "namespaces" }, true],
    [controllers, { verb: "delete", resource: "namespaces" }, false],
    [controllers, { verb: "patch", resource: "nodes", subresource: "status" }, false],
    [controllers, { verb: "delete", resource: "pods", namespace: "any" }, true],
    [controllers, { verb: "create", resource: "secrets", namespace: "any" }, false],
    [controllers, { verb: "get", ...models, resource: "devices" }, true],
    [controllers, { verb: "delete", ...models, resource: "devices" }, false],
    [controllers, { verb: "delete", ...models, resource: "devicestatuses" }, true],
    // What edge applications may hold comes by aggregation, which no controller does here.
    [controllers, { verb: "create", resource: "pods", namespace: "any" }, false],
    [
      controllers,
      { verb: "create", group: "rbac.authorization.k8s.io", resource: "clusterrolebindings" },
      false,
    ],
  ];

  test("each account has the rights that it needs, and no other", async () => {
    const answers = await may(rights.map(([user, attributes]) => [user, attributes]));
    const found = rights.map(([user, attributes], at) => ({ user, attributes, allowed: answers[at] }));
    const wanted = rights.map(([user, attributes, allowed]) => ({ user, attributes, allowed: `${allowed}` }));
    expect(found).toEqual(wanted);
  });
});
