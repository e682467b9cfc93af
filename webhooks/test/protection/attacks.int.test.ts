// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../../../operators/test/runtime/eventually.ts";
import { installPolicies, startBench, type Actor, type Bench, type Call } from "./bench.ts";
import {
  BREAK_GLASS,
  EDITOR,
  evict,
  GLASS,
  NODE,
  OPERATORS,
  patch,
  remove,
  removeAll,
  scale,
  STRANGERS,
  SYSTEM,
  verdictOf,
} from "./calls.ts";
import {
  application,
  applications,
  collectionOf,
  group,
  GROUPS,
  NAMESPACE,
  node,
  NODES,
  statusOf,
  thing,
} from "./objects.ts";

jest.setTimeout(240_000);
const BELONGING_TO = "apps.kubeedge.io/belonging-to";
const VERSION = "version.longshore.io/0a0a0a0a0a0a0a0a";
const [STATE, TARGETS, APPLICATION] = [
  "longshore-protected-state",
  "longshore-protected-group-targets",
  "longshore-protected-application",
];
/** A namespace with an application that is not protected itself, in a protected group; and one without. */
const [PINNED, FREE] = ["pinned", "free"];
/** As controllers of Kubernetes name pods: what is over 58 characters is cut before the five random ones. */
const podName = (base: string): string => `${base.slice(0, 58)}x7k2p`;
/** A name of so many characters. */
const long = (length: number): string => `web${"-long".repeat(20)}`.slice(0, length - 1) + "z";
const HASH = "5d4f8c7b9";

describe("what an editor may try, at the API server alone", () => {
  let bench: Bench;
  const at = (kind: string, name: string): string => `${collectionOf(kind)}/${name}`;
  const verdict = async (call: Call, actor?: Actor): Promise<string> =>
    verdictOf(await bench.ask(call, actor));
  const refused = async (call: Call, policy: string, passing: readonly Actor[] = SYSTEM): Promise<void> => {
    for (const actor of STRANGERS) expect(await verdict(call, actor)).toBe(policy);
    for (const actor of [...passing, ...BREAK_GLASS]) expect(await verdict(call, actor)).toBe("passes");
  };
  /** Not there, or not refused: nothing of ours stands against it. */
  const free = async (call: Call): Promise<void> =>
    expect(await verdict(call, EDITOR)).not.toMatch(/longshore|ValidatingAdmissionPolicy/);

  beforeAll(async () => {
    bench = await startBench();
    for (const name of [PINNED, FREE]) await bench.makeNamespace(name);
    await bench.make(group("a", { breakGlass: GLASS }));
    await bench.make(group("a-b", { isProtected: false }));
    await bench.make(application("shop", { breakGlass: GLASS, status: statusOf(...SHOP) }));
    await bench.make(application("stall", { isProtected: false, breakGlass: GLASS }));
    await bench.make(inGroups("web", NAMESPACE));
    await bench.make(inGroups("web", PINNED));
    await bench.make(application("web", { isProtected: false, namespace: FREE }));
    await bench.make(node("edge-1", { [BELONGING_TO]: "a", [VERSION]: "v1" }));
    await bench.make(node("edge-2", {}));
    await bench.make(thing("Pod", "in-a", { group: "a" }));
    for (const name of ["shop-rc", "other-rc"]) await bench.make(thing("ReplicationController", name));
    await installPolicies(bench, patch(at("Pod", "in-a")));
  }, 240_000);
  afterAll(() => bench.stop());

  /** An unprotected application of the protected group `a` and the unprotected one `a-b`. */
  const inGroups = (name: string, namespace: string): ReturnType<typeof application> =>
    application(name, {
      ...{ isProtected: false, breakGlass: GLASS, namespace },
      manifests: ["web", "x-a"].map((each) => ({
        ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: each } },
      })),
      status: {
        workloadStatus: [
          ...["web-a", "web-a-b"].map((child) => entry(0, child)),
          ...["x-a-a", "x-a-a-b"].map((child) => entry(1, child)),
          // Of manifests that are there no more.
          entry(7, "old-a"),
        ],
        targets: [{ name: "a", protected: true }, { name: "a-b" }],
      },
    });
  const entry = (ordinal: number, name: string): object => ({
    ...{ identifier: { ordinal, kind: "Deployment", name }, conditions: "Available" },
  });

  const SHOP = [
    "Deployment/shop",
    "ReplicationController/shop-rc",
    `Deployment/${long(60)}`,
    `CronJob/${long(52)}`,
    `Job/${long(61).replace("web", "job")}`,
    `StatefulSet/${long(59).replace("web", "set")}`,
  ];

  it.each<[string, string, Record<string, string | null>]>([
    ["taken out of its group", "edge-1", { [BELONGING_TO]: null }],
    ["put into a protected group", "edge-2", { [BELONGING_TO]: "a" }],
    ["given another version", "edge-1", { [VERSION]: "v2" }],
  ])("A37 let no node be %s with its status, in no group", async (_, name, labels) => {
    const call = patch(`${NODES}/${name}/status`, { metadata: { labels } });
    for (const actor of [...STRANGERS, ...BREAK_GLASS, NODE])
      expect(await verdict(call, actor)).toBe("longshore-protected-members-status");
    for (const actor of OPERATORS) expect(await verdict(call, actor)).toBe("passes");
    const other = patch(`${NODES}/${name}/status`, { metadata: { labels: { site: "x" } }, status: {} });
    expect(await verdict(other, NODE)).toBe("passes");
  });

  it("A37 let nobody delete what is protected before the label is off", async () => {
    const all = removeAll(applications(), "longshore.io/protected=true");
    const calls = [remove(`${applications()}/shop`), all, remove(`${GROUPS}/a`)];
    for (const call of calls) {
      await refused(call, STATE, OPERATORS);
      expect(await verdict(call, NODE)).toBe(STATE);
    }
    for (const path of [`${applications()}/stall`, `${GROUPS}/a-b`]) await free(remove(path));
    expect((await bench.ask(remove(`${GROUPS}/a`), EDITOR)).message).toContain(
      "NodeGroup a is protected: take its label longshore.io/protected off before you delete it",
    );
  });

  it("A37 let nobody delete a namespace with workloads of a protected group", async () => {
    await refused(remove(`/api/v1/namespaces/${PINNED}`), TARGETS);
    await free(remove(`/api/v1/namespaces/${FREE}`));
    expect((await bench.ask(remove(`/api/v1/namespaces/${PINNED}`), EDITOR)).message).toContain(
      "edit EdgeApplication pinned/web instead",
    );
  });

  it("A37 let nobody scale or evict what other controllers than those of Deployments run", async () => {
    await refused(scale(at("ReplicationController", "shop-rc")), APPLICATION);
    await refused(evict(at("Pod", await pod("shop-rc-x7k2p"))), APPLICATION);
    await free(scale(at("ReplicationController", "other-rc")));
  });

  it.each<[string, string]>([
    ["a Deployment", podName(`${long(60)}-${HASH}-`)],
    ["a CronJob", podName(`${long(52)}-29384750-`)],
    ["a Job", podName(`${long(61).replace("web", "job")}-`)],
    ["a Job with indexes", podName(`${long(61).replace("web", "job").slice(0, 54)}-12-`)],
    ["a CronJob with indexes", podName(`${long(52)}-29-7-`)],
    ["a StatefulSet", `${long(59).replace("web", "set")}-0`],
  ])("A37 know the pods of %s with a long name", async (_, name) => {
    await refused(evict(at("Pod", await pod(name))), APPLICATION);
  });

  it.each<[string, (name: string) => Call]>([
    ["a DaemonSet with a longer name", () => evict(at("Pod", "shop-monitor-x7k2p"))],
    ["a long name that begins like ours", () => evict(at("Pod", podName(`shop-${"and-".repeat(20)}`)))],
    ["a long name that begins like a long one", () => evict(at("Pod", podName(`${long(52)}-api-db-`)))],
    ["a ReplicaSet with a longer name", () => scale(at("ReplicaSet", "shop-monitor"))],
    ["the pod of another group", () => evict(at("Pod", `web-a-b-${HASH}-x7k2p`))],
    ["a Deployment of another group", () => scale(at("Deployment", "web-a-b"))],
    ["a manifest that is called like the group", () => scale(at("Deployment", "x-a-a-b"))],
  ])("leave neighbours alone: %s", async (_, call) => {
    await made(call(""));
    await free(call(""));
  });

  it.each(["web-a", "x-a-a", "old-a"])("A37 know by the manifest what is in the group: %s", async (name) => {
    await bench.make(thing("Deployment", name)).catch(() => undefined);
    await refused(scale(at("Deployment", name)), TARGETS);
    await refused(evict(at("Pod", await pod(`${name}-${HASH}-x7k2p`))), TARGETS);
  });

  it("A37 let only controllers say what an application has in a protected group", async () => {
    const status = { status: { workloadStatus: [], targets: [] } };
    await refused(patch(`${applications()}/web/status`, status), STATE, OPERATORS);
    await free(patch(`${applications()}/stall/status`, status));
  });

  it("judge a pod with any number of owners, within the API server's cost limit", async () => {
    const children = Array.from({ length: 3_000 }, (_, index) => `Deployment/w-${index}`);
    await bench.make(application("large", { breakGlass: GLASS, status: statusOf(...children) }));
    const ownerReferences = Array.from({ length: 1_000 }, (_, index) => ({
      ...{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "w-1-2", uid: `u-${index}` },
    }));
    const odd = thing("Pod", "odd");
    await bench.make({
      ...odd,
      object: { ...odd.object, metadata: { name: "odd", ownerReferences } as never },
    });
    await eventually(async () =>
      expect(await verdict(scale(at("Deployment", "w-1")), EDITOR)).not.toBe("passes"),
    );
    for (const actor of [EDITOR, ...SYSTEM])
      expect(await verdict(remove(at("Pod", "odd")), actor)).toBe("passes");
  });

  async function pod(name: string): Promise<string> {
    await bench.make(thing("Pod", name)).catch(() => undefined);
    return name;
  }

  /** What a call is about, so that it can succeed. */
  async function made({ path }: Call): Promise<void> {
    const [, plural = "", name = ""] = /\/(pods|deployments|replicasets)\/([^/?]+)/.exec(path) ?? [];
    const kind = { pods: "Pod", deployments: "Deployment", replicasets: "ReplicaSet" }[plural] ?? "";
    await bench.make(thing(kind, name)).catch(() => undefined);
  }
});
