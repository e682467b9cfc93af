// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { installPolicies, startBench, type Actor, type Bench, type Call } from "./bench.ts";
import {
  BREAK_GLASS,
  debug,
  EDITOR,
  evict,
  GLASS,
  patch,
  remove,
  removeAll,
  resize,
  scale,
  STRANGERS,
  SYSTEM,
  verdictOf,
} from "./calls.ts";
import { application, collectionOf, group, statusOf, thing, type Thing } from "./objects.ts";

jest.setTimeout(240_000);

const KINDS = [
  ...[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Pod",
    "ReplicationController",
  ],
];

describe("edit protection, by the API server alone", () => {
  let bench: Bench;
  /** Paths of what there is. */
  const at = (kind: string, name: string): string => `${collectionOf(kind)}/${name}`;
  const verdict = async (call: Call, actor?: Actor): Promise<string> =>
    verdictOf(await bench.ask(call, actor));
  const all = async (things: readonly Thing[]): Promise<void> => {
    for (const each of things) await bench.make(each);
  };

  beforeAll(async () => {
    bench = await startBench();
    await all([
      group("cdn-a", { breakGlass: GLASS }),
      group("cdn-b", { isProtected: false, breakGlass: GLASS }),
      ...KINDS.flatMap((kind) => [
        thing(kind, "in-a", { group: "cdn-a", labels: { set: "in-a" } }),
        thing(kind, "in-b", { group: "cdn-b", labels: { set: "in-b" } }),
        thing(kind, "nowhere", { labels: { set: "nowhere" } }),
      ]),
    ]);
    await makeApplications();
    await installPolicies(bench, patch(at("Pod", "in-a")));
  }, 240_000);
  afterAll(() => bench.stop());

  /** shop is protected, stall is not. What controllers of a cluster would make of them is made by hand. */
  async function makeApplications(): Promise<void> {
    for (const name of ["shop", "stall"]) {
      const children = WORKLOADS.map((kind) => `${kind}/${name}-${kind.toLowerCase()}`);
      const uid = await bench.make(
        application(name, { isProtected: name === "shop", breakGlass: GLASS, status: statusOf(...children) }),
      );
      const owner = { kind: "EdgeApplication", name, uid };
      const labels = { "longshore.io/edge-application": uid };
      for (const kind of [...WORKLOADS, "Service", "ConfigMap"])
        await bench.make(thing(kind, `${name}-${kind.toLowerCase()}`, { owner, labels }));
      for (const [kind, child, ownerKind, ownerName] of DESCENDANTS)
        await bench.make(
          thing(kind, `${name}-${child}`, {
            owner: { kind: ownerKind, name: `${name}-${ownerName}`, uid: "0000-1" },
            labels: { "pod-template-hash": "5d4f8c7b9" },
          }),
        );
    }
  }
  const WORKLOADS = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"];
  /** What workloads make: kind, name, and whose it is. */
  const DESCENDANTS = [
    ["ReplicaSet", "deployment-5d4f8c7b9", "Deployment", "deployment"],
    ["Pod", "deployment-5d4f8c7b9-x7k2p", "ReplicaSet", "deployment-5d4f8c7b9"],
    ["Pod", "statefulset-0", "StatefulSet", "statefulset"],
    ["Pod", "daemonset-x7k2p", "DaemonSet", "daemonset"],
    ["Pod", "replicaset-x7k2p", "ReplicaSet", "replicaset"],
    ["Pod", "job-x7k2p", "Job", "job"],
    ["Pod", "job-0-x7k2p", "Job", "job"],
    ["Job", "cronjob-29384750", "CronJob", "cronjob"],
    ["Pod", "cronjob-29384750-x7k2p", "Job", "cronjob-29384750"],
  ] as const;

  const GROUP_CALLS = KINDS.flatMap((kind): [string, (name: string) => Call][] => [
    [`change of a ${kind}`, (name) => patch(at(kind, name))],
    [`deletion of a ${kind}`, (name) => remove(at(kind, name))],
    [`deletion of each ${kind}`, (name) => removeAll(collectionOf(kind), `set=${name}`)],
  ]);
  const POD_CALLS: [string, (path: string) => Call][] = [
    ["debug container", debug],
    ["resize", resize],
  ];
  const IN_GROUP = [
    ...GROUP_CALLS,
    ...POD_CALLS.map(([what, call]): [string, (name: string) => Call] => [
      what,
      (name) => call(at("Pod", name)),
    ]),
  ];

  it.each(IN_GROUP)(
    "A37 of a protected group, refuse the %s by hand, and by nobody else",
    async (_, call) => {
      for (const stranger of STRANGERS)
        expect(await verdict(call("in-a"), stranger)).toBe("longshore-protected-group");
      for (const actor of [...SYSTEM, ...BREAK_GLASS])
        expect(await verdict(call("in-a"), actor)).toBe("passes");
      for (const neighbour of ["in-b", "nowhere"])
        expect(await verdict(call(neighbour), EDITOR)).toBe("passes");
    },
  );

  const OF_APPLICATION: [string, string, (name: string) => Call][] = [
    ...WORKLOADS.map((kind): [string, string] => [kind, kind.toLowerCase()]),
    ...DESCENDANTS.map(([kind, name]): [string, string] => [kind, name]),
  ].flatMap(([kind, child]): [string, string, (name: string) => Call][] => {
    const path = (name: string): string => at(kind, `${name}-${child}`);
    return [
      ["change", child, (name) => patch(path(name))],
      [
        "loss of the owner",
        child,
        (name) => patch(path(name), { metadata: { ownerReferences: null, labels: null } }),
      ],
      ["deletion", child, (name) => remove(path(name))],
      ...(kind === "Pod"
        ? ([
            ["eviction", child, (name) => evict(path(name))],
            ["debug container", child, (name) => debug(path(name))],
            ["resize", child, (name) => resize(path(name))],
          ] satisfies [string, string, (name: string) => Call][])
        : []),
      ...(["Deployment", "StatefulSet", "ReplicaSet"].includes(kind)
        ? ([["scale", child, (name) => scale(path(name))]] satisfies [
            string,
            string,
            (name: string) => Call,
          ][])
        : []),
    ];
  });

  it.each(OF_APPLICATION)(
    "A37 of a protected application, refuse the %s of %s by hand, and by nobody else",
    async (_, __, call) => {
      for (const stranger of STRANGERS)
        expect(await verdict(call("shop"), stranger)).toBe("longshore-protected-application");
      for (const actor of [...SYSTEM, ...BREAK_GLASS])
        expect(await verdict(call("shop"), actor)).toBe("passes");
      expect(await verdict(call("stall"), EDITOR)).toBe("passes");
    },
  );

  it.each(["Service", "ConfigMap"])("A37 refuse the change and deletion of its %s too", async (kind) => {
    const path = (name: string): string => at(kind, `${name}-${kind.toLowerCase()}`);
    const withoutOwner = { metadata: { labels: null, ownerReferences: null } };
    for (const call of [patch(path("shop")), patch(path("shop"), withoutOwner), remove(path("shop"))]) {
      expect(await verdict(call, EDITOR)).toBe("longshore-protected-children");
      for (const actor of [...SYSTEM, ...BREAK_GLASS]) expect(await verdict(call, actor)).toBe("passes");
    }
    expect(await verdict(patch(path("stall")), EDITOR)).toBe("passes");
  });
});
