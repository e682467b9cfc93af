// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { callerOf, type CallerFacts } from "../../src/stream/trust/index.ts";
import { createTestCa, SERVER_AUTH, type Identity } from "../hub/support/pki.ts";
import { createChain } from "./support/chain.ts";
import { API_SERVER, createRig, nextText, readAll, Rig, testPki, until, type Pki } from "./support/rig.ts";

const DAY_MS = 86_400_000;
const CLIENT = "1.3.6.1.5.5.7.3.2";
const names = { apiServerNames: [API_SERVER], scraperNames: ["prometheus"] };

describe("callerOf", () => {
  const facts = (changes: Partial<CallerFacts>): CallerFacts => ({
    commonNames: [API_SERVER],
    organizations: [],
    usages: [CLIENT],
    isOfCluster: true,
    isOfHubs: false,
    lifeMs: DAY_MS,
    notAfterMs: 7,
    ...changes,
  });
  const ofHubs = { isOfCluster: false, isOfHubs: true };
  const hub = { ...ofHubs, commonNames: ["hub-1"], organizations: ["longshore:hubs"] };

  it.each<{ when: string; changes: Partial<CallerFacts>; want: object }>([
    { when: "the API server", changes: {}, want: { kind: "api-server", name: API_SERVER, notAfterMs: 7 } },
    {
      when: "the API server, restricted to nothing",
      changes: { usages: undefined },
      want: { kind: "api-server" },
    },
    { when: "a scraper", changes: { commonNames: ["prometheus"] }, want: { kind: "scraper" } },
    { when: "a hub", changes: hub, want: { kind: "hub", name: "hub-1" } },
    { when: "the API server's name from the hubs' CA", changes: ofHubs, want: { reason: "unknown" } },
    {
      when: "a scraper's name from the hubs' CA",
      changes: { ...ofHubs, commonNames: ["prometheus"] },
      want: { reason: "unknown" },
    },
    {
      when: "a hub's name from the cluster's CA",
      changes: { ...hub, isOfHubs: false, isOfCluster: true },
      want: { reason: "unknown" },
    },
    {
      when: "a hub that is a node too",
      changes: { ...hub, organizations: ["longshore:hubs", "system:nodes"] },
      want: { reason: "unknown" },
    },
    { when: "a hub for a year", changes: { ...hub, lifeMs: 365 * DAY_MS }, want: { reason: "unknown" } },
    { when: "a hub without a purpose", changes: { ...hub, usages: undefined }, want: { reason: "unknown" } },
    {
      when: "a node",
      changes: { ...hub, organizations: ["system:nodes"], commonNames: ["system:node:n1"] },
      want: { reason: "unknown" },
    },
    {
      when: "another user of the cluster",
      changes: { commonNames: ["kubernetes-admin"], organizations: ["system:masters"] },
      want: { reason: "unknown" },
    },
    { when: "two names", changes: { commonNames: ["x", API_SERVER] }, want: { reason: "common_name" } },
    { when: "no name", changes: { commonNames: [] }, want: { reason: "common_name" } },
    { when: "a server's certificate", changes: { usages: ["1.3.6.1.5.5.7.3.1"] }, want: { reason: "usage" } },
  ])("knows $when", ({ changes, want }) => {
    expect(callerOf(facts(changes), names)).toMatchObject(want);
  });
});

describe("who is let in", () => {
  let rig: Rig;
  afterEach(() => rig.stop());

  const REQUEST =
    "POST /exec/default/web/main?command=id&output=1 HTTP/1.1\r\nHost: x\r\n" +
    "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n";

  const outsiders: { who: string; make: (pki: Pki) => Promise<Partial<Identity>> }[] = [
    { who: "nobody (no certificate)", make: () => Promise.resolve({}) },
    {
      who: "a stranger's CA",
      make: async () => await (await createTestCa("CN=else")).issue({ subject: `CN=${API_SERVER}` }),
    },
    {
      who: "a stranger's CA with the cluster's name",
      make: async () => await (await createTestCa("CN=kubernetes")).issue({ subject: `CN=${API_SERVER}` }),
    },
    { who: "a node", make: ({ hubCa }) => hubCa.edge("n1") },
    {
      who: "the API server's name by the hubs' CA",
      make: ({ hubCa }) => hubCa.issue({ subject: `CN=${API_SERVER}` }),
    },
    {
      who: "a hub's name by the cluster's CA",
      make: ({ clusterCa }) => clusterCa.issue({ subject: "O=longshore:hubs, CN=hub-1" }),
    },
    {
      who: "a node whom a CloudCore gave a hub's name, for the time of a node",
      make: ({ hubCa }) => hubCa.issue({ subject: "O=longshore:hubs, CN=hub-1" }),
    },
    {
      who: "a user of the cluster",
      make: ({ clusterCa }) => clusterCa.issue({ subject: "O=system:masters, CN=admin" }),
    },
    {
      who: "the API server, expired",
      make: ({ clusterCa }) =>
        clusterCa.issue({ subject: `CN=${API_SERVER}`, notAfter: new Date(Date.now() - 1000) }),
    },
    {
      who: "the API server with a server's certificate",
      make: ({ clusterCa }) => clusterCa.issue({ subject: `CN=${API_SERVER}`, usage: SERVER_AUTH }),
    },
  ];
  it.each(outsiders)("S18 refuses $who before a byte of HTTP, and opens nothing", async ({ make }) => {
    const seen: object[] = [];
    const note = (fields: object): number => seen.push(fields);
    rig = await createRig({
      deps: {
        log: {
          debug: note,
          info: note,
          warn: note,
          error: note,
          child: () => {
            throw new Error("no");
          },
        },
      },
    });
    rig.cluster.pod("web", "n1");
    const node = rig.hub.node("n1");
    const socket = await rig.dial({
      identity: { cert: undefined, key: undefined, ...(await make(rig.pki)) } as object,
    });
    const failed = new Promise<string>((resolve) => {
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      socket.once("close", () => resolve("closed"));
    });
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("end", () => socket.destroy());
    socket.write(REQUEST);
    await failed;
    expect(answer).toBe("");
    await until(
      async () =>
        (await rig.hub.metric("edge_reject_total", { surface: "stream" })) +
          Number(seen.some((fields) => "code" in fields)) >
        0,
    );
    expect(node.asked).toHaveLength(0);
    expect(await rig.hub.metric("longshore_stream_opens_total")).toBe(0);
    expect(rig.cluster.calls.some(({ kind }) => kind === "Pod")).toBe(false);
  });

  it("S18 ends TLS with an alert when there is no certificate", async () => {
    rig = await createRig();
    const socket = await rig.dial({ identity: { cert: undefined, key: undefined } as object });
    const [code] = await new Promise<[string]>((resolve) =>
      socket.once("error", (error: NodeJS.ErrnoException) => resolve([error.code ?? ""])),
    );
    expect(code).toBe("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
    await until(
      async () => (await rig.hub.metric("edge_reject_total", { surface: "stream", reason: "tls" })) === 1,
    );
  });

  it("lets a scraper read figures, and nothing else", async () => {
    rig = await createRig({ options: { scraperNames: ["prometheus"] } });
    rig.cluster.pod("web", "n1");
    const node = rig.hub.node("n1");
    const identity = await rig.pki.clusterCa.issue({ subject: "CN=prometheus" });
    for (const what of ["metrics", "metrics/resource", "metrics/cadvisor", "stats/summary", "healthz"]) {
      const got = rig.get(`/nodes/n1/${what}`, { identity });
      (await node.next()).accept().end("1");
      expect(await got).toMatchObject({ status: 200, text: "1" });
    }
    const refused = { status: 403, text: "this client may read figures only" };
    expect(await rig.get("/nodes/n1/pods", { identity })).toMatchObject(refused);
    expect(await rig.get("/containerLogs/default/web/main", { identity })).toMatchObject(refused);
    const exec = await rig.upgrade("/exec/default/web/main?command=id&output=1", { identity });
    expect(await readAll(exec)).toMatch(/^HTTP\/1\.1 403 /);
    expect(node.asked).toHaveLength(0);
  });

  it("lets a hub open streams of its own, and nothing else; and nobody else those", async () => {
    rig = await createRig();
    rig.cluster.pod("web", "n1");
    rig.hub.node("n1");
    expect(await rig.get("/nodes/n1/metrics", { identity: rig.pki.peer })).toMatchObject({ status: 403 });
    const exec = await rig.upgrade("/exec/default/web/main?command=id&output=1", { identity: rig.pki.peer });
    expect(await readAll(exec)).toMatch(/^HTTP\/1\.1 403 /);
    const key = Buffer.from("0123456789abcdef").toString("base64");
    const join =
      "GET /longshore/streams HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
    const apiServer = await rig.dial();
    apiServer.write(join);
    expect(await readAll(apiServer)).toMatch(/^HTTP\/1\.1 404 /);
    const hub = await rig.dial({ identity: rig.pki.peer });
    hub.write(join);
    expect(await nextText(hub)).toMatch(/^HTTP\/1\.1 101 /);
  });

  it("takes an API server below an intermediate CA that the bundle has", async () => {
    rig = new Rig(await testPki());
    const { root, intermediate, leaf } = await createChain(API_SERVER);
    rig.cluster.clientCa(`${root}\n${intermediate}`);
    await rig.add({});
    expect(await rig.get("/healthz", { identity: leaf })).toMatchObject({ status: 200 });
    const cert = `${leaf.cert}\n${intermediate}\n`;
    expect(await rig.get("/healthz", { identity: { ...leaf, cert } })).toMatchObject({ status: 200 });
  });

  it("resumes no session, so that each connection presents its certificate", async () => {
    rig = await createRig();
    let session: Buffer | undefined;
    const talk = async (identity: object): Promise<boolean> => {
      const socket = await rig.dial({ identity });
      socket.on("session", (offered: Buffer) => (session = offered));
      socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 /);
      return socket.isSessionReused();
    };
    await talk(rig.pki.apiServer);
    expect(await talk({ ...rig.pki.apiServer, session })).toBe(false);
  });
});
