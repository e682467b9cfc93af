// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { takenOver, type ManagedFields } from "../../../src/edge-application/apply/takeover.ts";

const OURS = "longshore-edge-application";
const annotated = { "f:metadata": { "f:annotations": { "f:apps.kubeedge.io/last-applied-template": {} } } };
const entry = (manager: string, operation: string, fieldsV1: object, more: object = {}): ManagedFields => ({
  ...{ manager, operation, apiVersion: "apps/v1", fieldsType: "FieldsV1", fieldsV1: fieldsV1 as never },
  ...more,
});

describe("managed fields", () => {
  it("of CloudCore become ours, and those of others stay theirs", () => {
    const others = [
      entry("kubectl", "Update", { "f:spec": { "f:replicas": {} } }),
      entry("kube-controller-manager", "Update", annotated, { subresource: "status" }),
    ];
    const theirs = entry("cloudcore", "Update", { ...annotated, "f:spec": { "f:template": {} } });
    expect(takenOver([others[0] as ManagedFields, theirs, others[1] as ManagedFields])).toEqual([
      ...others,
      { ...theirs, manager: OURS, operation: "Apply" },
    ]);
  });

  it("of CloudCore and of an earlier apply of ours become one", () => {
    const ours = entry(OURS, "Apply", { "f:spec": { "f:a": {}, "f:b": { ".": {} } } });
    const theirs = entry("cloudcore", "Update", { ...annotated, "f:spec": { "f:b": { "f:c": {} } } });
    const [made, ...rest] = takenOver([ours, theirs]) ?? [];
    expect(rest).toEqual([]);
    expect(made).toMatchObject({ manager: OURS, operation: "Apply" });
    expect(made?.fieldsV1).toEqual({
      ...annotated,
      "f:spec": { "f:a": {}, "f:b": { ".": {}, "f:c": {} } },
    });
  });

  it.each([
    { when: "it made none of it", entries: [entry("kubectl", "Update", { "f:spec": {} })] },
    { when: "it is ours already", entries: [entry(OURS, "Apply", annotated)] },
    { when: "there is nothing", entries: [] },
  ])("stay when $when", ({ entries }) => expect(takenOver(entries)).toBeUndefined());
});
