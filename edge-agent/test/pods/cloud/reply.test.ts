// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { errorOf, isGone, isOtherUid, objectOf } from "../../../src/pods/cloud/reply.ts";

describe("replies of the cloud", () => {
  const frame = (content: unknown, operation = "response") => ({
    header: { msg_id: "1", timestamp: 0 },
    route: { operation },
    content,
  });
  it.each([
    ["an object", frame({ metadata: {} }), undefined],
    ["ObjectResp without an error", frame({ Object: {}, Err: null }), undefined],
    ["OK", frame("OK"), undefined],
    ["a bare ErrStatus", frame({ ErrStatus: { code: 404 } }), { code: 404 }],
    ["ObjectResp with an error", frame({ Object: null, Err: { ErrStatus: { code: 409 } } }), { code: 409 }],
    [
      "ObjectResp with an error of no shape",
      frame({ Object: null, Err: {} }),
      { message: "refused by the cloud" },
    ],
    ["op error", frame("secret not granted", "error"), { message: "secret not granted" }],
  ])("%s", (_title, reply, want) => expect(errorOf(reply)).toEqual(want));
  it("never takes an error for an object", () => {
    expect(() => objectOf(frame({ ErrStatus: { code: 404 } }), "x")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND" }),
    );
    expect(() => objectOf(frame("no", "error"), "x")).toThrow(expect.objectContaining({ code: "REFUSED" }));
    expect(() => objectOf(frame(["{}"]), "x")).toThrow(expect.objectContaining({ code: "REFUSED" }));
  });
  it("takes a conflict for another uid only when it says so", () => {
    const message = "Precondition failed: UID in precondition: a, UID in object meta: b";
    expect([
      isOtherUid({ code: 409, message }),
      isOtherUid({ code: 409, message: "the pod of that name has another uid" }),
      isOtherUid({ code: 409, message: "the object has been modified; please apply your changes" }),
      isOtherUid({ code: 422, message }),
    ]).toEqual([true, true, false, false]);
  });
  it("knows not found by code, reason or words", () => {
    expect([
      isGone({ code: 404 }),
      isGone({ reason: "NotFound" }),
      isGone({ message: "pods p not found" }),
      isGone({ code: 403 }),
    ]).toEqual([true, true, true, false]);
  });
});
