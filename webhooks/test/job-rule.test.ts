// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createJobRule } from "../src/job-rule.ts";
import type { ReviewRequest } from "../src/review.ts";
import { jobRequest } from "./job-request.ts";

const rule = createJobRule({ faults: () => [], hazards: () => [] }, false);
const spec = { nodeNames: ["n"] };
const job = (attempt?: string, more: object = {}) => ({
  metadata: {
    name: "job",
    ...more,
    ...(attempt !== undefined && { annotations: { "longshore.io/attempt": attempt } }),
  },
  spec,
});
const created = (attempt: string): ReviewRequest =>
  jobRequest("ImagePrePullJob", spec, { object: job(attempt) });
const changed = (before: string | undefined, after: string | undefined, more: object = {}): ReviewRequest =>
  jobRequest("ImagePrePullJob", spec, {
    ...{ operation: "UPDATE", oldObject: job(before), object: job(after, more) },
  });

describe("the annotation that asks for another attempt", () => {
  it.each(["1", "2", "999", "1000"])("may be %s from the beginning", (attempt) => {
    expect(rule(created(attempt))).toEqual({ allowed: true });
  });

  it.each(["0", "-1", "1001", "1e3", "2.0", " 2", "02", "", "two", "2;reboot"])(
    "is refused as %j, without being repeated",
    (attempt) => {
      const expected = {
        ...{ allowed: false, code: 422 },
        message: "metadata.annotations[longshore.io/attempt]: give a number from 1 to 1000",
      };
      expect(rule(created(attempt))).toEqual(expected);
      expect(rule(changed("1", attempt))).toEqual(expected);
    },
  );

  it.each([
    { before: undefined, after: "2" },
    { before: "2", after: "3" },
    { before: "2", after: "2" },
    { before: undefined, after: "1" },
    { before: "rubbish", after: "2" },
    { before: "rubbish", after: "rubbish" },
  ])("may go from $before to $after", ({ before, after }) => {
    expect(rule(changed(before, after))).toEqual({ allowed: true });
  });

  it.each([
    { before: "3", after: "2" },
    { before: "3", after: undefined },
    { before: "2", after: "1" },
  ])("does not go down from $before to $after", ({ before, after }) => {
    expect(rule(changed(before, after))).toMatchObject({
      ...{ allowed: false, code: 422 },
      message: expect.stringContaining(`cannot be lowered from ${before}`),
    });
  });

  it("keeps nobody from taking finalizers off a job that is deleted", () => {
    const going = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    expect(rule(changed("3", undefined, going))).toEqual({ allowed: true });
  });
});
