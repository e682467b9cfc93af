// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createUpgradeRule } from "../../src/node-upgrade-job/validate.ts";
import type { ReviewRequest } from "../../src/review.ts";
import { jobRequest } from "../job-request.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const good = { version: "v1.23.0", image: `kubeedge/installation-package@${DIGEST}`, nodeNames: ["n"] };
const request = (spec: object, more: Partial<ReviewRequest> = {}) => jobRequest("NodeUpgradeJob", spec, more);
const lenient = createUpgradeRule({ isStrict: false });
const strict = createUpgradeRule({ isStrict: true });

describe("the rule of NodeUpgradeJobs", () => {
  it.each([
    { id: "B18", what: "a version of two lines", change: { version: "v1.0.0\n;id" }, says: "spec.version" },
    { id: "B18", what: "latest", change: { version: "latest" }, says: "spec.version: invalid version" },
    { id: "B18", what: "no version", change: { version: "" }, says: "spec.version: invalid version" },
    {
      id: "A28",
      what: "a version without v",
      change: { version: "1.23" },
      says: "spec.version: invalid version",
    },
    {
      id: "A28 S9",
      what: "a version with a command",
      change: { version: "v1.0.0;touch /tmp/p" },
      says: "spec.version: invalid version",
    },
    {
      id: "S9",
      what: "an image with a command",
      change: { image: "a/b$(id)" },
      says: "spec.image: invalid image repo",
    },
    { id: "B21 A28", what: "both selectors", change: { labelSelector: {} }, says: "spec: give exactly one" },
    { id: "B21 A28", what: "neither selector", change: { nodeNames: [] }, says: "spec: give exactly one" },
    {
      id: "B21",
      what: "10,001 names",
      change: { nodeNames: Array<string>(10_001).fill("n") },
      says: "spec.nodeNames: 10001 are over 10000",
    },
    {
      id: "B20",
      what: "a concurrency of -1",
      change: { concurrency: -1 },
      says: "spec.concurrency: must not",
    },
    {
      id: "B20",
      what: "a concurrency of 1e9",
      change: { concurrency: 1e9 },
      says: "spec.concurrency: 1000000000 is over 10000",
    },
  ])("$id refuses $what in both modes", ({ change, says }) => {
    for (const rule of [lenient, strict]) {
      const verdict = rule(request({ ...good, ...change }));
      expect(verdict).toMatchObject({ allowed: false, code: 422 });
      expect(verdict.message).toContain(says);
    }
  });

  it.each([
    {
      id: "B19",
      what: "an image without a digest",
      change: { image: "a/b" },
      says: "spec.imageDigestGatter",
    },
    { id: "B20", what: "a concurrency of 0", change: { concurrency: 0 }, says: "0 is taken for 1" },
    { id: "B20", what: "a concurrency of 1,001", change: { concurrency: 1_001 }, says: "over 1000" },
    { id: "B20", what: "a timeout of 0", change: { timeoutSeconds: 0 }, says: "0 is taken for 300" },
    {
      id: "B11",
      what: "a token in the open",
      change: { imageDigestGatter: { registryAPI: { host: "h", token: "hunter2" } } },
      says: "registryAPI.token",
    },
  ])("$id warns of $what, and refuses it when strict", ({ change, says }) => {
    const spec = { ...good, ...change };
    const verdict = lenient(request(spec));
    expect(verdict.allowed).toBe(true);
    expect(verdict.warnings?.join("\n")).toContain(says);
    expect(JSON.stringify(verdict)).not.toContain("hunter2");
    expect(strict(request(spec))).toMatchObject({ allowed: false, code: 422 });
    expect(strict(request(spec)).message).toContain(says);
  });

  it("admits what is whole without a word, in both modes and both versions", () => {
    for (const rule of [lenient, strict])
      for (const version of ["v1alpha1", "v1alpha2"]) {
        const kind = { group: "operations.kubeedge.io", version, kind: "NodeUpgradeJob" };
        expect(rule(request(good, { kind }))).toEqual({ allowed: true });
      }
  });

  it("A28 refuses a changed spec with KubeEdge's words", () => {
    const update = request(
      { ...good, version: "v1.24.0" },
      { operation: "UPDATE", oldObject: { spec: good } },
    );
    expect(lenient(update)).toEqual({
      allowed: false,
      code: 422,
      message: "spec: spec fields are not allowed to update once it's created",
    });
  });

  it.each([
    { what: "labels", oldObject: { spec: good }, spec: good },
    {
      what: "a default that a client does not know",
      oldObject: { spec: good },
      spec: { ...good, concurrency: 1 },
    },
    {
      what: "finalizers of a job of older rules",
      oldObject: { spec: { version: "x" } },
      spec: { version: "x" },
    },
  ])("admits a change of $what", ({ oldObject, spec }) => {
    expect(strict(request(spec, { operation: "UPDATE", oldObject }))).toEqual({ allowed: true });
  });

  it("admits every deletion", () => {
    const gone = { operation: "DELETE", object: undefined, oldObject: { spec: {} } } as const;
    expect(strict({ ...request({}), ...gone })).toEqual({ allowed: true });
  });
});
