// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { hostOf, referenceOf, textOf } from "../../src/artefact/image/reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe("the name of a package's image", () => {
  it.each([
    ["", "docker.io/kubeedge/installation-package:v1.24.0"],
    ["kubeedge/installation-package", "docker.io/kubeedge/installation-package:v1.24.0"],
    ["docker.io/busybox", "docker.io/library/busybox:v1.24.0"],
    ["index.docker.io/a/b", "docker.io/a/b:v1.24.0"],
    ["registry.example/a", "registry.example/a:v1.24.0"],
    ["127.0.0.1:5000/edge/package", "127.0.0.1:5000/edge/package:v1.24.0"],
    ["localhost/edge", "localhost/edge:v1.24.0"],
    ["registry.example:5000/a/b:v1.0.0", "registry.example:5000/a/b:v1.24.0"],
    [`registry.example/a@${DIGEST}`, `registry.example/a@${DIGEST}`],
  ])("%p means %s", (image, whole) => expect(textOf(referenceOf(image, "v1.24.0"))).toBe(whole));

  it.each([
    "a/b$(id)",
    "A/b",
    "registry.example/A",
    "registry.example:99999999/a",
    "registry.example/a/../b",
    "https://registry.example/a",
    "a/b@sha256:12",
    "a//b",
    "just-one",
  ])("S9 %p is none", (image) =>
    expect(() => referenceOf(image, "v1.24.0")).toThrow(expect.objectContaining({ kind: "REFERENCE" })),
  );

  it.each(["v1.0.0;touch /tmp/p", "1.0.0", "", "../v1.0.0", "latest"])("S9 %p is no version", (version) =>
    expect(() => referenceOf("a/b", version)).toThrow(expect.objectContaining({ kind: "REFERENCE" })),
  );

  it.each([
    ["registry.example:5000", "registry.example:5000"],
    ["https://registry.example/", "registry.example"],
    ["index.docker.io", "docker.io"],
  ])("%p names the host %s for its API", (text, host) => expect(hostOf(text)).toBe(host));

  it.each(["http://registry.example", "registry.example/v2", "u:p@registry.example", "a b", ""])(
    "%p names no host",
    (text) => expect(() => hostOf(text)).toThrow(expect.objectContaining({ kind: "REFERENCE" })),
  );
});
