// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { renderShared, targetsOf } from "../../src/apps/v1alpha1/index.ts";
import { group, manifestOf, owner, podSpec, render, specOf } from "./build.ts";

describe("whatever people write", () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const overriders = fc.record(
    {
      replicas: json,
      imageOverriders: fc.array(
        fc.record({
          component: fc.constantFrom("Registry", "Repository", "Tag", "x"),
          operator: fc.constantFrom("add", "remove", "replace", "x"),
          value: fc.string(),
          predicate: fc.option(fc.record({ path: fc.string() }), { nil: undefined }),
        }),
      ),
      envOverriders: fc.oneof(
        json,
        fc.array(fc.record({ containerName: fc.constant("nginx"), operator: fc.string(), value: json })),
      ),
      argsOverriders: json,
      resourcesOverriders: fc.oneof(
        json,
        fc.array(fc.record({ containerName: fc.constant("nginx"), value: json })),
      ),
      patchOverriders: fc.oneof(
        json,
        fc.array(
          fc.record({
            type: fc.constantFrom("strategic", "merge", "json"),
            patch: fc.oneof(
              json,
              fc.array(
                fc.record({
                  op: fc.constantFrom("add", "remove", "move", "copy", "test", "replace"),
                  path: fc.string(),
                  from: fc.string(),
                  value: json,
                }),
              ),
            ),
          }),
        ),
      ),
      spread: json,
    },
    { requiredKeys: [] },
  );

  it("nothing throws, and what comes out keeps its name and place", () => {
    const manifest = fc.oneof(
      json,
      fc.record({
        apiVersion: fc.constantFrom("v1", "apps/v1", "batch/v1"),
        kind: fc.constantFrom("Pod", "Deployment", "CronJob", "Service"),
        metadata: fc.oneof(json, fc.constant({ name: "a" })),
        spec: fc.oneof(json, fc.constant(podSpec())),
      }),
    );
    fc.assert(
      fc.property(fc.array(manifest), overriders, json, (manifests, change, rollout) => {
        const { children, faults } = render([manifestOf("Pod"), ...manifests], group(change as never), {
          rollout: rollout as never,
        });
        for (const { object } of children) {
          expect(object.metadata).toMatchObject({
            namespace: "default",
            name: expect.stringMatching(/-hangzhou(-|$)/),
          });
          expect(specOf(object)["nodeSelector"]).toMatchObject({
            "apps.kubeedge.io/belonging-to": "hangzhou",
          });
        }
        expect(children.length + faults.length).toBeGreaterThan(0);
        expect(faults.every(({ message }) => message.length < 1000)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("scopes of any shape are read", () => {
    fc.assert(
      fc.property(json, json, json, (a, b, c) => {
        const scope = { targetNodeGroups: a, targetNodeLabels: b, targetNodeGroupSelectors: c } as never;
        const { targets } = targetsOf(scope, [{ name: "g", labels: { a: "b" } }]);
        expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
        renderShared({ owner, spec: { workloadScope: scope, workloadTemplate: { manifests: a } as never } });
      }),
      { numRuns: 500 },
    );
  });
});
