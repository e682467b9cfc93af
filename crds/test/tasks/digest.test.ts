// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { orderDigest } from "../../src/tasks/v1alpha1/index.ts";

const job = (
  over: { uid?: string; annotations?: Record<string, string>; labels?: object; spec?: object } = {},
) => {
  const { spec = { version: "v1.23.1", concurrency: 1 }, uid = "u", ...metadata } = over;
  return { metadata: { uid, ...metadata }, spec };
};

describe("the digest of an order", () => {
  it("is the same whatever others write on the job, and however it is ordered", () => {
    const digest = orderDigest(job());
    expect(digest).toMatch(/^[0-9a-f]{32}$/);
    expect(
      orderDigest(job({ labels: { a: "b" }, annotations: { note: "x", "longshore.io/attempt": "1" } })),
    ).toBe(digest);
    expect(orderDigest(job({ spec: { concurrency: 1, version: "v1.23.1" } }))).toBe(digest);
  });

  it("is another one for another job, spec, attempt, or state of v1alpha1", () => {
    const digests = [
      orderDigest(job()),
      orderDigest(job({ uid: "other" })),
      orderDigest(job({ spec: { version: "v1.23.2" } })),
      orderDigest(job({ annotations: { "longshore.io/attempt": "2" } })),
      orderDigest(job(), "Checking"),
      orderDigest(job(), "BackingUp"),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });
});
