// SPDX-License-Identifier: Apache-2.0
import { createHash, KeyObject, webcrypto, X509Certificate } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { crypto_utils } from "node-opcua-client";
import { judge, type Verdict } from "./trust.ts";

/** Certificate and key that this mapper shows; the URI is the one in the certificate. */
export interface Identity {
  readonly certificate: Buffer;
  readonly privateKey: ReturnType<typeof crypto_utils.coercePEMorDerToPrivateKey>;
  readonly applicationUri: string;
}

/** The folder of certificates: `own`, `trusted`, `rejected`. */
export interface Pki {
  /** The mapper's own certificate, made at the first call. */
  own(): Promise<Identity>;
  /** Judges a server's certificate by `trusted`, and keeps a refused one in `rejected`. */
  judge(der: Buffer): Promise<Verdict>;
}

export interface PkiOptions {
  readonly pkiFolder: string;
  readonly maxRejected: number;
}

const APPLICATION = "longshore-opcua-mapper";
const FIVE_YEARS_MS = 5 * 365 * 86_400_000;
/** The public exponent of RSA, 65537. */
const F4 = new Uint8Array([1, 0, 1]);
const MAX_TRUSTED = 1_000;
const CERTIFICATE_FILE = /\.(pem|der|crt|cer)$/i;

export function createPki({ pkiFolder, maxRejected }: PkiOptions): Pki {
  let own: Promise<Identity> | undefined;
  return {
    own: () => {
      own ??= ensureOwn(join(pkiFolder, "own")).catch((error: unknown) => {
        own = undefined;
        throw error;
      });
      return own;
    },
    judge: async (der) => {
      const verdict = judge(der, await readTrusted(join(pkiFolder, "trusted")), new Date());
      if (verdict === "untrusted") await keepRejected(join(pkiFolder, "rejected"), der, maxRejected);
      return verdict;
    },
  };
}

/** @throws when certificate or key cannot be read, or do not belong together */
export function identityOf(certificate: Buffer, key: Buffer): Identity {
  const parsed = new X509Certificate(certificate);
  const applicationUri = /(?:^|, )URI:([^,]+)/.exec(parsed.subjectAltName ?? "")?.[1];
  const isPem = key.subarray(0, 5).toString() === "-----";
  const privateKey = crypto_utils.coercePEMorDerToPrivateKey(isPem ? key.toString("utf8") : key);
  return {
    certificate: parsed.raw,
    privateKey,
    applicationUri: applicationUri ?? `urn:${hostname()}:${APPLICATION}`,
  };
}

async function ensureOwn(folder: string): Promise<Identity> {
  const [certificateFile, keyFile] = [join(folder, "certificate.pem"), join(folder, "private-key.pem")];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!(await isThere(certificateFile)) || !(await isThere(keyFile))) {
    const { certificate, key } = await makeOwn();
    await writeWhole(keyFile, key, 0o600);
    await writeWhole(certificateFile, certificate, 0o644);
  }
  return identityOf(await readFile(certificateFile), await readFile(keyFile));
}

const isThere = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;

async function writeWhole(path: string, content: string, mode: number): Promise<void> {
  const unfinished = `${path}.new`;
  await writeFile(unfinished, content, { mode });
  await rename(unfinished, path);
}

async function makeOwn(): Promise<{ certificate: string; key: string }> {
  const rsa = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2_048, publicExponent: F4, hash: "SHA-256" };
  const { privateKey } = await webcrypto.subtle.generateKey(rsa, true, ["sign", "verify"]);
  const now = Date.now();
  const { cert } = await crypto_utils.createSelfSignedCertificate({
    privateKey,
    notBefore: new Date(now - 86_400_000),
    notAfter: new Date(now + FIVE_YEARS_MS),
    subject: `CN=${APPLICATION}`,
    dns: [hostname()],
    applicationUri: `urn:${hostname()}:${APPLICATION}`,
    purpose: crypto_utils.CertificatePurpose.ForApplication,
  });
  return {
    certificate: cert,
    key: String(KeyObject.from(privateKey).export({ type: "pkcs8", format: "pem" })),
  };
}

/** Read anew for each connect, so that a certificate that is put there is taken at once. */
async function readTrusted(folder: string): Promise<readonly X509Certificate[]> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = (await readdir(folder)).filter((name) => CERTIFICATE_FILE.test(name)).slice(0, MAX_TRUSTED);
  const found = await Promise.all(
    names.map((name) => readFile(join(folder, name)).then(parsed, () => undefined)),
  );
  return found.filter((certificate) => certificate !== undefined);
}

/** What is no certificate trusts nobody. */
function parsed(content: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(content);
  } catch {
    return undefined;
  }
}

/** For the administrator, who moves it to `trusted`. The oldest make room. */
async function keepRejected(folder: string, der: Buffer, max: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, `${createHash("sha256").update(der).digest("hex")}.der`), der);
  const names = await readdir(folder);
  if (names.length <= max) return;
  const aged = await Promise.all(
    names.map(async (name) => ({
      name,
      atMs: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0,
    })),
  );
  const oldest = aged.sort((a, b) => a.atMs - b.atMs).slice(0, names.length - max);
  await Promise.all(oldest.map(({ name }) => rm(join(folder, name), { force: true })));
}
