// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { judgeStreamingUrl } from "../../../src/streams/upgrade/judge-url.ts";

const OWN = new Set(["192.0.2.7", "2001:db8::7"]);
const judge = (url: string) => judgeStreamingUrl(url, (ip) => OWN.has(ip));

describe("the runtime's streaming address", () => {
  it.each([
    ["http://127.0.0.1:43211/exec/abc", { host: "127.0.0.1", port: 43211, path: "/exec/abc" }],
    ["http://127.8.9.1:1/attach/x?y=1", { host: "127.8.9.1", port: 1, path: "/attach/x?y=1" }],
    ["http://[::1]:10010/exec/a", { host: "::1", port: 10010, authority: "[::1]:10010" }],
    ["http://localhost:10010/exec/a", { host: "127.0.0.1", authority: "localhost:10010" }],
    ["http://192.0.2.7:10010/exec/a", { host: "192.0.2.7", authority: "192.0.2.7:10010" }],
    ["http://[2001:db8::7]:10010/exec/a", { host: "2001:db8::7" }],
    ["http://0.0.0.0:10010/exec/a", { host: "127.0.0.1", authority: "0.0.0.0:10010" }],
    ["http://[::]:10010/exec/a", { host: "::1", authority: "[::]:10010" }],
    ["http://127.0.0.1/exec/a", { port: 80, authority: "127.0.0.1" }],
    ["http://127.0.0.1:80/a b\r\nX: y#f", { path: "/a%20bX:%20y" }],
  ])("is taken when it is plain HTTP on this machine: %s", (url, want) => {
    expect(judge(url)).toMatchObject(want);
  });
  it.each([
    ["", "no URL"],
    ["/exec/abc", "no URL"],
    ["127.0.0.1:80/exec", "no URL"],
    ["https://127.0.0.1:10010/exec/a", "only http"],
    ["unix:///run/x.sock", "only http"],
    ["file:///etc/shadow", "only http"],
    ["http://169.254.169.254/latest/meta-data", "another machine"],
    ["http://192.0.2.8:10010/exec/a", "another machine"],
    ["http://127.0.0.1.example.org/exec/a", "host is a name"],
    ["http://metadata/exec/a", "host is a name"],
    ["http://[::ffff:169.254.169.254]:80/", "another machine"],
    ["http://127.0.0.1:80@192.0.2.8/exec/a", "names a user"],
    ["http://u@127.0.0.1:1/exec/a", "names a user"],
    [`http://127.0.0.1/${"x".repeat(2048)}`, "no URL"],
  ])("S25 is refused otherwise: %s", (url, why) => {
    expect(() => judge(url)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
    expect(() => judge(url)).toThrow(why);
  });
});
