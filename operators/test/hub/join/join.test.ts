// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createHash, generateKeyPairSync, X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { judgeCsr } from "../../../src/hub/join/csr.ts";
import { JoinError } from "../../../src/hub/join/errors.ts";
import { certificatePem } from "../../../src/hub/join/pki.ts";
import { signJwt } from "../../../src/hub/join/token.ts";
import { NODES, SECRETS } from "../../../src/hub/uplink/kinds.ts";
import { eventually } from "../../runtime/eventually.ts";
import { apiError } from "../uplink/fake-client.ts";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  joinBench,
  makeCsr,
  subject,
  type Ask,
} from "./bench.ts";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const HOUR_MS = 3_600_000;
let bench: Awaited<ReturnType<typeof joinBench>>;

beforeEach(async () => {
  bench = await joinBench();
});
afterEach(() => bench.server.stop());

/** The one refusal so far is counted under its reason, told in one short line, and the next edge gets in. */
async function expectOneRefusal(reason: string): Promise<void> {
  expect(await bench.rejects()).toEqual({ [reason]: 1 });
  const told = bench.lines.filter((line) => line.startsWith("join request refused"));
  expect(told).toHaveLength(1);
  expect(told[0]!.length).toBeLessThan(256);
  expect((await bench.join("neighbour")).status).toBe(200);
}

describe("an edge joins", () => {
  it("with the CA whose hash its token carries", async () => {
    const answer = await bench.ask("/ca.crt");
    expect(answer).toMatchObject({ status: 200, type: "application/octet-stream" });
    const ca = new X509Certificate(answer.body);
    expect(ca.subject).toBe("CN=KubeEdge");
    expect(ca.ca).toBe(true);
    const pin = bench.tokens.create({ ttlMs: 1_000 }).split(".")[0];
    expect(createHash("sha256").update(answer.body).digest("hex")).toBe(pin);
  });

  it("and gets a client certificate of its own name and nothing else", async () => {
    const answer = await bench.join("edge-1");
    expect(answer).toMatchObject({ status: 200, type: "application/octet-stream" });
    const certificate = new X509Certificate(answer.body);
    expect(certificate.subject).toBe("O=system:nodes\nCN=system:node:edge-1");
    expect(certificate.keyUsage).toEqual([CLIENT_AUTH]);
    expect(certificate.subjectAltName).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(certificate.verify(new X509Certificate(bench.authority.ca.certificate).publicKey)).toBe(true);
    const days = (Date.parse(certificate.validTo) - bench.clock.wallMs()) / 86_400_000;
    expect(Math.round(days)).toBe(365);
    expect(bench.issuedByToken).toEqual(["edge-1"]);
  });

  it("not before what the node acked is void", async () => {
    bench.failing.join = true;
    expect(await bench.join("edge-1")).toMatchObject({ status: 503, text: "try again later" });
    bench.failing.join = false;
    expect((await bench.join("edge-1")).status).toBe(200);
  });

  it("with an RSA or P-384 key too", async () => {
    expect((await bench.join("edge-1", (await makeCsr("edge-1", { rsaBits: 2048 })).der)).status).toBe(200);
    const p384 = await makeCsr("edge-1", { curve: "P-384", hash: "SHA-384" });
    expect((await bench.join("edge-1", p384.der)).status).toBe(200);
  });

  it("with a request for exactly the purpose that every node gets", async () => {
    const csr = await makeCsr("edge-1", { extensions: [new ExtendedKeyUsageExtension([CLIENT_AUTH])] });
    expect((await bench.join("edge-1", csr.der, { ExtKeyUsages: "[2]" })).status).toBe(200);
  });

  it("once keadm has heard that its Node does not exist", async () => {
    expect(await bench.ask("/node/edge-1")).toMatchObject({ status: 404, text: "Node not found" });
    bench.client.put(NODES, { metadata: { name: "edge-1" } });
    expect(await bench.ask("/node/edge-1")).toMatchObject({ status: 200, text: "Node found" });
    bench.client.failures = [apiError(0, "ConnectionFailed")];
    expect((await bench.ask("/node/edge-1")).status).toBe(500);
  });
});

describe("a token", () => {
  const ask = async (authorization: string | undefined, node = "edge-1") => {
    const headers = {
      NodeName: node,
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    };
    return bench.ask("/edge.crt", { headers, body: (await makeCsr(node)).der });
  };
  const refused = { status: 401, text: "invalid token" };

  it.each([
    ["none", () => undefined],
    ["empty", () => "Bearer "],
    ["with two spaces", () => `Bearer  ${bench.jwt()}`],
    ["of 10 KiB", () => `Bearer ${"a".repeat(10_240)}`],
    ["with another scheme", () => `Basic ${bench.jwt()}`],
    ["with a bit changed", () => `Bearer ${bench.jwt().slice(0, -2)}AA`],
    ["with something after it", () => `Bearer ${bench.jwt()}.x`],
    ["with its CA hash", () => `Bearer ${bench.tokens.create({ ttlMs: HOUR_MS })}`],
    ["signed with another key", () => `Bearer ${signJwt({ exp: 9e9 }, Buffer.alloc(32))}`],
    ["without a signature", () => `Bearer ${bench.jwt().split(".").slice(0, 2).join(".")}.`],
  ])("B79 %s gets the one answer", async (_what, authorization) => {
    expect(await ask(authorization())).toMatchObject(refused);
    expect(bench.issuedByToken).toEqual([]);
    await expectOneRefusal("token_signature");
  });

  it("B79 is judged as fast whatever is wrong with it: within a millisecond", () => {
    const signed = bench.jwt();
    const wrong = [
      "",
      "x",
      "a".repeat(10_240),
      `${signed.slice(0, -2)}AA`,
      `x${signed}`,
      bench.jwt({ node: "b" }),
    ];
    const medianMs = (token: string): number => {
      const took = Array.from({ length: 201 }, () => {
        const startMs = performance.now();
        bench.tokens.verify(token, "edge-1");
        return performance.now() - startMs;
      });
      return took.toSorted((a, b) => a - b)[100]!;
    };
    const medians = wrong.map(medianMs);
    expect(Math.max(...medians) - Math.min(...medians)).toBeLessThan(1);
  });

  it("B79 with algorithm none gets it too", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    expect(await ask(`Bearer ${part({ alg: "none" })}.${part({ exp: 9e9 })}.`)).toMatchObject(refused);
    await expectOneRefusal("token_signature");
  });

  it("B80 in part: expired gets it too", async () => {
    const jwt = bench.jwt({ ttlMs: 60_000 });
    bench.clock.advance(61_000);
    expect(await ask(`Bearer ${jwt}`)).toMatchObject(refused);
    await expectOneRefusal("token_expired");
  });

  it("B80 S23 in part: of another node gets it too, and its own node gets in", async () => {
    const jwt = bench.jwt({ node: "edge-2" });
    expect(await ask(`Bearer ${jwt}`)).toMatchObject(refused);
    expect((await ask(`Bearer ${jwt}`, "edge-2")).status).toBe(200);
    await expectOneRefusal("token_other_node");
  });

  it("B81 wrong for the 11th time in a minute gets 429; who is right behind that address still gets in", async () => {
    for (let i = 0; i < 10; i++) expect((await ask("Bearer x")).status).toBe(401);
    expect((await ask("Bearer x")).status).toBe(429);
    expect((await bench.join("edge-1")).status).toBe(200);
    bench.clock.advance(60_000);
    expect((await ask("Bearer x")).status).toBe(401);
  });

  it("B82 in the query is refused, and in no log line", async () => {
    const jwt = bench.jwt();
    const answer = await bench.ask(`/edge.crt?token=${jwt}`, {
      headers: { NodeName: "edge-1" },
      body: Buffer.from("x"),
    });
    expect(answer.status).toBe(400);
    await ask(`Bearer ${jwt.slice(0, -4)}AAAA`);
    expect(bench.lines.length).toBeGreaterThan(1);
    expect(bench.lines.join("\n")).not.toContain(jwt.split(".")[1]);
  });
});

describe("a signing request", () => {
  const send = async (der: Buffer, more: Record<string, string> = {}) => bench.join("edge-1", der, more);

  it("B83 that is garbage is 400", async () => {
    const { der } = await makeCsr("edge-1");
    const pem = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END`);
    for (const bad of [
      Buffer.alloc(0),
      Buffer.from("x"),
      pem,
      der.subarray(1),
      der.subarray(0, -1),
      Buffer.from([48, 3, 1, 2, 3]),
    ])
      expect((await send(bad)).status).toBe(400);
  });

  it("B83 that is two is 400", async () => {
    const { der } = await makeCsr("edge-1");
    expect((await send(Buffer.concat([der, der]))).status).toBe(400);
    await expectOneRefusal("csr_malformed");
  });

  it("B83 of 16 KiB and one byte is 413", async () => {
    expect(await send(Buffer.alloc(16 * 1024 + 1))).toMatchObject({ status: 413, text: "body too large" });
    expect((await send(Buffer.alloc(16 * 1024))).status).toBe(400);
  });

  it.each([
    ["RSA-1024", { rsaBits: 1024 }],
    ["P-521", { curve: "P-521", hash: "SHA-512" }],
  ])("B84 with a key of %s is 400", async (_what, wish) => {
    expect((await send((await makeCsr("edge-1", wish)).der)).status).toBe(400);
    await expectOneRefusal("csr_key");
  });

  it.each([
    ["RSA-16384", () => rsa16384Spki()],
    [
      "P-192",
      () =>
        generateKeyPairSync("ec", { namedCurve: "prime192v1" }).publicKey.export({
          type: "spki",
          format: "der",
        }),
    ],
    ["Ed25519", () => generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "der" })],
  ])("B84 with a key of %s is 400 without doing its arithmetic: under 5 ms of CPU", async (_what, spki) => {
    const der = withSpki((await makeCsr("edge-1")).der, spki());
    expect((await send(der)).status).toBe(400);
    const cpuMs = Array.from({ length: 5 }, () => {
      const before = process.cpuUsage();
      expect(() => judgeCsr(der, "edge-1")).toThrow(JoinError);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    });
    expect(Math.min(...cpuMs)).toBeLessThan(5); // the least: the machine does other things too
    await expectOneRefusal("csr_key");
  });

  it.each([
    ["SHA-1", async () => (await makeCsr("edge-1", { hash: "SHA-1" })).der],
    ["MD5", async () => withAlgorithm((await makeCsr("edge-1", { rsaBits: 2048 })).der, MD5_WITH_RSA)],
  ])("B85 signed with %s is 400", async (_what, make) => {
    expect((await send(await make())).status).toBe(400);
    await expectOneRefusal("csr_hash");
  });

  it("B85 S22 without proof of possession is 400", async () => {
    const { der } = await makeCsr("edge-1");
    const spki = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({
      type: "spki",
      format: "der",
    });
    expect((await send(withSpki(der, spki))).status).toBe(400);
    await expectOneRefusal("csr_signature");
  });

  it.each([
    [
      "B86",
      "O=system:masters",
      "csr_organization",
      [{ O: ["system:masters"] }, { CN: ["system:node:edge-1"] }],
    ],
    [
      "B86",
      "a second O",
      "csr_organization",
      [{ O: ["system:nodes"] }, { O: ["system:masters"] }, { CN: ["system:node:edge-1"] }],
    ],
    ["B86", "an OU", "csr_subject", [...subject("edge-1"), { OU: ["x"] }]],
    ["B86 S22", "the CN of another node", "csr_common_name", subject("edge-2")],
    ["B86", "two CNs", "csr_common_name", [...subject("edge-1"), { CN: ["system:node:edge-2"] }]],
    ["B86", "no subject", "csr_common_name", []],
  ])("%s with %s is 403", async (_row, _what, reason, name) => {
    expect((await send((await makeCsr("edge-1", { name })).der)).status).toBe(403);
    expect(bench.issuedByToken).toEqual([]);
    await expectOneRefusal(reason);
  });

  it.each([
    ["a DNS name", () => new SubjectAlternativeNameExtension([{ type: "dns", value: "api" }])],
    ["an address", () => new SubjectAlternativeNameExtension([{ type: "ip", value: "10.0.0.1" }])],
    ["CA:TRUE", () => new BasicConstraintsExtension(true)],
    ["CA:FALSE even", () => new BasicConstraintsExtension(false)],
    ["keyCertSign", () => new KeyUsagesExtension(32)],
    ["serverAuth", () => new ExtendedKeyUsageExtension([SERVER_AUTH])],
    ["clientAuth and serverAuth", () => new ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH])],
  ])("B87 S22 that wishes %s is 403", async (_what, extension) => {
    expect((await send((await makeCsr("edge-1", { extensions: [extension()] })).der)).status).toBe(403);
    await expectOneRefusal("csr_extension");
  });

  it.each([
    ["[1]", 403],
    ["[2,1]", 403],
    ["[0]", 403],
    ["{", 400],
    ["2", 400],
  ])("S22 with the header ExtKeyUsages %s is %s", async (header, status) => {
    expect((await bench.join("edge-1", undefined, { ExtKeyUsages: header })).status).toBe(status);
    await expectOneRefusal("usage");
  });

  it.each([
    ["B90", "."],
    ["B90", ".."],
    ["B90", "a/b"],
    ["B90", "NODE1"],
    ["B90", "127.0.0.1"],
    ["B90", "n".repeat(64)],
    ["B91", "edge-1."],
    ["B91", "Edge-1"],
  ])("%s for the node %j is 400", async (_row, node) => {
    expect((await bench.join(node, (await makeCsr("edge-1")).der)).status).toBe(400);
    await expectOneRefusal("node_name");
  });

  it("S3 costs its sender only: every refusal is counted once, logged once and leaves the listener well", async () => {
    for (const body of [Buffer.from("x"), Buffer.alloc(64 * 1024)]) await send(body);
    expect(await bench.rejected("csr_malformed")).toBe(1);
    expect(await bench.rejected("body_size")).toBe(1);
    expect(bench.lines.filter((line) => line.startsWith("join request refused"))).toHaveLength(2);
    expect(Math.max(...bench.lines.map((line) => line.length))).toBeLessThan(256);
    expect((await bench.join("edge-1")).status).toBe(200);
  });
});

describe("rotation", () => {
  const credential = async (node: string): Promise<Pick<Ask, "cert" | "key">> => {
    const csr = await makeCsr(node);
    const { body } = await bench.join(node, csr.der);
    return { cert: certificatePem(body), key: csr.key };
  };
  const rotate = async (as: Pick<Ask, "cert" | "key">, node: string) =>
    bench.ask("/edge.crt", { ...as, headers: { NodeName: node }, body: (await makeCsr(node)).der });

  it("needs the present certificate and no token, and forgets nothing", async () => {
    const present = await credential("edge-1");
    expect((await rotate(present, "edge-1")).status).toBe(200);
    expect(bench.issuedByToken).toEqual(["edge-1"]);
  });

  it("S22 B86 of A cannot get a certificate of B", async () => {
    const present = await credential("edge-1");
    expect((await rotate(present, "edge-2")).status).toBe(403);
    await expectOneRefusal("certificate");
  });

  it("S22 B86 of A cannot get B into its own", async () => {
    const present = await credential("edge-1");
    const body = (await makeCsr("edge-2")).der;
    const answer = await bench.ask("/edge.crt", { ...present, headers: { NodeName: "edge-1" }, body });
    expect(answer.status).toBe(403);
    await expectOneRefusal("csr_common_name");
  });

  it("B93 in part: for the 6th time in an hour is 429", async () => {
    const present = await credential("edge-1");
    for (let i = 0; i < 5; i++) expect((await rotate(present, "edge-1")).status).toBe(200);
    expect((await rotate(present, "edge-1")).status).toBe(429);
    bench.clock.advance(HOUR_MS);
    expect((await rotate(present, "edge-1")).status).toBe(200);
  });

  it("with a certificate of another CA counts as no certificate", async () => {
    const other = await joinBench();
    try {
      const csr = await makeCsr("edge-1");
      const { body } = await other.join("edge-1", csr.der);
      expect((await rotate({ cert: certificatePem(body), key: csr.key }, "edge-1")).status).toBe(401);
    } finally {
      await other.server.stop();
    }
  });
});

describe("the listener", () => {
  it("speaks TLS 1.3 only, unless the config allows 1.2", async () => {
    const handshake = (port: number): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({
          host: "127.0.0.1",
          port,
          ca: bench.authority.tls.ca,
          maxVersion: "TLSv1.2",
        });
        socket.on("secureConnect", () => {
          resolve(socket.getProtocol() ?? "");
          socket.destroy();
        });
        socket.on("error", () => resolve("refused"));
      });
    expect(await handshake(bench.port)).toBe("refused");
  });

  it("answers other paths and methods without a word more", async () => {
    expect(await bench.ask("/")).toMatchObject({ status: 404, text: "not found" });
    expect(await bench.ask("/node/A%2f..")).toMatchObject({ status: 400, text: "bad node name" });
  });

  it("takes a new server certificate while it runs, and one that nears its end is replaced", async () => {
    const before = bench.authority.tls.cert;
    bench.clock.advance(61 * 86_400_000);
    await eventually(() => expect(bench.authority.tls.cert).not.toBe(before));
    const seen = await new Promise<string>((resolve, reject) => {
      const socket = connect({
        host: "127.0.0.1",
        port: bench.port,
        ca: bench.authority.tls.ca,
        checkServerIdentity: () => undefined,
      });
      socket.on("secureConnect", () => {
        resolve(certificatePem(socket.getPeerCertificate().raw));
        socket.destroy();
      });
      socket.on("error", reject);
    }).catch((error: unknown) => String(error));
    // The manual clock is ahead of the machine's, so the new certificate may not be valid for it yet.
    expect([bench.authority.tls.cert, "Error: certificate is not yet valid"]).toContain(seen);
  });

  it("S23 in part: replaces the stored token after hours without an API server", async () => {
    const token = () => bench.client.find(SECRETS, { namespace: "kubeedge", name: "tokensecret" });
    const first = token()?.metadata.resourceVersion;
    bench.client.failures = Array.from({ length: 1_000 }, () => apiError(0, "ConnectionFailed"));
    for (let passedMs = 0; passedMs < 14 * HOUR_MS; passedMs += 600_000) {
      bench.clock.advance(600_000);
      await new Promise(setImmediate);
    }
    expect(token()?.metadata.resourceVersion).toBe(first);
    bench.client.failures = [];
    for (let i = 0; i < 50 && token()?.metadata.resourceVersion === first; i++) {
      bench.clock.advance(30_000);
      await new Promise(setImmediate);
    }
    expect(token()?.metadata.resourceVersion).not.toBe(first);
  });
});

/** A request with another public key in it; its signature does not fit any more. */
function withSpki(der: Buffer, spki: Buffer): Buffer {
  const [info, algorithm, signature] = children(der);
  const [version, name, , attributes] = children(info!);
  return sequence(sequence(version!, name!, spki, attributes!), algorithm!, signature!);
}

/** A request that claims another signature algorithm. */
function withAlgorithm(der: Buffer, algorithm: Buffer): Buffer {
  const [info, , signature] = children(der);
  return sequence(info!, algorithm, signature!);
}

const MD5_WITH_RSA = Buffer.from("300d06092a864886f70d0101040500", "hex");

function rsa16384Spki(): Buffer {
  const modulus = Buffer.alloc(2048, 0xa5);
  const key = sequence(tlv(2, Buffer.concat([Buffer.from([0]), modulus])), tlv(2, Buffer.from([1, 0, 1])));
  const algorithm = Buffer.from("300d06092a864886f70d0101010500", "hex");
  return sequence(algorithm, tlv(3, Buffer.concat([Buffer.from([0]), key])));
}

function children(der: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = headerBytes(der); at < der.length;) {
    const rest = der.subarray(at);
    const part = rest.subarray(0, headerBytes(rest) + contentBytes(rest));
    parts.push(part);
    at += part.length;
  }
  return parts;
}

const headerBytes = (der: Buffer): number => (der[1]! < 0x80 ? 2 : 2 + (der[1]! & 0x7f));
const contentBytes = (der: Buffer): number => (der[1]! < 0x80 ? der[1]! : der.readUIntBE(2, der[1]! & 0x7f));
const sequence = (...parts: Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts));

function tlv(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x82]), length, content]);
}
