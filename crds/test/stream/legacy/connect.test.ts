// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { decodeConnect, encodeConnect, readKubeletRequest, StreamError } from "../../../src/stream/index.ts";

/** A request to open, as CloudCore writes it. */
const connect = (url: object = {}, rest: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      MessID: 7,
      url: {
        Scheme: "http",
        Opaque: "",
        User: null,
        Host: "127.0.0.1:10350",
        Path: "/containerLogs/default/web/app",
        RawPath: "",
        OmitHost: false,
        ForceQuery: false,
        RawQuery: "follow=true",
        Fragment: "",
        RawFragment: "",
        ...url,
      },
      header: { "User-Agent": ["kube-apiserver"], "X-Stream-Protocol-Version": ["v5", "v4"] },
      ...rest,
    }),
  );

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StreamError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("the request that opens a stream in KubeEdge's tunnel", () => {
  it("is read from Go's JSON", () => {
    expect(decodeConnect(connect({}, { method: "POST" }))).toEqual({
      method: "POST",
      url: "/containerLogs/default/web/app?follow=true",
      headers: [
        ["User-Agent", "kube-apiserver"],
        ["X-Stream-Protocol-Version", "v5"],
        ["X-Stream-Protocol-Version", "v4"],
      ],
    });
  });

  it("is a GET when no method is said, and needs no header", () => {
    expect(decodeConnect(connect({ RawQuery: "" }, { header: null }))).toEqual({
      method: "GET",
      url: "/containerLogs/default/web/app",
      headers: [],
    });
  });

  it("is written as Go's url.URL and http.Header", () => {
    const written = encodeConnect({
      connection: 7,
      method: "POST",
      path: "/exec/ns/pod/c",
      query: "command=ls",
      headers: [
        ["upgrade", "SPDY/3.1"],
        ["x-stream-protocol-version", "v5"],
        ["x-stream-protocol-version", "v4"],
        ["sec-websocket-key", "k"],
      ],
    });
    expect(written.toString()).toBe(
      '{"MessID":7,"url":{"Scheme":"http","Opaque":"","User":null,"Host":"127.0.0.1:10350",' +
        '"Path":"/exec/ns/pod/c","RawPath":"","OmitHost":false,"ForceQuery":false,"RawQuery":"command=ls",' +
        '"Fragment":"","RawFragment":""},"header":{"Upgrade":["SPDY/3.1"],' +
        '"X-Stream-Protocol-Version":["v5","v4"],"Sec-Websocket-Key":["k"]},"method":"POST"}',
    );
  });

  it("says no method where KubeEdge says none", () => {
    const written = encodeConnect({ connection: 1, path: "/metrics", query: "", headers: [] });
    expect(JSON.parse(written.toString())).not.toHaveProperty("method");
  });

  it.each([
    { Host: "169.254.169.254" },
    { Host: "169.254.169.254", Path: "/stats/summary" },
    { Host: "127.0.0.1.evil.example:10350" },
    { Host: "user@127.0.0.1" },
    { Host: "" },
    { Scheme: "https" },
    { Scheme: "file", Host: "", Path: "/etc/passwd" },
    { Opaque: "//169.254.169.254/" },
  ])("S25 is refused for the URL %j", (url) => {
    expect(codeOf(() => decodeConnect(connect(url)))).toBe("FORBIDDEN");
  });

  it.each([
    ["is no JSON", Buffer.from("{")],
    ["is no object", Buffer.from("[]")],
    ["has no URL", Buffer.from('{"MessID":1}')],
    ["has a path that is no text", connect({ Path: 1 })],
    ["has headers that are no lists", connect({}, { header: { a: "b" } })],
    ["has header values that are no text", connect({}, { header: { a: [1] } })],
    ["has 129 headers", connect({}, { header: { a: Array.from({ length: 129 }, () => "b") } })],
  ])("is refused when it %s", (_what, payload) => {
    expect(codeOf(() => decodeConnect(payload))).toBe("BAD_REQUEST");
  });

  it.each([
    [{ Path: "/containerLogs/default/../../etc" }],
    [{ Path: "/containerLogs/default/a b/c" }],
    [{ Path: "/containerLogs/default/a/b", RawPath: "/containerLogs/default%2Fa/b" }],
    [{ Path: "//169.254.169.254/stats/summary" }],
    [{ Path: "stats/summary" }],
    [{ Path: "/containerLogs/default/a/b?x#y" }],
  ])("S25 leads nowhere with the URL %j", (url) => {
    expect(codeOf(() => readKubeletRequest(decodeConnect(connect(url))))).toBe("BAD_REQUEST");
  });
});
