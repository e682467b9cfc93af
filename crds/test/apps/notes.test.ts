// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  renderShared,
  renderTarget,
  specNotes,
  targetNotes,
  type EdgeApplicationOverriders,
  type RenderedSpec,
} from "../../src/apps/v1alpha1/index.ts";
import { owner, WORKLOADS, type Any } from "./build.ts";

const spec = (manifests: readonly Any[], more: Partial<RenderedSpec> = {}): RenderedSpec => ({
  ...{ workloadScope: {}, workloadTemplate: { manifests: [...manifests] } },
  ...more,
});
const manifest = (kind: string): Any => WORKLOADS[kind]?.manifest() ?? {};
const notes = (overriders: EdgeApplicationOverriders, ...kinds: string[]): string[] =>
  targetNotes({ spec: spec(kinds.map(manifest)), target: { name: "a", group: "a", overriders } });
const MEANT = { operator: "add" as const, value: [] };

describe("overriders that change nothing are told", () => {
  it.each(["commandOverriders", "argsOverriders", "envOverriders"] as const)(
    "%s of a container that no manifest has",
    (list) =>
      expect(
        notes(
          { [list]: ["nginx", "setup", "ngnix"].map((containerName) => ({ containerName, ...MEANT })) },
          "CronJob",
        ),
      ).toEqual([
        `workloadScope[a].overriders.${list}[2].containerName: no container is called "ngnix"; it changes nothing`,
      ]),
  );

  it("resources of a container that no manifest has, but not of one that only one of them has", () => {
    const alone = { ...manifest("Job"), spec: { template: { spec: { containers: [{ name: "alone" }] } } } };
    const of = {
      resourcesOverriders: ["alone", "none"].map((containerName) => ({ containerName, value: {} })),
    };
    const target = { name: "a", group: "a", overriders: of };
    expect(targetNotes({ spec: spec([manifest("Deployment"), alone]), target })).toEqual([
      expect.stringMatching(/resourcesOverriders\[1\]\.containerName: .*"none"/),
    ]);
  });

  it.each([
    {
      kinds: ["DaemonSet", "Pod", "Job"],
      says: [/overriders\.replicas: no manifest is of a kind with replicas/],
    },
    { kinds: ["DaemonSet", "StatefulSet"], says: [] },
    { kinds: [], says: [] },
  ])("replicas, for $kinds", ({ kinds, says }) =>
    expect(notes({ replicas: 2 }, ...kinds)).toEqual(says.map((one) => expect.stringMatching(one))),
  );

  it.each([
    {
      target: { kind: "DaemonSet" },
      says: [/patchOverriders\[0\]\.target: there is no DaemonSet; it changes/],
    },
    { target: { name: "web" }, says: [/there is no workload "web"/] },
    { target: { kind: "Deployment", name: "web" }, says: [/there is no Deployment "web"/] },
    { target: { kind: "Deployment", name: "nginx" }, says: [] },
    { target: {}, says: [] },
  ])("a patch for $target", ({ target, says }) =>
    expect(notes({ patchOverriders: [{ target, patch: {} }] }, "Deployment")).toEqual(
      says.map((one) => expect.stringMatching(one)),
    ),
  );

  it("those of a version, which DaemonSets alone have", () => {
    const overriders = { envOverriders: [{ containerName: "nope", ...MEANT }], replicas: 3 };
    const rollout = { versions: [{ name: "b", nodes: [], overriders }] };
    expect(specNotes(spec([manifest("DaemonSet"), manifest("Deployment")], { rollout }))).toEqual([
      expect.stringMatching(/^rollout\.versions\[0\]\.overriders\.replicas: /),
      expect.stringMatching(/^rollout\.versions\[0\]\.overriders\.envOverriders\[0\]\.containerName: /),
    ]);
    expect(specNotes(spec([manifest("Deployment")], { rollout }))).toEqual([]);
  });

  it.each([undefined, null, 7, "x", { kind: "Deployment", apiVersion: "apps/v1", spec: { template: [] } }])(
    "and a manifest that is none (%j) breaks nothing",
    (broken) => {
      const of = spec([broken as never]);
      expect(() => [
        specNotes(of),
        targetNotes({ spec: of, target: { name: "a", overriders: { replicas: 1 } } }),
      ]).not.toThrow();
    },
  );
});

describe("a Job that would be removed when it is done", () => {
  const withTtl = (more: Any = {}): Any => {
    const job = manifest("Job");
    return { ...job, ...more, spec: { ...(job["spec"] as Any), ttlSecondsAfterFinished: 60 } };
  };

  it("stays, and so is not made and run again for ever; it is told", () => {
    const of = spec([
      withTtl(),
      withTtl({ metadata: { name: "x", annotations: { "longshore.io/once": "true" } } }),
    ]);
    const target = { name: "a", group: "a", overriders: {} };
    const [copy] = renderTarget({ owner, spec: of, target }).children;
    const [once] = renderShared({ owner, spec: of }).children;
    expect([copy?.object["spec"], once?.object["spec"]]).toEqual([
      expect.not.objectContaining({ ttlSecondsAfterFinished: 60 }),
      expect.not.objectContaining({ ttlSecondsAfterFinished: 60 }),
    ]);
    expect(specNotes(of)).toEqual(
      [0, 1].map((ordinal) =>
        expect.stringContaining(
          `workloadTemplate.manifests[${ordinal}].spec.ttlSecondsAfterFinished: is left out`,
        ),
      ),
    );
  });

  it("of a CronJob goes as its author says: the CronJob stays", () => {
    const cron = manifest("CronJob");
    const jobTemplate = {
      spec: { ...((cron["spec"] as Any)["jobTemplate"] as { spec: Any }).spec, ttlSecondsAfterFinished: 5 },
    };
    const of = spec([{ ...cron, spec: { ...(cron["spec"] as Any), jobTemplate } }]);
    const [copy] = renderTarget({
      owner,
      spec: of,
      target: { name: "a", group: "a", overriders: {} },
    }).children;
    expect(copy?.object).toHaveProperty("spec.jobTemplate.spec.ttlSecondsAfterFinished", 5);
    expect(specNotes(of)).toEqual([]);
  });
});
