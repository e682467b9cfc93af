// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { mutatePod } from "../../src/pod/mutate.ts";
import { autonomousTolerations, type Toleration } from "../../src/pod/tolerations.ts";
import { answer, type ReviewRequest } from "../../src/review.ts";

const UNREACHABLE = "node.kubernetes.io/unreachable";
const forEver = { key: UNREACHABLE, operator: "Exists" };
const fiveMinutes = { ...forEver, effect: "NoExecute", tolerationSeconds: 300 };
const notReady = { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" };
const anything = { operator: "Exists" };

const request = (tolerations: unknown, more: Partial<ReviewRequest> = {}): ReviewRequest => ({
  uid: "1",
  operation: "CREATE",
  kind: { group: "", version: "v1", kind: "Pod" },
  object: {
    metadata: { labels: { "app-offline.kubeedge.io": "autonomy" } },
    spec: { containers: [], ...(tolerations !== undefined && { tolerations }) },
  },
  ...more,
});

describe("a pod that stays on a node out of reach", () => {
  it.each([
    { what: "none", own: undefined, want: [forEver] },
    { what: "what the API server gives", own: [notReady, fiveMinutes], want: [notReady, forEver] },
    { what: "two for that taint", own: [fiveMinutes, forEver], want: [forEver] },
    { what: "one for everything", own: [anything], want: [anything, forEver] },
    { what: "one by value", own: [{ key: UNREACHABLE, operator: "Equal", value: "x" }], want: [forEver] },
  ])("A8 with $what gets exactly one toleration for ever", ({ own, want }) => {
    expect(mutatePod(request(own))).toEqual({
      allowed: true,
      patch: [{ op: "add", path: "/spec/tolerations", value: want }],
    });
  });

  it.each([
    { what: "a pod that has it", request: request([notReady, forEver]) },
    { what: "a change of a pod", request: request([fiveMinutes], { operation: "UPDATE" }) },
    { what: "a pod without the label", request: request([fiveMinutes], { object: { spec: {} } }) },
    { what: "a pod without spec", request: request([], { object: { metadata: {} } }) },
  ])("A8 leaves $what alone", (row) => {
    expect(mutatePod(row.request)).toEqual({ allowed: true });
  });

  it("refuses what is no pod", () => {
    expect(mutatePod(request("all"))).toMatchObject({ allowed: false, code: 422 });
  });

  it("S17 keeps all others in their order, has one for that taint, and changes nothing twice", () => {
    const text = fc.constantFrom(UNREACHABLE, "Exists", "Equal", "", "NoExecute", "other");
    const toleration = fc.record({ key: text, operator: text, effect: text }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.array(toleration), (own) => {
        const after = autonomousTolerations(own) ?? own;
        expect(after.filter(({ key }) => key === UNREACHABLE)).toEqual([forEver]);
        expect(after.filter(({ key }) => key !== UNREACHABLE)).toEqual(
          own.filter(({ key }) => key !== UNREACHABLE),
        );
        expect(autonomousTolerations(after as Toleration[])).toBeUndefined();
      }),
    );
  });

  it("is told to the API server as a JSON patch", () => {
    const { response } = answer("u", mutatePod(request([]))) as {
      response: { patch: string; patchType: string };
    };
    expect(response).toMatchObject({ uid: "u", allowed: true, patchType: "JSONPatch" });
    expect(JSON.parse(Buffer.from(response.patch, "base64").toString())).toEqual([
      { op: "add", path: "/spec/tolerations", value: [forEver] },
    ]);
  });
});
