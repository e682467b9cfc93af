// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { GroupFacts, Target } from "@longshore/crds/apps";
import type { ApplicationLookups } from "../../src/edge-application/lookups.ts";
import { createApplicationRule } from "../../src/edge-application/validate.ts";
import type { Verdict } from "../../src/review.ts";
import { deployment, reviewOf, service, specOf } from "./sample.ts";

interface World {
  readonly groups?: readonly GroupFacts[] | "unknown";
  readonly nodes?: number;
  readonly isStrict?: boolean;
}

function judging({ groups = [], nodes = 3, isStrict = false }: World = {}) {
  const asked: string[] = [];
  const applications: ApplicationLookups = {
    groups() {
      asked.push("groups");
      return Promise.resolve(groups);
    },
    nodes(targets: readonly Target[]) {
      asked.push(...targets.map(({ name }) => name));
      return Promise.resolve(new Map(targets.map(({ name }) => [name, { nodes, isAll: true }])));
    },
  };
  const rule = createApplicationRule({ applications, isStrict });
  const judge = async (...args: Parameters<typeof reviewOf>): Promise<Verdict> =>
    await rule(reviewOf(...args));
  return { judge, asked };
}

const DAEMON = { ...deployment(), kind: "DaemonSet" };
const check = (name: string, threshold: string) => ({ name, query: "q", operator: "<", threshold });
const once = (name: string) => ({ name, annotations: { "longshore.io/once": "true" } });
const withOverriders = (groups: number, overriders: object) => ({
  ...specOf([deployment()]),
  workloadScope: {
    targetNodeGroups: Array.from({ length: groups }, (_, index) => ({ name: `g${index}`, overriders })),
  },
});
const rollout = (section: object, manifests: readonly object[] = [DAEMON]) =>
  specOf(manifests, undefined, { rollout: section });

const withProbe = (livenessProbe: object) => {
  const made = deployment();
  const containers = made.spec.template.spec.containers.map((one) => ({ ...one, livenessProbe }));
  return { ...made, spec: { ...made.spec, template: { ...made.spec.template, spec: { containers } } } };
};
const custom = (spec: object) => ({ apiVersion: "e.io/v1", kind: "Thing", metadata: { name: "t" }, spec });

describe("an EdgeApplication in admission", () => {
  it.each<[string, object, string]>([
    [
      "two batches of one name",
      {
        batches: [
          { name: "a", targets: [] },
          { name: "a", targets: [] },
        ],
      },
      "spec.rollout.batches[1].name",
    ],
    [
      "two versions of one name",
      {
        versions: [
          { name: "v", nodes: [] },
          { name: "v", nodes: [] },
        ],
      },
      "spec.rollout.versions[1].name",
    ],
    ["two checks of one name", { checks: [check("c", "1"), check("c", "2")] }, "spec.rollout.checks[1].name"],
    ...["much", "", "0x10", "Infinity", "1 %", "1e999"].map((threshold): [string, object, string] => [
      `the threshold "${threshold}"`,
      { checks: [check("c", threshold)] },
      "spec.rollout.checks[0].threshold: is no number",
    ]),
  ])("is refused for %s", async (_, section, field) => {
    const { allowed, message } = await judging().judge(rollout(section));
    expect({ allowed, message }).toEqual({ allowed: false, message: expect.stringContaining(field) });
  });

  it.each(["0.01", "-1", "1e-3", ".5", "5."])("may compare with %s", async (threshold) => {
    expect(await judging().judge(rollout({ checks: [check("c", threshold)] }))).toEqual({ allowed: true });
  });

  it.each<[string, object, string]>([
    [
      "versions without a DaemonSet",
      rollout({ versions: [{ name: "v", nodes: ["n"] }] }, [deployment()]),
      "spec.rollout.versions: only DaemonSets have versions",
    ],
    [
      "batches of what is no target",
      rollout({ batches: [{ name: "a", targets: ["hangzhou", "nowhere"] }] }),
      "spec.rollout.batches[0].targets: no targets of this application: nowhere",
    ],
    [
      "overriders of a container that there is not",
      withOverriders(1, { envOverriders: [{ containerName: "ngnix", operator: "add", value: [] }] }),
      'spec.workloadScope[g0].overriders.envOverriders[0].containerName: no container is called "ngnix"',
    ],
    [
      "a patch of a workload that there is not",
      withOverriders(1, { patchOverriders: [{ target: { kind: "StatefulSet" }, patch: {} }] }),
      "spec.workloadScope[g0].overriders.patchOverriders[0].target: there is no StatefulSet",
    ],
  ])("is admitted with a warning, however strict, for %s", async (_, spec, warning) => {
    for (const isStrict of [false, true])
      expect(await judging({ isStrict }).judge(spec)).toEqual({
        allowed: true,
        warnings: [expect.stringContaining(warning)],
      });
  });

  it.each<[string, object]>([
    ["a manifest without a kind", specOf([{ apiVersion: "v1", metadata: { name: "a" } }])],
    [
      "a manifest of another namespace",
      specOf([{ ...service(), metadata: { name: "a", namespace: "other" } }]),
    ],
    ["a group that no NodeGroup can be called", specOf([deployment()], ["No_Group"])],
    [
      "two targets that give the same object",
      specOf([deployment(), { ...deployment(), metadata: { name: "nginx-a" } }], ["a-b", "b"]),
    ],
    [
      "a target and what exists once that give the same object",
      specOf([deployment(), { ...deployment(), metadata: once("nginx-a") }], ["a"]),
    ],
    [
      "a selector of everything",
      { ...specOf([deployment()]), workloadScope: { targetNodeLabels: [{ labelSelector: {} }] } },
    ],
  ])("is warned of %s, and refused for it when strict", async (_, spec) => {
    const { allowed, warnings = [] } = await judging().judge(spec);
    expect({ allowed, told: warnings.length }).toEqual({ allowed: true, told: 1 });
    expect(warnings[0]).toMatch(/^spec\.workload/);
    expect(await judging({ isStrict: true }).judge(spec)).toMatchObject({
      allowed: false,
      message: warnings[0],
    });
  });

  it("tells a few of many overriders that change nothing, and what changes behind them", async () => {
    const typo = { envOverriders: [{ containerName: "ngnix", operator: "add", value: [] }] };
    const after = withOverriders(30, typo);
    const { warnings = [] } = await judging().judge(after, { before: specOf([]), isDryRun: true });
    expect(warnings.filter((one) => one.includes("ngnix"))).toHaveLength(4);
    expect(warnings[5]).toBe("and 26 more overriders that change nothing");
    expect(warnings[6]).toMatch(/^g0 .*Deployment nginx-g0 is created/);
  });

  it("looks nothing up unless it is a dry run", async () => {
    const { judge, asked } = judging();
    await judge(specOf([deployment()]), { before: specOf([]) });
    expect(asked).toEqual([]);
    await judge(specOf([deployment()]), { before: specOf([]), isDryRun: true });
    expect(asked).toEqual(["groups", "hangzhou", "beijing"]);
  });

  it("E4 is told in a dry run what an edit changes, on how many nodes, and whether pods restart", async () => {
    const before = specOf([deployment(), service()]);
    const after = specOf([deployment("nginx:1.27"), service(81)]);
    const { warnings } = await judging().judge(after, { before, isDryRun: true });
    expect(warnings).toEqual([
      "dry run: 2 of 2 targets change, with 6 nodes; objects: 0 created, 3 changed, 0 deleted; pods restart in 2 targets",
      "hangzhou (3 nodes): pods restart: Deployment nginx-hangzhou: spec.template.spec.containers[nginx].image nginx:1.26 → nginx:1.27",
      "beijing (3 nodes): pods restart: Deployment nginx-beijing: spec.template.spec.containers[nginx].image nginx:1.26 → nginx:1.27",
      "once: Service nginx: spec.ports[0].port 80 → 81",
    ]);
  });

  it.each<[string, object, object, readonly string[]]>([
    [
      "a new group",
      specOf([deployment()], ["hangzhou"]),
      specOf([deployment()]),
      [
        "1 of 2 targets change, with 3 nodes; objects: 1 created",
        "beijing (3 nodes): Deployment nginx-beijing is created",
      ],
    ],
    [
      "a group that is dropped",
      specOf([deployment()]),
      specOf([deployment()], ["hangzhou"]),
      ["0 created, 0 changed, 1 deleted", "beijing (3 nodes): Deployment nginx-beijing is deleted"],
    ],
    [
      "another number of replicas",
      specOf([deployment()], ["hangzhou"]),
      {
        ...specOf([deployment()]),
        workloadScope: { targetNodeGroups: [{ name: "hangzhou", overriders: { replicas: 2 } }] },
      },
      ["no pod restarts", "Deployment nginx-hangzhou: spec.replicas none → 2"],
    ],
    [
      "pods that wait to be deleted",
      specOf([{ ...DAEMON, spec: { ...DAEMON.spec, updateStrategy: { type: "OnDelete" } } }], ["hangzhou"]),
      specOf(
        [{ ...DAEMON, spec: { ...deployment("b").spec, updateStrategy: { type: "OnDelete" } } }],
        ["hangzhou"],
      ),
      ["no pod restarts", "image nginx:1.26 → b"],
    ],
    [
      "nothing",
      specOf([deployment()]),
      specOf([deployment()], undefined, { breakGlass: {} }),
      ["nothing that is deployed changes"],
    ],
  ])("E4 tells of %s", async (_, before, after, parts) => {
    const { warnings = [] } = await judging().judge(after, { before, isDryRun: true });
    for (const [index, part] of parts.entries()) expect(warnings[index]).toContain(part);
    expect(warnings).toHaveLength(parts.length);
  });

  it("E4 tells of a new application what it creates, also in groups that labels select", async () => {
    const spec = {
      ...specOf([deployment()]),
      workloadScope: { targetNodeGroupSelectors: [{ labelSelector: { matchLabels: { tier: "edge" } } }] },
      rollout: { batches: [{ name: "a", targets: ["north", "nowhere"] }] },
    };
    const groups = [
      { name: "north", labels: { tier: "edge" } },
      { name: "south", labels: {} },
    ];
    const told = await judging({ groups }).judge(spec, { isDryRun: true });
    expect(told.warnings).toEqual([
      expect.stringContaining("1 of 1 target change"),
      "spec.rollout.batches[0].targets: no targets of this application: nowhere",
      "north (3 nodes): Deployment nginx-north is created",
    ]);
    const blind = await judging({ groups: "unknown" }).judge(spec, { isDryRun: true });
    expect(blind.warnings?.at(-1)).toContain("the node groups could not be read");
    expect(await judging().judge(spec)).toEqual({ allowed: true });
  });

  it("shows no value of a Secret or of the environment", async () => {
    const secret = (password: string) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      stringData: { password },
    });
    const spec = (value: string) => specOf([secret(value), deployment("nginx", [{ name: "TOKEN", value }])]);
    const { warnings = [] } = await judging().judge(spec("hunter3"), {
      before: spec("hunter2"),
      isDryRun: true,
    });
    expect(warnings.join("\n")).toContain("containers[nginx].env[TOKEN].value changes");
    expect(warnings.join("\n")).toContain("Secret s: stringData.password changes");
    expect(warnings.join("\n")).not.toMatch(/hunter/);
  });

  it.each<[string, (value: string) => object]>([
    [
      "of a ConfigMap",
      (value) => ({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "c" },
        data: { "app.ini": value },
      }),
    ],
    [
      "of a header of a probe",
      (value) => withProbe({ httpGet: { httpHeaders: [{ name: "Authorization", value }] } }),
    ],
    ["of the command of a probe", (value) => withProbe({ exec: { command: ["sh", value] } })],
    ["of a field that is called so", (value) => custom({ database: { adminPassword: value } })],
    ["of an item that is called so", (value) => custom({ settings: [{ name: "api-key", value }] })],
    ["of an environment of one's own", (value) => custom({ env: { LEVEL: value } })],
    ["of an address", (value) => custom({ database: `postgres://admin:${value}@db/shop` })],
    ["of a query", (value) => custom({ hook: `https://hooks/a?token=${value}` })],
  ])("shows no secret %s", async (_, manifest) => {
    const { warnings = [] } = await judging().judge(specOf([manifest("hunter3")]), {
      before: specOf([manifest("hunter2")]),
      isDryRun: true,
    });
    expect(warnings.join("\n")).toMatch(/ changes$/m);
    expect(warnings.join("\n")).not.toMatch(/hunter/);
  });

  it.each(["[b.", "://", "://a:", "?token"])(
    "reads a key and a value of any length in little time: %s",
    async (part) => {
      const spec = (value: string) => specOf([custom({ [`${"a".repeat(300_000)}${part}`]: value })]);
      const startMs = performance.now();
      const { warnings = [] } = await judging().judge(spec(part.repeat(50_000)), {
        before: spec("a"),
        isDryRun: true,
      });
      expect(performance.now() - startMs).toBeLessThan(10_000);
      expect(warnings).toHaveLength(2);
    },
  );

  it("shows what is called like a secret only in its container's name", async () => {
    const spec = (image: string) => {
      const made = deployment(image);
      return specOf([
        {
          ...made,
          spec: { template: { spec: { containers: [{ name: "token-service", image }] } }, selector: {} },
        },
      ]);
    };
    const { warnings = [] } = await judging().judge(spec("b"), { before: spec("a"), isDryRun: true });
    expect(warnings.join("\n")).toContain("containers[token-service].image a → b");
  });

  it.each<[string, number, number, object]>([
    ["many manifests for many targets", 1_000, 100, {}],
    ["large manifests for many targets", 10, 100, { text: "x".repeat(100_000) }],
    ["a large manifest in many versions", 1, 1, { text: "x".repeat(500_000) }],
  ])("looks at no more of %s than fits into memory and time", async (_, manifests, targets, data) => {
    const spec = (image: string) =>
      specOf(
        Array.from({ length: manifests }, (__, index) => ({
          ...deployment(image),
          ...{ kind: "DaemonSet", metadata: { name: `d${index}`, labels: data } },
        })),
        Array.from({ length: targets }, (__, index) => `g${index}`),
        manifests === 1
          ? {
              rollout: {
                versions: Array.from({ length: 50 }, (__, index) => ({ name: `v${index}`, nodes: [] })),
              },
            }
          : {},
      );
    const startMs = performance.now();
    const { allowed, warnings = [] } = await judging().judge(spec("b"), {
      before: spec("a"),
      isDryRun: true,
    });
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect({ allowed, first: warnings[0] }).toMatchObject({
      allowed: true,
      first: expect.stringMatching(/targets? not compared/),
    });
  });

  it("says at most eleven sentences and 4,096 characters, and how many more there are", async () => {
    const groups = Array.from({ length: 60 }, (_, index) => `group-${index}-${"x".repeat(40)}`);
    const long = (image: string) => specOf([deployment(`${"registry.example/".repeat(20)}${image}`)], groups);
    const { warnings = [] } = await judging().judge(long("b"), { before: long("a"), isDryRun: true });
    expect(warnings).toHaveLength(11);
    expect(warnings.at(-1)).toBe("and 51 more");
    expect(warnings.join("").length).toBeLessThan(4_096);
  });

  it("says of targets beyond a hundred only that they were not compared", async () => {
    const groups = Array.from({ length: 150 }, (_, index) => `g${index}`);
    const [before, after] = [specOf([deployment()], groups), specOf([deployment("b")], groups)];
    const { warnings = [] } = await judging().judge(after, { before, isDryRun: true });
    expect(warnings[0]).toContain("100 of 150 targets change");
    expect(warnings[0]).toContain("50 targets not compared");
  });
});
