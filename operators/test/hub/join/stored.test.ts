// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createPrivateKey, generateKeyPairSync, webcrypto, X509Certificate } from "node:crypto";
import { certificateFacts, identify } from "../../../src/hub/auth/index.ts";
import { openAuthority, openTokenKeeper, SecretStore } from "../../../src/hub/join/index.ts";
import { issueNodeCertificate } from "../../../src/hub/join/pki.ts";
import { verifyJwt } from "../../../src/hub/join/token.ts";
import { callerOf } from "../../../src/stream/trust/caller.ts";
import { factsOf } from "../../../src/stream/trust/chain.ts";
import { SECRETS } from "../../../src/hub/uplink/kinds.ts";
import { apiError, FakeClient } from "../uplink/fake-client.ts";
import { BasicConstraintsExtension, ManualClock, X509CertificateGenerator } from "./bench.ts";

const hosts = ["10.0.0.1", "hub.example"];
const open = (client: FakeClient, clock: ManualClock, names = hosts) =>
  openAuthority(new SecretStore(client, "kubeedge"), clock, { hub: "hub-0", hosts: names });
const dataOf = (client: FakeClient, name: string): Record<string, string> =>
  (client.find(SECRETS, { namespace: "kubeedge", name }) as unknown as { data: Record<string, string> }).data;

describe("the authority", () => {
  it("is kept in KubeEdge's Secrets as raw DER and read from there again", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const first = await open(client, clock);
    expect(Object.keys(dataOf(client, "casecret"))).toEqual(["cadata", "cakeydata"]);
    expect(Object.keys(dataOf(client, "cloudcoresecret"))).toEqual(["cloudcoredata", "cloudcorekeydata"]);
    expect(Buffer.from(dataOf(client, "casecret")["cadata"]!, "base64")).toEqual(first.ca.certificate);
    const second = await open(client, clock);
    expect(second.ca).toEqual(first.ca);
    expect(second.tls).toEqual(first.tls);
  });

  it("is one for hubs that start at once", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const hubs = await Promise.all([1, 2, 3, 4].map(() => open(client, clock)));
    expect(new Set(hubs.map(({ ca }) => ca.certificate.toString("hex"))).size).toBe(1);
    expect(new Set(hubs.map(({ tls }) => tls.cert)).size).toBe(1);
  });

  it("has a server certificate for all hosts, short-lived, for servers only", async () => {
    const clock = new ManualClock();
    const { tls, ca } = await open(new FakeClient(), clock);
    const certificate = new X509Certificate(tls.cert);
    expect(certificate.checkIP("10.0.0.1")).toBe("10.0.0.1");
    expect(certificate.checkHost("hub.example")).toBe("hub.example");
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(certificate.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
    expect((Date.parse(certificate.validTo) - clock.wallMs()) / 86_400_000).toBeCloseTo(90, 0);
  });

  it("makes a new server certificate when a host is added, with the same CA", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const first = await open(client, clock);
    const second = await open(client, clock, [...hosts, "10.0.0.2"]);
    expect(second.ca).toEqual(first.ca);
    expect(new X509Certificate(second.tls.cert).checkIP("10.0.0.2")).toBe("10.0.0.2");
    expect((await open(client, clock, hosts)).tls).toEqual(second.tls);
  });

  it("has a client certificate of one day towards other hubs, renewed after two thirds of it", async () => {
    const clock = new ManualClock();
    const authority = await open(new FakeClient(), clock);
    const first = authority.peer();
    const certificate = new X509Certificate(first.cert);
    expect(certificate.subject.split("\n")).toEqual(["O=longshore:hubs", "CN=system:longshore:hub:hub-0"]);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(new X509Certificate(authority.ca.certificate).publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(first.key))).toBe(true);
    expect((Date.parse(certificate.validTo) - clock.wallMs()) / 3_600_000).toBeCloseTo(24, 0);
    clock.advance(15.9 * 3_600_000);
    await authority.refresh();
    expect(authority.peer()).toBe(first);
    clock.advance(0.2 * 3_600_000);
    await authority.refresh();
    expect(authority.peer()).not.toEqual(first);
    expect(Date.parse(new X509Certificate(authority.peer().cert).validTo)).toBeGreaterThan(
      clock.wallMs() + 23 * 3_600_000,
    );
  });

  it("renews it also while the API server is away", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const authority = await open(client, clock);
    const first = authority.peer();
    clock.advance(70 * 86_400_000); // the server's is due too
    client.failures = [apiError(0, "ConnectionFailed")];
    await expect(authority.refresh()).rejects.toThrow();
    expect(authority.peer()).not.toEqual(first);
  });

  it("S19 in part: gives hubs certificates that are no node's, and nodes certificates that are no hub's", async () => {
    const clock = new ManualClock();
    const authority = await open(new FakeClient(), clock);
    const hub = certificateFacts(new X509Certificate(authority.peer().cert).raw);
    const asNode = identify(hub, "hub-0", clock.wallMs(), { allowLegacySubject: true });
    expect(asNode).toMatchObject({ node: undefined, reason: "organization" });
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = publicKey.export({ type: "spki", format: "der" });
    for (const name of ["edge-1", "longshore:hubs"]) {
      const options = { publicKey: spki, nowMs: clock.wallMs(), days: 1 };
      const der = await issueNodeCertificate(authority.ca, name, options);
      const hubs = [new X509Certificate(authority.ca.certificate)];
      const facts = factsOf(new X509Certificate(der), { cluster: [], hubs });
      const names = { apiServerNames: [], scraperNames: [] };
      expect(callerOf(facts, names)).toEqual({ kind: undefined, reason: "unknown" });
    }
    const facts = factsOf(new X509Certificate(authority.peer().cert), {
      cluster: [],
      hubs: [new X509Certificate(authority.ca.certificate)],
    });
    expect(callerOf(facts, { apiServerNames: [], scraperNames: [] })).toMatchObject({ kind: "hub" });
  });

  it("makes a new one in the last third of its life and tells", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const authority = await open(client, clock);
    const told: string[] = [];
    authority.onChange(({ cert }) => void told.push(cert));
    clock.advance(59 * 86_400_000);
    expect(await authority.refresh()).toBe(false);
    clock.advance(2 * 86_400_000);
    client.failures = [apiError(0, "ConnectionFailed")];
    await expect(authority.refresh()).rejects.toMatchObject({ code: 0 });
    expect(told).toEqual([]);
    expect(await authority.refresh()).toBe(true);
    expect(told).toEqual([authority.tls.cert]);
  });

  it.each([
    ["P-384", { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" }],
    [
      "RSA",
      {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: 2048,
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: "SHA-256",
      },
    ],
  ])("takes an operator's own CA with a key of %s", async (_what, algorithm) => {
    const client = new FakeClient();
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const extensions = [new BasicConstraintsExtension(true)];
    const ca = await X509CertificateGenerator.createSelfSigned({
      name: "CN=Own",
      keys,
      signingAlgorithm: algorithm,
      extensions,
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    const data = { cadata: Buffer.from(ca.rawData).toString("base64"), cakeydata: key };
    client.put(SECRETS, { metadata: { name: "casecret", namespace: "kubeedge" }, data });
    const authority = await open(client, new ManualClock());
    const server = new X509Certificate(authority.tls.cert);
    expect(server.verify(new X509Certificate(authority.tls.ca).publicKey)).toBe(true);
    expect(server.issuer).toBe("CN=Own");
  });

  it("refuses to start on a Secret that holds no CA, and never overwrites it", async () => {
    const client = new FakeClient();
    client.put(SECRETS, {
      metadata: { name: "casecret", namespace: "kubeedge" },
      data: { cadata: "eA==", cakeydata: "eA==" },
    });
    await expect(open(client, new ManualClock())).rejects.toThrow("holds no usable CA");
    expect(dataOf(client, "casecret")["cadata"]).toBe("eA==");
  });
});

describe("the stored token", () => {
  const keeperOf = (client: FakeClient, clock: ManualClock, ca = Buffer.from("ca")) =>
    openTokenKeeper(new SecretStore(client, "kubeedge"), ca, clock);
  const stored = (client: FakeClient) =>
    Buffer.from(dataOf(client, "tokensecret")["tokendata"]!, "base64").toString();

  it("is where keadm looks for it: four parts, good for any node, for 24 h", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const keeper = await keeperOf(client, clock);
    const [pin, ...jwt] = stored(client).split(".");
    expect(pin).toMatch(/^[0-9a-f]{64}$/);
    expect(jwt).toHaveLength(3);
    expect(keeper.verify(jwt.join("."), "any")).toMatchObject({ claims: { exp: expect.any(Number) } });
    clock.advance(24 * 3_600_000);
    expect(keeper.verify(jwt.join("."), "any")).toEqual({ fault: "expired" });
  });

  it("is replaced when half of its life is over, and the old one stays good until its end", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const keeper = await keeperOf(client, clock);
    const first = stored(client);
    clock.advance(11 * 3_600_000);
    expect(await keeper.refresh()).toBe(false);
    clock.advance(2 * 3_600_000);
    expect(await keeper.refresh()).toBe(true);
    expect(stored(client)).not.toBe(first);
    expect(keeper.verify(first.split(".").slice(1).join("."), "n")).toHaveProperty("claims");
  });

  it("is one for hubs that start at once, and signed with a key that is no CA key", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    const keepers = await Promise.all([1, 2, 3].map(() => keeperOf(client, clock)));
    const jwt = keepers[0]!.create({ ttlMs: 60_000 }).split(".").slice(1).join(".");
    for (const keeper of keepers) expect(keeper.verify(jwt, "n")).toHaveProperty("claims");
    expect(verifyJwt(jwt, { key: Buffer.from("ca"), node: "n", nowMs: 0 })).toEqual({ fault: "signature" });
  });

  it("of another CA or of KubeEdge is replaced", async () => {
    const [client, clock] = [new FakeClient(), new ManualClock()];
    await keeperOf(client, clock);
    const first = stored(client);
    await keeperOf(client, clock, Buffer.from("another"));
    expect(stored(client).split(".")[0]).not.toBe(first.split(".")[0]);
  });
});
