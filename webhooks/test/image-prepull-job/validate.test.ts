// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createPrePullRule } from "../../src/image-prepull-job/validate.ts";
import { jobRequest } from "../job-request.ts";

const good = { images: ["busybox:1.36"], nodeNames: ["edge-node"], imageSecrets: "default/regcred" };
const request = (template: object | undefined, more: object = {}) =>
  jobRequest("ImagePrePullJob", template === undefined ? {} : { imagePrePullTemplate: template }, more);
const lenient = createPrePullRule({ isStrict: false });
const strict = createPrePullRule({ isStrict: true });

describe("the rule of ImagePrePullJobs", () => {
  it.each([
    { id: "A33", what: "no template", template: undefined, says: "imagePrePullTemplate is missing" },
    { id: "B21", what: "both selectors", template: { ...good, labelSelector: {} }, says: "exactly one" },
    { id: "A33", what: "no image's name", template: { ...good, images: ["a", "$(id)"] }, says: "images[1]" },
    { id: "B20", what: "negative retries", template: { ...good, retryTimes: -1 }, says: "retryTimes" },
  ])("$id refuses $what in both modes, naming the field", ({ template, says }) => {
    for (const rule of [lenient, strict]) {
      const verdict = rule(request(template));
      expect(verdict).toMatchObject({ allowed: false, code: 422 });
      expect(verdict.message).toContain(says);
    }
  });

  it.each([
    {
      id: "A33",
      what: "a Secret without a namespace",
      change: { imageSecrets: "regcred" },
      says: "imageSecrets",
    },
    { id: "B20", what: "a timeout of 0", change: { timeoutSeconds: 0 }, says: "0 is taken for 300" },
  ])("$id warns of $what, and refuses it when strict", ({ change, says }) => {
    const verdict = lenient(request({ ...good, ...change }));
    expect(verdict).toMatchObject({ allowed: true, warnings: [expect.stringContaining(says)] });
    expect(strict(request({ ...good, ...change })).allowed).toBe(false);
  });

  it("refuses a changed spec in both modes, and takes one that means the same", () => {
    const oldObject = { spec: { imagePrePullTemplate: good } };
    const change = (template: object) => request(template, { operation: "UPDATE", oldObject });
    for (const rule of [lenient, strict]) {
      expect(rule(change({ ...good, images: ["busybox:1.37"] }))).toEqual({
        ...{ allowed: false, code: 422 },
        message: "spec: spec fields are not allowed to update once it's created",
      });
      expect(rule(change({ ...good, concurrency: 1, retryTimes: 0 }))).toEqual({ allowed: true });
    }
  });

  it("admits what is whole", () => {
    expect(strict(request(good))).toEqual({ allowed: true });
  });
});
