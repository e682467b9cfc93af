// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { loginsFor, registryOf } from "../../../src/pods/images/credentials.ts";
import type { DataObject } from "../../../src/pods/model/data.ts";

describe("pull secrets", () => {
  const secret = (auths: object): DataObject => ({
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  it.each([
    ["busybox", "docker.io", "busybox"],
    ["library/busybox", "docker.io", "library/busybox"],
    ["localhost/x:1", "localhost", "x:1"],
    ["r.io:5000/a/b@sha256:1", "r.io:5000", "a/b@sha256:1"],
  ])("%s is at %s", (image, host, path) => expect(registryOf(image)).toEqual({ host, path }));
  it("fit by registry and path, the most specific first", () => {
    const all = [
      secret({
        "https://r.io/v1/": { username: "a", password: "1" },
        "r.io/team": { auth: "xyz" },
        "other.io": { username: "o" },
      }),
    ];
    expect(loginsFor("r.io/team/app:1", all)).toMatchObject([
      { auth: "xyz" },
      { username: "a", password: "1" },
    ]);
    expect(loginsFor("r.io/teams/app:1", all)).toHaveLength(1);
    expect(
      loginsFor("busybox", [secret({ "https://index.docker.io/v1/": { username: "h" } })]),
    ).toMatchObject([{ username: "h" }]);
  });
  it("of garbage give no login", () => {
    expect(loginsFor("busybox", [{ data: { ".dockerconfigjson": "%%%" } }, {}])).toEqual([]);
  });
});
