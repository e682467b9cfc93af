// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isImageReference } from "../../src/images/reference.ts";

const HEX = "0123456789abcdef".repeat(4);

describe("isImageReference", () => {
  it.each([
    "busybox",
    "busybox:1.36",
    "library/busybox",
    "localhost/busybox:dev",
    "localhost:5000/a/b__c/d.e-f---g:T_1.x-y",
    "r.io:5000/a/b@sha256:" + HEX,
    "r.io/a:tag@sha256:" + HEX,
    "Registry/a",
    "[fd00::1]:5000/a",
    "sha256:" + HEX,
    "a/" + "b".repeat(250),
    "r.io",
  ])("takes %p", (image) => expect(isImageReference(image)).toBe(true));

  it.each([
    "",
    " ",
    "busybox ",
    "Busybox",
    "library/Busybox",
    "r.io/Busybox",
    "-x/y.z",
    "a//b",
    "/a",
    "a/",
    "a:",
    "a:b:c",
    "a:-t",
    "a:" + "t".repeat(129),
    "a___b",
    "a..b",
    "-r.io/a",
    "r.io:port/a",
    "a@sha256:12",
    "a@sha256:" + HEX.toUpperCase(),
    "a@md5:" + HEX,
    HEX,
    "a/" + "b".repeat(255),
    "a\nb",
    "a\n",
    "https://r.io/a",
  ])("refuses %p", (image) => expect(isImageReference(image)).toBe(false));

  it("answers at once, whatever it is asked", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5_000 }), (text) => {
        expect(typeof isImageReference(text)).toBe("boolean");
      }),
    );
    const startMs = performance.now();
    for (const part of ["a-", "a.", "a_", "a/", "-", "a:", "["]) isImageReference(part.repeat(290) + "!");
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});
