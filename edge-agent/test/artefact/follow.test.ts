// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { lookup } from "node:dns";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { authorize } from "../../src/artefact/http/authority.ts";
import { parseChallenge } from "../../src/artefact/http/challenge.ts";
import {
  ANY_NETWORK,
  createExchange,
  type Answer,
  type Ask,
  type Exchange,
} from "../../src/artefact/http/exchange.ts";
import { follow, networksBeside } from "../../src/artefact/http/follow.ts";
import { classOf, type AddressClass } from "../../src/artefact/http/hosts.ts";
import { createRegistry } from "../../src/artefact/http/registry.ts";

const signal = new AbortController().signal;

type Scripted = Partial<Pick<Answer, "status" | "headers" | "network">> & { readonly text?: string };

/** Answers by URL, and remembers what it was asked. */
function scripted(answers: Readonly<Record<string, Scripted | ((ask: Ask) => Scripted)>>) {
  const asked: Ask[] = [];
  const exchange: Exchange = (ask) => {
    asked.push(ask);
    const found = answers[ask.url.href] ?? { status: 404 };
    const {
      status = 200,
      headers = {},
      network = "public",
      text = "",
    } = typeof found === "function" ? found(ask) : found;
    const body = new IncomingMessage(new Socket());
    body.push(text);
    body.push(null);
    return Promise.resolve({ url: ask.url, status, headers, network, body });
  };
  return { exchange, asked };
}

const to = (location: string, network: AddressClass = "public"): Scripted => ({
  status: 307,
  headers: { location },
  network,
});

const first = (url: string): Ask => ({
  url: new URL(url),
  headers: { authorization: "Basic secret", accept: "x" },
  networks: ANY_NETWORK,
  signal,
});

describe("redirects of registries", () => {
  it("are followed to another host without the credentials", async () => {
    const { exchange, asked } = scripted({
      "https://r.example/v2/a": to("/v2/b"),
      "https://r.example/v2/b": to("https://blobs.example/b?signature=s"),
      "https://blobs.example/b?signature=s": { text: "blob" },
    });
    expect((await follow(exchange, first("https://r.example/v2/a"))).status).toBe(200);
    expect(asked.map(({ headers }) => headers?.["authorization"])).toEqual([
      "Basic secret",
      "Basic secret",
      undefined,
    ]);
    expect(asked[2]?.headers).toEqual({ accept: "x" });
  });

  it.each<{ what: string; location: string; kind: string }>([
    { what: "to plain HTTP", location: "http://r.example/b", kind: "HOST" },
    { what: "to a file", location: "file:///etc/passwd", kind: "HOST" },
    { what: "to nowhere", location: "https://", kind: "REGISTRY" },
    { what: "in a circle", location: "https://r.example/a", kind: "REGISTRY" },
  ])("are refused $what", async ({ location, kind }) => {
    const { exchange, asked } = scripted({ "https://r.example/a": to(location) });
    await expect(follow(exchange, first("https://r.example/a"))).rejects.toMatchObject({ kind });
    expect(asked.length).toBeLessThanOrEqual(6);
  });

  it.each<{ from: AddressClass; may: readonly AddressClass[] }>([
    { from: "public", may: ["public"] },
    { from: "private", may: ["private", "public"] },
    { from: "loopback", may: ["loopback", "public"] },
    { from: "special", may: ["public"] },
  ])("lead from a host of a $from network to $may alone", async ({ from, may }) => {
    expect([...networksBeside(from)].sort()).toEqual(may);
    const { exchange, asked } = scripted({
      "https://r.example/a": to("https://other.example/b", from),
      "https://other.example/b": {},
    });
    await follow(exchange, first("https://r.example/a"));
    expect([...(asked[1]?.networks ?? [])].sort()).toEqual(may);
  });
});

describe("addresses", () => {
  it.each<[string, AddressClass]>([
    ["8.8.8.8", "public"],
    ["2606:4700::1111", "public"],
    ["10.1.2.3", "private"],
    ["172.31.0.1", "private"],
    ["172.32.0.1", "public"],
    ["192.168.0.1", "private"],
    ["100.64.0.1", "private"],
    ["fd00::1", "private"],
    ["::ffff:10.0.0.1", "private"],
    ["::ffff:a9fe:a9fe", "special"],
    ["127.8.8.8", "loopback"],
    ["::1", "loopback"],
    ["169.254.169.254", "special"],
    ["fe80::1", "special"],
    ["0.0.0.0", "special"],
    ["::", "special"],
    ["224.0.0.1", "special"],
    ["255.255.255.255", "special"],
    ["64:ff9b::a00:1", "special"],
  ])("%s is of a network that is %s", (address, kind) => expect(classOf(address)).toBe(kind));

  const exchange = createExchange({
    insecureHosts: ["plain.example:5000"],
    userAgent: "test",
    lookup: toLinkLocal as unknown as typeof lookup,
  });
  it.each([
    "https://169.254.169.254/latest/meta-data",
    "https://[fe80::1]/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://metadata.example/", // a name that leads there
    "http://plain.example/",
    "http://plain.example:5001/",
    "https://user:password@r.example/",
    "ftp://r.example/",
  ])("%s is asked by nobody, whoever names it", async (url) => {
    const ask = { url: new URL(url), networks: ANY_NETWORK, signal };
    await expect(exchange(ask)).rejects.toMatchObject({ kind: "HOST" });
  });
});

/** A name server that somebody else controls. */
function toLinkLocal(...args: unknown[]): void {
  const callback = args.at(-1) as (error: null, addresses: { address: string; family: number }[]) => void;
  callback(null, [{ address: "169.254.169.254", family: 4 }]);
}

describe("a registry that wants to know who asks", () => {
  const credentials = { username: "u", password: "p" };
  const BASIC = `Basic ${Buffer.from("u:p").toString("base64")}`;
  const bearer = (realm: string): Scripted => ({
    status: 401,
    headers: {
      "www-authenticate": `Bearer realm="${realm}",service="s",scope="repository:a/b:pull,push,delete"`,
    },
  });
  const registryWith = (exchange: Exchange, token?: string) =>
    createRegistry({
      host: "r.example",
      repository: "a/b",
      exchange,
      insecureHosts: [],
      credentials,
      ...(token === undefined ? {} : { token }),
    });
  const MANIFEST = "https://r.example/v2/a/b/manifests/v1";
  const TOKEN = "https://auth.example/token?service=s&scope=repository%3Aa%2Fb%3Apull";

  it("gets a token of its token service, for pulling and nothing more", async () => {
    const { exchange, asked } = scripted({
      [MANIFEST]: ({ headers }) =>
        headers?.["authorization"] === "Bearer t0k" ? { text: "{}" } : bearer("https://auth.example/token"),
      [TOKEN]: ({ headers }) =>
        headers?.["authorization"] === BASIC ? { text: '{"token":"t0k"}' } : { status: 401 },
    });
    const registry = registryWith(exchange);
    await registry.manifest("v1", signal);
    await registry.manifest("v1", signal);
    expect(asked.map(({ url }) => url.href)).toEqual([MANIFEST, TOKEN, MANIFEST, MANIFEST]);
  });

  it.each<{ what: string; answers: Record<string, Scripted>; kind: string }>([
    { what: "without TLS", answers: { [MANIFEST]: bearer("http://auth.example/token") }, kind: "HOST" },
    {
      what: "that says no",
      answers: { [MANIFEST]: bearer("https://auth.example/token"), [TOKEN]: { status: 403 } },
      kind: "DENIED",
    },
    {
      what: "that gives none",
      answers: { [MANIFEST]: bearer("https://auth.example/token"), [TOKEN]: { text: "{}" } },
      kind: "DENIED",
    },
    {
      what: "that gives one with a line break",
      answers: {
        [MANIFEST]: bearer("https://auth.example/token"),
        [TOKEN]: { text: '{"token":"a\\r\\nb: c"}' },
      },
      kind: "DENIED",
    },
    { what: "that is no address", answers: { [MANIFEST]: bearer("nowhere") }, kind: "DENIED" },
  ])("gets no token of a service $what", async ({ answers, kind }) => {
    const { exchange } = scripted(answers);
    await expect(registryWith(exchange).manifest("v1", signal)).rejects.toMatchObject({ kind });
  });

  it("tells another host, to which it was led, nothing", async () => {
    const { exchange, asked } = scripted({
      [MANIFEST]: to("https://evil.example/m"),
      "https://evil.example/m": { status: 401, headers: { "www-authenticate": 'Basic realm="give me"' } },
    });
    await expect(registryWith(exchange).manifest("v1", signal)).rejects.toMatchObject({ kind: "DENIED" });
    expect(asked.map(({ headers }) => headers?.["authorization"])).toEqual([undefined, undefined]);
  });

  it("gets a job's token and no credentials of this node beside it", async () => {
    const { exchange, asked } = scripted({ [MANIFEST]: bearer("https://auth.example/token") });
    await expect(registryWith(exchange, "job").manifest("v1", signal)).rejects.toMatchObject({
      kind: "DENIED",
    });
    expect(asked.map(({ headers }) => headers?.["authorization"])).toEqual(["Bearer job"]);
  });

  it("gets nothing where it wants Basic and there are no credentials", async () => {
    const challenge = { scheme: "basic" } as const;
    const request = {
      challenge,
      repository: "a/b",
      credentials: undefined,
      networks: ANY_NETWORK,
      isSecure: true,
      signal,
    };
    await expect(authorize(scripted({}).exchange, request)).rejects.toMatchObject({ kind: "DENIED" });
  });

  it.each<[string | undefined, unknown]>([
    [undefined, undefined],
    ["Negotiate", undefined],
    ['Basic realm="x"', { scheme: "basic" }],
    ['BEARER realm="https://a/b",service="c"', { scheme: "bearer", realm: "https://a/b", service: "c" }],
    ['Basic realm="x", Bearer realm="https://a/b"', { scheme: "bearer", realm: "https://a/b", service: "" }],
    ['Bearer realm="x', undefined],
  ])("says so with %p", (header, challenge) => expect(parseChallenge(header)).toEqual(challenge));
});
