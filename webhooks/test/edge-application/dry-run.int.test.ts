// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { join } from "node:path";
import { untilEstablished } from "../../../hack/cluster/established.ts";
import {
  controlPlaneBin,
  freePort,
  startApiServer,
  type ApiServer,
} from "../../../operators/test/apiserver.ts";
import {
  CONFIG,
  configurationsFor,
  eventually,
  requireReady,
  startReplica,
  type Replica,
} from "../installation.ts";
import { kubectlAt, type Said } from "../kubectl.ts";
import { deployment, service, specOf } from "./sample.ts";

jest.setTimeout(120_000);

describe("node groups and edge applications before a real API server", () => {
  let api: ApiServer;
  let bin: string;
  let replica: Replica;

  const { tell, kubectl } = kubectlAt(() => ({ bin, kubeconfig: api.kubeconfig }));
  const apply = (object: object, ...flags: string[]): Promise<Said> =>
    tell(["apply", ...flags, "-f", "-"], JSON.stringify(object));
  const warningsIn = ({ err }: Said): string[] =>
    err.split("\n").flatMap((line) => (line.startsWith("Warning: ") ? [line.slice("Warning: ".length)] : []));

  const application = (spec: object): object => ({
    apiVersion: "apps.kubeedge.io/v1alpha1",
    kind: "EdgeApplication",
    metadata: { name: "shop", namespace: "default" },
    spec,
  });
  const group = (name: string, spec: object, labels: object = {}): object => ({
    apiVersion: "apps.kubeedge.io/v1alpha1",
    kind: "NodeGroup",
    metadata: { name, labels },
    spec,
  });
  const node = (name: string, labels: object): object => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
  });
  const member = (name: string): object => ({ site: name, "apps.kubeedge.io/belonging-to": name });

  beforeAll(async () => {
    api = await startApiServer();
    bin = await controlPlaneBin();
    await kubectl(["apply", "--server-side", "-k", join(CONFIG, "local")]);
    await untilEstablished(kubectl);
    for (const [name, site] of [
      ["a", "hangzhou"],
      ["b", "hangzhou"],
      ["c", "beijing"],
    ] as const)
      await kubectl(["apply", "-f", "-"], JSON.stringify(node(name, member(site))));
    await eventually(async () => expect((await apply(group("hangzhou", { nodes: ["a"] }))).code).toBe(0));
    const port = await freePort();
    await kubectl(["apply", "--server-side", "-f", "-"], await configurationsFor(kubectl, port));
    const token = await kubectl(["-n", "kubeedge", "create", "token", "longshore-webhooks"]);
    replica = await startReplica(await api.writeKubeconfig("webhooks", { token: token.trim() }), { port });
    await eventually(() => requireReady(replica));
  }, 180_000);
  afterAll(async () => {
    replica.child.kill("SIGKILL");
    await api.stop();
  });

  it("E4 have kubectl print in a dry run what an edit changes, and store nothing", async () => {
    expect((await apply(application(specOf([deployment(), service()])))).err).toBe("");
    const edit = application(specOf([deployment("nginx:1.27"), service()]));
    const said = await apply(edit, "--dry-run=server");
    expect(said.out).toContain("server dry run");
    expect(warningsIn(said)).toEqual([
      "dry run: 2 of 2 targets change, with 3 nodes; objects: 0 created, 2 changed, 0 deleted; pods restart in 2 targets",
      "hangzhou (2 nodes): pods restart: Deployment nginx-hangzhou: spec.template.spec.containers[nginx].image nginx:1.26 → nginx:1.27",
      "beijing (1 node): pods restart: Deployment nginx-beijing: spec.template.spec.containers[nginx].image nginx:1.26 → nginx:1.27",
    ]);
    expect(await kubectl(["get", "eapp", "shop", "-o", "jsonpath={.spec.workloadTemplate}"])).toContain(
      "nginx:1.26",
    );
    expect(warningsIn(await apply(edit))).toEqual([]);
  });

  it("E4 count the nodes that labels select, and find groups by their labels", async () => {
    await kubectl(["label", "ng", "hangzhou", "tier=edge"]);
    const spec = {
      ...specOf([deployment()]),
      workloadScope: {
        targetNodeGroupSelectors: [{ labelSelector: { matchLabels: { tier: "edge" } } }],
        targetNodeLabels: [
          {
            labelSelector: {
              matchExpressions: [{ key: "site", operator: "In", values: ["hangzhou", "beijing"] }],
            },
          },
        ],
      },
    };
    const object = { ...application(spec), metadata: { name: "other", namespace: "default" } };
    const [summary, ...places] = warningsIn(await apply(object, "--dry-run=server"));
    expect(summary).toContain("2 of 2 targets change, with 5 nodes; objects: 2 created");
    expect(places).toEqual([
      "hangzhou (2 nodes): Deployment nginx-hangzhou is created",
      expect.stringMatching(/^ls-[0-9a-f]{8} \(3 nodes\): Deployment nginx-ls-[0-9a-f]{8} is created$/),
    ]);
  });

  it("refuse a rollout that cannot be meant, and warn of a manifest that makes nothing", async () => {
    const batch = { name: "one", targets: ["hangzhou"] };
    const twice = await apply(
      application(specOf([deployment()], undefined, { rollout: { batches: [batch, batch] } })),
    );
    expect(twice.code).not.toBe(0);
    expect(twice.err).toContain("spec.rollout.batches[1].name: is the name of an earlier one");
    const elsewhere = { ...service(), metadata: { name: "x", namespace: "kube-system" } };
    const said = await apply(application(specOf([elsewhere])));
    expect(said.code).toBe(0);
    expect(warningsIn(said)).toEqual([
      expect.stringMatching(/^spec\.workloadTemplate\.manifests\[0\].*namespace/),
    ]);
  });

  it("tell of nodes that a group does not get, and refuse what its template may not hold", async () => {
    const said = await apply(group("second", { matchLabels: { site: "hangzhou" }, nodes: ["ghost", "c"] }));
    expect(warningsIn(said)).toEqual([
      "spec.matchLabels: nodes that belong to another group, and stay in it: a (hangzhou), b (hangzhou)",
      "spec.nodes: there are no such nodes now: ghost",
      "spec.nodes: nodes that belong to another group, and stay in it: c (beijing)",
    ]);
    expect(warningsIn(await apply(group("third", { matchLabels: {} })))[0]).toContain("selects every node");
    const labels = { "apps.kubeedge.io/belonging-to": "x" };
    const refused = await apply(group("fourth", { nodes: ["a"], nodeTemplate: { labels } }));
    expect(refused.err).toContain("spec.nodeTemplate: label apps.kubeedge.io/belonging-to is protected");
  });
});
