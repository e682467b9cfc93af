// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createPki, type Identity } from "../../src/opcua/pki.ts";
import { judge } from "../../src/opcua/trust.ts";

const DAY_MS = 86_400_000;
const root = mkdtempSync(join(tmpdir(), "trust-"));
let own: Identity;
let other: Identity;
const make = (name: string): Promise<Identity> =>
  createPki({ pkiFolder: join(root, name), maxRejected: 2 }).own();
const parsed = ({ certificate }: Identity) => new X509Certificate(certificate);
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

beforeAll(async () => {
  [own, other] = await Promise.all([make("own"), make("other")]);
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("a server's certificate", () => {
  it("is trusted when exactly it is among the trusted, alone or before its chain", () => {
    expect(judge(own.certificate, [parsed(other), parsed(own)], new Date())).toBe("trusted");
    const chain = Buffer.concat([own.certificate, other.certificate]);
    expect(judge(chain, [parsed(own)], new Date())).toBe("trusted");
  });

  it("is not trusted because of what stands behind it in its chain", () => {
    const chain = Buffer.concat([own.certificate, other.certificate]);
    expect(judge(chain, [parsed(other)], new Date())).toBe("untrusted");
    expect(judge(own.certificate, [], new Date())).toBe("untrusted");
  });

  it.each([-30, 6 * 365])("is expired %d days from now", (days) => {
    expect(judge(own.certificate, [parsed(own)], inDays(days))).toBe("expired");
  });

  it.each(["", "certificate", "\x30\x84\xff\xff\xff\xff"])("is broken when it is %j", (text) => {
    expect(judge(Buffer.from(text, "latin1"), [parsed(own)], new Date())).toBe("broken");
  });

  it("is trusted from the moment its file lies there, and not by a file that is none", async () => {
    const pki = createPki({ pkiFolder: join(root, "live"), maxRejected: 2 });
    expect(await pki.judge(own.certificate)).toBe("untrusted");
    mkdirSync(join(root, "live/trusted"), { recursive: true });
    writeFileSync(join(root, "live/trusted/garbage.pem"), "no certificate");
    expect(await pki.judge(own.certificate)).toBe("untrusted");
    writeFileSync(join(root, "live/trusted/server.der"), own.certificate);
    expect(await pki.judge(own.certificate)).toBe("trusted");
  });

  it("is kept when it was refused, a few of them", async () => {
    const pki = createPki({ pkiFolder: join(root, "full"), maxRejected: 2 });
    const third = await make("third");
    for (const { certificate } of [own, other, third, own]) await pki.judge(certificate);
    expect(readdirSync(join(root, "full/rejected"))).toHaveLength(2);
  });
});

it("keeps the mapper's own certificate from one start to the next", async () => {
  expect((await make("own")).certificate.equals(own.certificate)).toBe(true);
  expect(own.applicationUri).toMatch(/^urn:.+:longshore-opcua-mapper$/);
});

it("is broken when its key is of no whole number of bytes", () => {
  const folder = mkdtempSync(join(tmpdir(), "longshore-odd-"));
  const out = ["-keyout", join(folder, "key"), "-out", join(folder, "der"), "-outform", "DER"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2044", "-nodes", "-subj", "/CN=odd", ...out], {
    stdio: "pipe",
  });
  const der = readFileSync(join(folder, "der"));
  rmSync(folder, { recursive: true });
  expect(judge(der, [new X509Certificate(der)], new Date())).toBe("broken");
});
