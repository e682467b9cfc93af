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
const BATCHES = [
  { name: "first", targets: ["cdn-a"] },
  { name: "second", targets: ["cdn-b"] },
];
const ROLLOUT = { batches: BATCHES };
const LABEL = "longshore.io/protected";
const BELONGING_TO = "apps.kubeedge.io/belonging-to";
const VERSION = "version.longshore.io/0a0a0a0a0a0a0a0a";
const LONG = `edge-${"long-".repeat(12)}name`;
const GROUP_LABELS = { set: "x" };

describe("what protection hangs on, at the API server alone", () => {
  let bench: Bench;
  const at = (kind: string, name: string): string => `${collectionOf(kind)}/${name}`;
  const app = (name: string): string => `${applications()}/${name}`;
  const verdict = async (call: Call, actor?: Actor): Promise<string> =>
    verdictOf(await bench.ask(call, actor));
  const make = (kind: string, name: string): Promise<string> =>
    bench.make(thing(kind, name, { labels: GROUP_LABELS }));

  beforeAll(async () => {
    bench = await startBench();
    await bench.make(group("cdn-a", { breakGlass: GLASS }));
    await bench.make(group("cdn-b", { isProtected: false }));
    for (const phase of [...MOVING, "Paused", "Completed", "Pending", "none"])
      for (const isProtected of [true, false])
        await bench.make(
          application(`${isProtected ? "shop" : "stall"}-${phase.toLowerCase()}`, {
            isProtected,
            breakGlass: GLASS,
            rollout: ROLLOUT,
            status: phase === "none" ? {} : { rollout: { phase } },
          }),
        );
    await bench.make(
      application("web", {
        isProtected: false,
        breakGlass: GLASS,
        status: {
          ...statusOf(
            "Deployment/web-cdn-a",
            "Deployment/web-cdn-b",
            "DaemonSet/web-cdn-a-v2",
            `Deployment/${LONG}-cdn-a`,
          ),
          targets: [
            { name: "cdn-a", protected: true },
            { name: "cdn-b", protected: false },
          ],
        },
      }),
    );
    for (const name of ["web-cdn-a", "web-cdn-b", "web-cdn-a-b"]) await make("Deployment", name);
    await make("ReplicaSet", "web-cdn-a-5d4f8c7b9");
    for (const name of PODS) await make("Pod", name);
    await bench.make(node("edge-1", { site: "cdn-a", [BELONGING_TO]: "cdn-a", [VERSION]: "v1" }));
    await bench.make(node("edge-2", { site: "cdn-b", [BELONGING_TO]: "cdn-b", [VERSION]: "v1" }));
    await bench.make(node("edge-3", {}));
    await bench.make(thing("Pod", "in-a", { group: "cdn-a" }));
    await installPolicies(bench, patch(at("Pod", "in-a")));
  }, 240_000);
  afterAll(() => bench.stop());

  const MOVING = ["PrePulling", "Progressing", "Verifying", "RollingBack"];
  const SKIPS: [string, object][] = [
    ["another order of batches", { spec: { rollout: { batches: BATCHES.toReversed() } } }],
    [
      "one batch with everything",
      { spec: { rollout: { batches: [{ name: "x", targets: ["cdn-a", "cdn-b"] }] } } },
    ],
    ["no batches", { spec: { rollout: { batches: null } } }],
    ["no rollout", { spec: { rollout: null } }],
    ["no label", { metadata: { labels: { [LABEL]: null } } }],
    ["another label", { metadata: { labels: { [LABEL]: "false" } } }],
    ["others who may break glass", { spec: { breakGlass: { users: ["alice"] } } }],
  ];

  it.each(SKIPS)("A37 refuse %s while a rollout is on its way, until it is paused", async (_, change) => {
    for (const phase of MOVING) {
      const moving = patch(app(`shop-${phase.toLowerCase()}`), change);
      for (const actor of [...STRANGERS, NODE])
        expect(await verdict(moving, actor)).toBe("longshore-protected-state");
      for (const actor of [...OPERATORS, ...BREAK_GLASS]) expect(await verdict(moving, actor)).toBe("passes");
      expect(await verdict(patch(app(`stall-${phase.toLowerCase()}`), change), EDITOR)).toBe("passes");
    }
    for (const phase of ["paused", "completed", "pending", "none"])
      expect(await verdict(patch(app(`shop-${phase}`), change), EDITOR)).toBe("passes");
  });

  it.each<[string, object]>([
    ["to pause", { spec: { rollout: { paused: true } } }],
    ["to change the template", { spec: { workloadTemplate: { manifests: [{ kind: "Service" }] } } }],
    ["to label it", { metadata: { labels: { a: "b" } } }],
  ])("A37 let everyone who may edit it %s", async (_, change) => {
    expect(await verdict(patch(app("shop-progressing"), change), EDITOR)).toBe("passes");
  });

  it("A37 let its status be written by controllers alone", async () => {
    const status = { status: { rollout: { phase: "Completed" }, workloadStatus: [] } };
    const paths = [`${app("shop-progressing")}/status`, `${GROUPS}/cdn-a/status`];
    for (const path of paths) {
      const body = path.startsWith(GROUPS) ? { status: { nodeStatuses: [] } } : status;
      for (const actor of [...STRANGERS, NODE])
        expect(await verdict(patch(path, body), actor)).toBe("longshore-protected-state");
      for (const actor of [...OPERATORS, ...BREAK_GLASS])
        expect(await verdict(patch(path, body), actor)).toBe("passes");
    }
    expect(await verdict(patch(`${app("stall-progressing")}/status`, status), EDITOR)).toBe("passes");
    expect(await verdict(patch(`${GROUPS}/cdn-b/status`, { status: { nodeStatuses: [] } }), EDITOR)).toBe(
      "passes",
    );
  });

  it.each<[string, string, Record<string, string | null>]>([
    ["taken out of a protected group", "edge-1", { [BELONGING_TO]: null }],
    ["moved to another group", "edge-1", { [BELONGING_TO]: "cdn-b" }],
    ["put into a protected group", "edge-3", { [BELONGING_TO]: "cdn-a" }],
    ["moved into a protected group", "edge-2", { [BELONGING_TO]: "cdn-a" }],
    ["given another version", "edge-1", { [VERSION]: "v2" }],
    ["given no version", "edge-1", { [VERSION]: null }],
    ["given one version more", "edge-1", { "version.longshore.io/0b": "v1" }],
  ])("A37 let no node be %s by hand, also by a kubelet", async (_, name, labels) => {
    const call = patch(`${NODES}/${name}`, { metadata: { labels } });
    for (const actor of [...STRANGERS, NODE])
      expect(await verdict(call, actor)).toBe("longshore-protected-members");
    for (const actor of [...OPERATORS, ...BREAK_GLASS]) expect(await verdict(call, actor)).toBe("passes");
  });

  it.each<[string, Record<string, string | null>]>([
    ["edge-1", { other: "label", site: "elsewhere" }],
    ["edge-2", { [BELONGING_TO]: null, [VERSION]: "v2" }],
    ["edge-3", { [BELONGING_TO]: "cdn-b", [VERSION]: "v1" }],
  ])("leave other labels, and nodes of other groups, alone: %s", async (name, labels) => {
    expect(await verdict(patch(`${NODES}/${name}`, { metadata: { labels } }), EDITOR)).toBe("passes");
  });

  const PODS = [
    ...["web-cdn-a-5d4f8c7b9-x7k2p", "web-cdn-a-v2-x7k2p", `${`${LONG}-cdn-a-5d4f8c7b9-`.slice(0, 58)}x7k2p`],
    ...["web-cdn-b-5d4f8c7b9-x7k2p", "web-cdn-a-other-5d4f8c7b9-x7k2p", "web-cdn-a"],
  ];
  it.each<[string, Call, boolean]>([
    ["scale of a Deployment", scale(at("Deployment", "web-cdn-a")), true],
    ["scale of its ReplicaSet", scale(at("ReplicaSet", "web-cdn-a-5d4f8c7b9")), true],
    ...PODS.slice(0, 3).map((name): [string, Call, boolean] => [
      `eviction of ${name}`,
      evict(at("Pod", name)),
      true,
    ]),
    ["scale of another group's", scale(at("Deployment", "web-cdn-b")), false],
    ["scale of what is not the application's", scale(at("Deployment", "web-cdn-a-b")), false],
    ...PODS.slice(3).map((name): [string, Call, boolean] => [
      `eviction of ${name}`,
      evict(at("Pod", name)),
      false,
    ]),
  ])("A37 know by the application's status what a protected group's is: %s", async (_, call, isRefused) => {
    const expected = isRefused ? "longshore-protected-group-targets" : "passes";
    for (const stranger of STRANGERS) expect(await verdict(call, stranger)).toBe(expected);
    for (const actor of [...SYSTEM, ...BREAK_GLASS]) expect(await verdict(call, actor)).toBe("passes");
  });

  it("A37 let no namespace with a protected application be deleted", async () => {
    const call = remove(`/api/v1/namespaces/${NAMESPACE}`);
    // Two policies refuse it; which of them is told is the API server's choice.
    const refusal = /^longshore-protected-(application|group-targets)$/;
    for (const actor of STRANGERS) expect(await verdict(call, actor)).toMatch(refusal);
    for (const actor of [...SYSTEM, ...BREAK_GLASS]) expect(await verdict(call, actor)).toBe("passes");
    expect(await verdict(remove("/api/v1/namespaces/default"), EDITOR)).not.toMatch(/longshore/);
  });

  it("A37 say what to edit instead, and who may break glass", async () => {
    const said = async (call: Call): Promise<string> => (await bench.ask(call, EDITOR)).message;
    expect(await said(remove(at("Pod", "in-a")))).toContain(
      "node group cdn-a is protected: edit the EdgeApplication that this belongs to (or NodeGroup cdn-a) instead; " +
        "break-glass users are named in the spec.breakGlass of NodeGroup cdn-a",
    );
    expect(await said(scale(at("Deployment", "web-cdn-a")))).toContain(
      "edit EdgeApplication shop/web instead",
    );
    expect(await said(patch(app("shop-verifying"), { spec: { rollout: null } }))).toContain(
      "EdgeApplication shop/shop-verifying is protected and changing in its stated order: set spec.rollout.paused",
    );
    expect(
      await said(patch(`${NODES}/edge-1`, { metadata: { labels: { [BELONGING_TO]: null } } })),
    ).toContain("edit NodeGroup cdn-a instead of the label apps.kubeedge.io/belonging-to");
  });

  it("A37 leave status, logs and exec of protected pods to RBAC", async () => {
    const call = patch(`${at("Pod", "in-a")}/status`, { status: { message: "hello" } });
    expect(await verdict(call, EDITOR)).toBe("passes");
    for (const method of ["GET", "POST"] as const)
      for (const sub of ["log", "exec?command=ls", "portforward"])
        expect(await verdict({ method, path: `${at("Pod", "in-a")}/${sub}` }, EDITOR)).not.toMatch(
          /longshore/,
        );
  });

  it("A37 set what was protected free with its label", async () => {
    const change = patch(at("Pod", "in-a"));
    const label = async (value: string | null): Promise<void> => {
      const body = { metadata: { labels: { [LABEL]: value } } };
      await bench.ask({ method: "PATCH", path: `${GROUPS}/cdn-a`, body }, EDITOR);
    };
    await label(null);
    await eventually(async () => expect(await verdict(change, EDITOR)).toBe("passes"));
    await label("true");
    await eventually(async () => expect(await verdict(change, EDITOR)).toBe("longshore-protected-group"));
  });
});
