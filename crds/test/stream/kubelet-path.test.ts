// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  headerPairs,
  kubeletUrl,
  readKubeletRequest,
  READS,
  StreamError,
  type KubeletCall,
  type StreamRequest,
} from "../../src/stream/index.ts";

type Headers = readonly (readonly [string, string])[];
const SPDY: Headers = [
  ["Connection", "Upgrade"],
  ["Upgrade", "SPDY/3.1"],
  ["X-Stream-Protocol-Version", "v4.channel.k8s.io"],
];
const KEPT = SPDY.map(([name, value]) => [name.toLowerCase(), value]);

const get = (url: string, headers: Headers = []): KubeletCall =>
  readKubeletRequest({ method: "GET", url, headers });
const post = (url: string, headers: Headers = SPDY): KubeletCall =>
  readKubeletRequest({ method: "POST", url, headers });

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof StreamError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("readKubeletRequest", () => {
  it.each([
    ["", {}],
    ["?follow=true&tailLines=10&timestamps=1", { follow: true, tailLines: 10, timestamps: true }],
    ["?follow=false&previous=0&follow=true", { follow: false, previous: false }],
    ["?follow", { follow: true }],
    ["?tailLines=&limitBytes=5&stream=All", { limitBytes: 5 }],
    ["?stream=Stderr&insecureSkipTLSVerifyBackend=true", { stream: "stderr" }],
    ["?sinceTime=2026-01-01T00%3A00%3A00%2B02%3A00", { sinceTime: "2026-01-01T00:00:00+02:00" }],
    ["?sinceSeconds=60", { sinceSeconds: 60 }],
  ])("reads logs with %p", (query, options) => {
    expect(get(`/containerLogs/ns/pod.x/c${query}`)).toEqual({
      request: { verb: "logs", namespace: "ns", pod: "pod.x", uid: "", container: "c", options },
    });
  });

  it.each(["tailLines=-1", "sinceSeconds=1000000000000000000", "tailLines=x", "tailLines=1e3", "stream=x"])(
    "B149 refuses logs with %s",
    (query) => {
      expect(codeOf(() => get(`/containerLogs/ns/pod/c?${query}`))).toBe("BAD_REQUEST");
    },
  );

  it("reads exec with its command word for word", () => {
    const url =
      "/exec/ns/pod/c?command=sh&command=-c&command=%3Bid+a%2Bb%26%C3%A4&input=1&output=1&tty=1&error=1";
    expect(post(url)).toEqual({
      request: {
        verb: "exec",
        namespace: "ns",
        pod: "pod",
        uid: "",
        container: "c",
        command: ["sh", "-c", ";id a+b&ä"],
        stdin: true,
        stdout: true,
        stderr: false,
        tty: true,
        upgrade: { method: "POST", headers: KEPT },
      },
    });
  });

  it("reads attach with the uid of its pod, and flags by their other names", () => {
    expect(post("/attach/ns/pod/u-1/c?stdin=true&stderr=1&stdout=0").request).toMatchObject({
      verb: "attach",
      uid: "u-1",
      container: "c",
      stdin: true,
      stdout: false,
      stderr: true,
      tty: false,
    });
  });

  it.each([
    ["/portForward/ns/pod", "", []],
    ["/portForward/ns/pod?port=80&port=81,82", "", [80, 81, 82]],
    ["/portForward/ns/pod/u-1?port=80", "u-1", [80]],
  ])("reads %s", (url, uid, ports) => {
    expect(post(url).request).toMatchObject({ verb: "portForward", pod: "pod", uid, ports });
  });

  it.each(READS.flatMap((what) => [`/${what}`, `/${what}/`, `/${what}?only_cpu_and_memory=true`]))(
    "reads %s",
    (url) => {
      expect(get(url).request).toMatchObject({ verb: "read" });
    },
  );

  it("takes the node from the path or from the API server's proxy", () => {
    const via = (uri: string): Headers => [["X-Forwarded-Uri", uri]];
    expect(get("/nodes/edge-1.x/stats/summary").node).toBe("edge-1.x");
    expect(get("/stats/summary", via("/api/v1/nodes/edge-1/proxy/stats/summary")).node).toBe("edge-1");
    expect(get("/pods", via("/api/v1/nodes/https:edge-1:10250/proxy/pods")).node).toBe("edge-1");
    expect(get("/nodes/a/pods", via("/api/v1/nodes/a/proxy/nodes/a/pods")).node).toBe("a");
    expect(get("/pods").node).toBeUndefined();
  });

  it("refuses a path that leaves the node whose proxy was allowed", () => {
    const headers: Headers = [["X-Forwarded-Uri", "/api/v1/nodes/a/proxy/nodes/b/pods"]];
    expect(codeOf(() => get("/nodes/b/pods", headers))).toBe("FORBIDDEN");
  });

  it("does not believe X-Forwarded-Uri on an upgrade, where the user may have sent it", () => {
    const headers: Headers = [...SPDY, ["X-Forwarded-Uri", "/api/v1/nodes/a/proxy/x"]];
    expect(post("/exec/ns/pod/c?command=ls&output=1", headers).node).toBeUndefined();
  });

  it.each([
    { connection: "Upgrade", more: [] },
    { connection: "keep-alive, xUPGRADEx", more: [] },
    { connection: "Upgrade", more: [["Upgrade", "h2c"]] },
  ] as const)("takes no plain request that the API server's proxy hands on as an upgrade (%j)", (how) => {
    const headers: Headers = [["Connection", how.connection], ...how.more];
    const forged: Headers = [...headers, ["X-Forwarded-Uri", "/api/v1/nodes/a/proxy/x"]];
    const codes = ["/containerLogs/ns/pod/c", "/pods"].flatMap((url) =>
      [headers, forged].map((sent) => codeOf(() => get(url, sent))),
    );
    expect(codes).toEqual(Array(4).fill("BAD_REQUEST"));
  });

  it("leaves out every header that is not the upgrade's", () => {
    const headers: Headers = [...SPDY, ["Authorization", "Bearer x"], ["Cookie", "a"], ["Host", "h"]];
    expect(post("/attach/ns/pod/c?output=1", headers).request).toMatchObject({ upgrade: { headers: KEPT } });
  });

  it.each([
    ["/exec/ns/pod/c?command=ls&output=1", [["Connection", "keep-alive"]]],
    ["/attach/ns/pod/c?output=1", []],
    ["/portForward/ns/pod", [["Upgrade", "SPDY/3.1"]]],
    ["/exec/ns/pod/c?command=ls&output=1", [...SPDY, ["Content-Length", "10"]]],
    ["/exec/ns/pod/c?command=ls&output=1", [...SPDY, ["Transfer-Encoding", "chunked"]]],
    ["/exec/ns/pod/c?command=ls", SPDY],
    ["/exec/ns/pod/c?output=1", SPDY],
    ["/stats/summary", SPDY],
    ["/containerLogs/ns/pod/c", SPDY],
    ["/healthz", []],
  ] as [string, Headers][])("refuses POST %s with the headers %p", (url, headers) => {
    expect(codeOf(() => post(url, headers))).toBe("BAD_REQUEST");
  });

  it.each([
    "/",
    "/run/ns/pod/c",
    "/exec/ns/pod",
    "/exec/ns/pod/u/c/x",
    "/containerLogs/ns/pod/u/c",
    "/stats/summary/x",
    "/stats",
    "/nodes",
    "/nodes/a",
    "/constructor/a/b/c",
  ])("knows nothing under %s", (url) => {
    expect(["NOT_FOUND", "BAD_REQUEST"]).toContain(codeOf(() => get(url)));
    if (url !== "/") expect(codeOf(() => get(url))).toBe("NOT_FOUND");
  });

  it.each([
    "http://169.254.169.254/stats/summary",
    "//169.254.169.254/stats/summary",
    "stats/summary",
    "",
    "*",
    "/containerLogs/ns/a%2Fb/c",
    "/containerLogs/ns/a%5Cb/c",
    "/containerLogs/ns/%2e%2e/c",
    "/containerLogs/../pod/c",
    "/containerLogs/./pod/c",
    "/containerLogs//pod/c",
    "/containerLogs/ns/pod/%zz",
    "/containerLogs/ns/pod/%ff",
    "/containerLogs/ns/pod/c%00",
    "/containerLogs/ns/%2570od/c",
    "/containerLogs/ns/pod/c#x",
    "/nodes/a%20b/pods",
    "/containerLogs/ns/pod/c?stream=%zz",
    `/containerLogs/ns/pod/c?x=${"a".repeat(200_000)}`,
    `/containerLogs/ns/pod/c?${"&".repeat(2_000)}`,
  ])("S25 refuses %.60s", (url) => {
    expect(codeOf(() => get(url))).toBe("BAD_REQUEST");
  });

  it("decodes once", () => {
    expect(post("/exec/ns/p%6Fd/c?command=%2541&output=1").request).toMatchObject({
      pod: "pod",
      command: ["%41"],
    });
  });
});

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const pod = { namespace: label, pod: label, uid: fc.constantFrom("", "u-1", "0:A._-") };
const upgrade = fc.constant({ method: "POST" as const, headers: KEPT as [string, string][] });
const streams = fc
  .record({ stdin: fc.boolean(), stdout: fc.boolean(), stderr: fc.boolean(), tty: fc.boolean() })
  .filter(({ stdin, stdout, stderr, tty }) => (stdin || stdout || stderr) && !(tty && stderr));
const text = fc
  .string({ unit: "grapheme" })
  .filter((arg) => !arg.includes("\0") && !/\p{Surrogate}/u.test(arg));
const options = fc.record(
  {
    follow: fc.constant(true),
    previous: fc.constant(true),
    timestamps: fc.constant(true),
    tailLines: fc.nat(),
    sinceTime: fc.constant("2026-01-01T00:00:00.5+02:00"),
    limitBytes: fc.integer({ min: 1 }),
    stream: fc.constantFrom("stdout" as const, "stderr" as const),
  },
  { requiredKeys: [] },
);
const request: fc.Arbitrary<StreamRequest> = fc.oneof(
  fc.record({ verb: fc.constant("logs" as const), ...pod, uid: fc.constant(""), container: label, options }),
  fc
    .tuple(
      fc.record({
        verb: fc.constant("exec" as const),
        ...pod,
        container: label,
        command: fc.array(text, { minLength: 1 }),
        upgrade,
      }),
      streams,
    )
    .map(([exec, flags]) => ({ ...exec, ...flags })),
  fc
    .tuple(fc.record({ verb: fc.constant("attach" as const), ...pod, container: label, upgrade }), streams)
    .map(([attach, flags]) => ({ ...attach, ...flags })),
  fc.record({
    verb: fc.constant("portForward" as const),
    ...pod,
    ports: fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 64 }),
    upgrade,
  }),
  fc.record({ verb: fc.constant("read" as const), what: fc.constantFrom(...READS) }),
);

describe("kubeletUrl", () => {
  it("says what readKubeletRequest reads back, of every request", () => {
    fc.assert(
      fc.property(request, (asked) => {
        const { method, path, query } = kubeletUrl(asked);
        const headers = "upgrade" in asked ? SPDY : [];
        expect(
          readKubeletRequest({ method, url: query === "" ? path : `${path}?${query}`, headers }),
        ).toEqual({
          request: asked,
        });
      }),
    );
  });

  it("is what a kubelet expects", () => {
    const target = { namespace: "ns", pod: "p", uid: "u", container: "c" };
    const logs = {
      verb: "logs",
      ...target,
      options: { follow: true, tailLines: 1, stream: "stdout" },
    } as const;
    expect(kubeletUrl(logs)).toEqual({
      method: "GET",
      path: "/containerLogs/ns/p/c",
      query: "follow=true&tailLines=1&stream=Stdout",
    });
    const exec: StreamRequest = {
      verb: "exec",
      ...target,
      command: ["a b", "+"],
      stdin: true,
      stdout: true,
      stderr: false,
      tty: true,
      upgrade: { method: "POST", headers: [] },
    };
    expect(kubeletUrl(exec)).toEqual({
      method: "POST",
      path: "/exec/ns/p/u/c",
      query: "input=1&output=1&tty=1&command=a+b&command=%2B",
    });
  });
});

it("makes pairs of raw headers", () => {
  expect(headerPairs(["A", "1", "a", "2"])).toEqual([
    ["A", "1"],
    ["a", "2"],
  ]);
});
