// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { holdsLogins, loginsFor, registryOf, type LoginSecret } from "../../src/images/index.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const modern = (auths: object): LoginSecret => ({
  data: { ".dockerconfigjson": base64(JSON.stringify({ auths })) },
});
const legacy = (logins: object): LoginSecret => ({ data: { ".dockercfg": base64(JSON.stringify(logins)) } });

describe("pull secrets", () => {
  it.each([
    ["busybox", "docker.io", "busybox"],
    ["library/busybox", "docker.io", "library/busybox"],
    ["localhost/x:1", "localhost", "x:1"],
    ["r.io:5000/a/b@sha256:1", "r.io:5000", "a/b@sha256:1"],
  ])("%s is at %s", (image, host, path) => expect(registryOf(image)).toEqual({ host, path }));

  it("fit by registry and path, the most specific first", () => {
    const all = [
      modern({
        "https://r.io/v1/": { username: "a", password: "1" },
        "r.io/team": { auth: base64("t:x:y") },
        "other.io": { username: "o" },
      }),
    ];
    expect(loginsFor("r.io/team/app:1", all)).toMatchObject([
      { username: "t", password: "x:y" },
      { username: "a", password: "1" },
    ]);
    expect(loginsFor("r.io/teams/app:1", all)).toHaveLength(1);
  });

  it.each([
    ["busybox", "https://index.docker.io/v1/"],
    ["library/busybox:1", "docker.io"],
    ["docker.io/library/busybox", "registry-1.docker.io"],
    ["r.io/team/app:1", "r.io/team/app"],
    ["r.io/team/app@sha256:1", "https://r.io/team/app/"],
    ["a.r.io/app", "*.r.io"],
    ["eu-west.r.io/app", "eu-*t.r.io"],
    ["127.0.0.1:5000/app", "http://127.0.0.1:5000"],
    ["[::1]:5000/app", "[::1]:5000"],
  ])("for %s the login of %s is taken, in both forms", (image, key) => {
    const logins = { [key]: { username: "u", password: "p" } };
    for (const secret of [modern(logins), legacy(logins)])
      expect(loginsFor(image, [secret])).toEqual([{ username: "u", password: "p", identityToken: "" }]);
  });

  it.each([
    ["r.io/app", "r.io:5000"],
    ["r.io:5000/app", "r.io"],
    ["a.b.r.io/app", "*.r.io"],
    ["evil-r.io/app", "r.io"],
    ["r.io.evil.com/app", "r.io"],
    ["[::2]:5000/app", "[::1]:5000"],
    ["busybox", "r.io"],
    ["aa.r.io/app", "a*aa.r.io"],
  ])("for %s the login of %s stays here", (image, key) =>
    expect(loginsFor(image, [modern({ [key]: { username: "u", password: "p" } })])).toEqual([]),
  );

  it("compares a host with a hostile pattern in linear time", () => {
    const [pattern, host] = [`${"*a".repeat(2_000)}.io`, `${"a".repeat(1_999)}b.io`];
    const started = performance.now();
    expect(loginsFor(`${host}/app`, [modern({ [pattern]: {} })])).toEqual([]);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it.each<[string, LoginSecret]>([
    ["no JSON", { data: { ".dockerconfigjson": "%%%" } }],
    ["no data", {}],
    ["a list", { data: { ".dockerconfigjson": base64("[1]") } }],
    ["logins at the root of the newer form", { data: { ".dockerconfigjson": base64(`{"username":"u"}`) } }],
    ["a login that is a text", { data: { ".dockercfg": base64(`{"docker.io":"u"}`) } }],
  ])("with %s give no login", (_what, secret) => expect(loginsFor("busybox", [secret])).toEqual([]));

  it("tell whether they hold any login", () =>
    expect([modern({}), {}, modern({ "r.io": {} })].map(holdsLogins)).toEqual([false, false, true]));
});
