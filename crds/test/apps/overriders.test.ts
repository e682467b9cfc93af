// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createPatch } from "rfc6902";
import type { ChildObject } from "../../src/apps/v1alpha1/index.ts";
import { at, group, KINDS, manifestOf, renderOne, specOf, WORKLOADS } from "./build.ts";
import { FIELD_REF, images, nginx, pointer, ROWS } from "./overrider-rows.ts";

const MATRIX = KINDS.flatMap((kind) => ROWS.map((row) => ({ kind, ...row })));

describe("each overrider on each kind of workload", () => {
  it.each(MATRIX)("$what × $kind", ({ kind, overriders, look, want, except = {} }) => {
    const object = renderOne(manifestOf(kind), group(overriders));
    expect(look(object)).toEqual(kind in except ? except[kind] : want);
  });

  it.each(MATRIX)("$what × $kind changes nothing else", ({ kind, what, overriders }) => {
    const paths = changedPaths(renderOne(manifestOf(kind)), renderOne(manifestOf(kind), group(overriders)));
    const [, may] = MAY_CHANGE.find(([words]) => words.test(what)) ?? [];
    const pod = ["", ...(WORKLOADS[kind]?.path ?? [])].join("/");
    expect(
      paths.filter((path) => !new RegExp(`^${(may ?? "").replace("POD", pod)}(/|$)`).test(path)),
    ).toEqual([]);
  });

  it.each(KINDS)("image predicate × %s changes that image alone, also an init container's", (kind) => {
    const path = pointer(kind, "spec/initContainers/0/image");
    const object = renderOne(
      manifestOf(kind),
      group({
        imageOverriders: [{ component: "Tag", operator: "replace", value: "2", predicate: { path } }],
      }),
    );
    expect([...images(object), at(specOf(object), ["initContainers", 0, "image"])]).toEqual([
      "docker.io/library/nginx:1.25",
      "localhost:5000/sidecar",
      "busybox:2",
    ]);
  });

  it.each(KINDS)("all overriders together × %s", (kind) => {
    const value = [{ name: "D", value: "4" }];
    const object = renderOne(
      manifestOf(kind),
      group({
        replicas: 2,
        imageOverriders: [
          { component: "Registry", operator: "replace", value: "hz.io" },
          { component: "Tag", operator: "replace", value: "2" },
        ],
        commandOverriders: [{ containerName: "nginx", operator: "add", value: ["-v"] }],
        argsOverriders: [{ containerName: "nginx", operator: "remove", value: ["-q"] }],
        envOverriders: [
          { containerName: "nginx", operator: "add", value },
          { containerName: "nginx", operator: "remove", value: [{ name: "A" }] },
        ],
        resourcesOverriders: [{ containerName: "nginx", value: { limits: { cpu: "1" } } }],
        spread: { maxSkew: 2 },
        patchOverriders: [
          {
            type: "json",
            patch: [{ op: "test", path: pointer(kind, "spec/containers/0/args/1"), value: "daemon off;" }],
          },
          {
            type: "json",
            patch: [{ op: "add", path: pointer(kind, "spec/containers/0/image"), value: "last" }],
          },
        ],
      }),
    );
    expect(nginx(object)).toEqual({
      name: "nginx",
      image: "last",
      command: ["nginx", "-v"],
      args: ["-g", "daemon off;"],
      env: [{ name: "B", value: "2" }, FIELD_REF, ...value],
      resources: { limits: { cpu: "1" } },
    });
    expect(images(object)[1]).toBe("hz.io/sidecar:2");
  });
});

/** What each sort of overrider may change; POD is where the pod is. */
const MAY_CHANGE: readonly (readonly [RegExp, string])[] = [
  [/^replicas/, "/spec/replicas"],
  [/^image/, "POD/spec/containers/[01]/image"],
  [/env of an init/, "POD/spec/initContainers/0/env"],
  [/env/, "POD/spec/containers/0/env"],
  [/command/, "POD/spec/containers/[01]/command"],
  [/args/, "POD/spec/containers/0/args"],
  [/resource/, "POD/spec/containers/[01]/resources"],
  [/^spread/, "POD/spec/topologySpreadConstraints"],
  [/strategic/, "POD/spec/containers/0/env"],
  [/merge/, "POD/spec/hostNetwork"],
  [/JSON/, "POD/spec/containers/1/image"],
  [/metadata/, "/metadata/annotations/a"],
];

/** Where two objects differ, without what tells only what they were made from. */
const changedPaths = (before: ChildObject, after: ChildObject): string[] =>
  createPatch(before, after)
    .map(({ path }) => path)
    .filter((path) => !path.endsWith("last-applied-template"));
