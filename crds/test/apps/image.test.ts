// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { changedImage } from "../../src/apps/v1alpha1/render/overriders/image.ts";
import { imageText, parseImage } from "../../src/apps/v1alpha1/render/overriders/image-name.ts";

const SHA = `sha256:${"ab".repeat(32)}`;

describe("names of images", () => {
  it.each([
    ["nginx", "", "nginx", "", ""],
    ["nginx:1.25", "", "nginx", "1.25", ""],
    ["library/nginx", "", "library/nginx", "", ""],
    ["localhost/nginx", "localhost", "nginx", "", ""],
    ["hub.example:5000/a/b_c__d-e.f:v1", "hub.example:5000", "a/b_c__d-e.f", "v1", ""],
    ["[::1]:5000/nginx", "[::1]:5000", "nginx", "", ""],
    [`docker.io/nginx@${SHA}`, "docker.io", "nginx", "", SHA],
    [`docker.io/nginx:1@${SHA}`, "docker.io", "nginx", "1", SHA],
  ])("%s has its parts", (image, registry, repository, tag, digest) => {
    expect(parseImage(image)).toEqual({ registry, repository, tag, digest });
  });

  it.each([
    "",
    ":1",
    "Nginx",
    "nginx:",
    "nginx@",
    "nginx@sha256:12",
    "a//b",
    "docker.io/",
    "nginx:a b",
    "-a",
    "a".repeat(256),
  ])("%j is none", (image) => {
    expect(parseImage(image)).toBeUndefined();
  });

  it("gives back what was read", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9./:@_-]{1,60}$/), (image) => {
        const name = parseImage(image);
        if (name !== undefined) expect(imageText(name)).toBe(image);
      }),
    );
  });
});

describe("changes of images", () => {
  const change = (image: string, component: string, operator: string, value?: string): string =>
    changedImage(image, { component, operator, ...(value !== undefined && { value }) } as never, "f");

  it.each<[string, string, string, string | undefined, string]>([
    ["nginx", "Registry", "replace", "r.io", "r.io/nginx"],
    ["nginx", "Registry", "add", "r.io", "r.io/nginx"],
    ["r.io/nginx", "Registry", "add", ":5000", "r.io:5000/nginx"],
    ["r.io/nginx", "Registry", "remove", undefined, "nginx"],
    ["nginx", "Registry", "remove", undefined, "nginx"],
    ["nginx:1", "Repository", "add", "/arm", "nginx/arm:1"],
    ["nginx:1", "Tag", "replace", SHA, `nginx@${SHA}`],
    [`nginx@${SHA}`, "Tag", "replace", "2", "nginx:2"],
    [`nginx@${SHA}`, "Tag", "remove", undefined, "nginx"],
    [`nginx@${SHA}`, "Tag", "add", "-x", `nginx@${SHA}`],
    ["nginx", "Tag", "add", "-x", "nginx"],
    ["nginx", "Tag", "add", "x", "nginx:x"],
    ["nginx:1", "Tag", "add", undefined, "nginx:1"],
    [`nginx:1@${SHA}`, "Registry", "replace", "r.io", `r.io/nginx:1@${SHA}`],
    [`nginx:1@${SHA}`, "Tag", "replace", "2", "nginx:2"],
    [`nginx:1@${SHA}`, "Tag", "remove", undefined, `nginx@${SHA}`],
  ])("%s with %s %s %s becomes %5$s", (image, component, operator, value, want) => {
    expect(change(image, component, operator, value)).toBe(want);
  });

  it.each<[string, string, string, string | undefined, string]>([
    ["nginx", "Repository", "remove", undefined, 'f.value: makes ""'],
    ["nginx", "Tag", "replace", "a b", 'f.value: makes "a b", which is neither tag nor digest'],
    ["nginx", "Registry", "replace", "r.io/x:", "which is no image's name"],
    ["nginx", "Repository", "replace", "Nginx", "which is no image's name"],
    ["Nginx", "Tag", "replace", "1", 'cannot change "Nginx"'],
    ["nginx", "Name", "replace", "1", 'f.component: is "Name"'],
    ["nginx", "Tag", "delete", "1", 'f.operator: is "delete"'],
  ])("%s with %s %s %s is a fault", (image, component, operator, value, message) => {
    expect(() => change(image, component, operator, value)).toThrow(message);
  });
});
