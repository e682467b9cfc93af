import { describe, expect, it } from "@jest/globals";
import { answer, readReview } from "../src/review.ts";

const request = {
  uid: "6e2a",
  operation: "CREATE",
  kind: { group: "devices.kubeedge.io", version: "v1beta1", kind: "Device" },
  object: { spec: {} },
};
const review = (change: object = {}) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: { ...request, ...change },
});

describe("readReview", () => {
  it("returns the request of a well-formed review", () => {
    expect(readReview(review()).uid).toBe("6e2a");
  });

  it.each([
    { id: "B26", when: "null", body: null, code: "NOT_AN_OBJECT" },
    { id: "B26", when: "an array", body: [], code: "NOT_AN_OBJECT" },
    { id: "B26", when: "a number", body: 1, code: "NOT_AN_OBJECT" },
    {
      id: "B30",
      when: "another version",
      body: { ...review(), apiVersion: "admission.k8s.io/v9" },
      code: "BAD_VERSION",
    },
    { id: "B27", when: "no request", body: { ...review(), request: undefined }, code: "NO_REQUEST" },
    { id: "B28", when: "no uid", body: review({ uid: undefined }), code: "BAD_UID" },
    { id: "B29", when: "a uid of 10 KiB", body: review({ uid: "x".repeat(10_240) }), code: "BAD_UID" },
    { id: "S4", when: "an unknown operation", body: review({ operation: "EAT" }), code: "BAD_REQUEST" },
    {
      id: "B32",
      when: "a DELETE without oldObject",
      body: review({ operation: "DELETE" }),
      code: "BAD_REQUEST",
    },
  ])("$id refuses $when with $code", ({ body, code }) => {
    expect(() => readReview(body)).toThrow(expect.objectContaining({ code }));
  });
});

describe("answer", () => {
  it("carries the verdict inside, with code and message of a denial", () => {
    expect(answer("u", { allowed: false, code: 422, message: "no" })).toMatchObject({
      kind: "AdmissionReview",
      response: { uid: "u", allowed: false, status: { code: 422, message: "no" } },
    });
  });

  it("has no status when it allows", () => {
    expect(answer("u", { allowed: true })).toEqual(
      expect.objectContaining({ response: { uid: "u", allowed: true } }),
    );
  });
});
