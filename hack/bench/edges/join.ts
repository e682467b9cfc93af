// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata";
import { Pkcs10CertificateRequestGenerator, X509Certificate } from "@peculiar/x509";
import { createHash, webcrypto } from "node:crypto";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import { Fault } from "../../fault.ts";
import type { NodeIdentity } from "./edge.ts";

/** The join port of any implementation, and a token of it (`keadm gettoken`). */
export interface JoinTarget {
  /** host:port */
  readonly join: string;
  readonly token: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const TIMEOUT_MS = 30_000;
/** Requests at a time. */
const PARALLEL = 8;

/**
 * Fetches the CA, checks it against the token as KubeEdge does, and gets a certificate for each node.
 *
 * @returns the CA as PEM, and the identities
 * @throws {Fault} JOIN_REFUSED
 */
export async function joinNodes(
  target: JoinTarget,
  nodes: readonly string[],
): Promise<{ ca: string; identities: NodeIdentity[] }> {
  const [pin = "", ...jwt] = target.token.trim().split(".");
  // The server cannot be verified before its CA is known; the pin is what is verified instead (S13).
  // eslint-disable-next-line no-restricted-syntax
  const der = await get(target, "/ca.crt", { rejectUnauthorized: false });
  if (createHash("sha256").update(der).digest("hex") !== pin)
    throw new Fault("JOIN_REFUSED", `the CA of ${target.join} is not that of the token`);
  const ca = new X509Certificate(der).toString("pem");
  const identities: NodeIdentity[] = [];
  const waiting = [...nodes];
  const work = async (): Promise<void> => {
    for (let node = waiting.shift(); node !== undefined; node = waiting.shift())
      identities.push(await joinNode(target, { node, ca, bearer: jwt.join(".") }));
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return { ca, identities };
}

async function joinNode(
  target: JoinTarget,
  { node, ca, bearer }: { node: string; ca: string; bearer: string },
): Promise<NodeIdentity> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: `O=system:nodes, CN=system:node:${node}`,
    keys,
    signingAlgorithm: ALGORITHM,
  });
  const headers = { Authorization: `Bearer ${bearer}`, NodeName: node };
  const der = await get(target, "/edge.crt", { ca }, { headers, body: Buffer.from(csr.rawData) });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    node,
    cert: new X509Certificate(der).toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${key.replace(/(.{64})/g, "$1\n")}\n-----END PRIVATE KEY-----\n`,
  };
}

function get(
  { join }: JoinTarget,
  path: string,
  tls: { ca?: string; rejectUnauthorized?: false },
  extra: { headers?: Record<string, string>; body?: Buffer } = {},
): Promise<Buffer> {
  const { headers = {}, body } = extra;
  const length = body === undefined ? {} : { "Content-Length": String(body.length) };
  return new Promise((resolve, reject) => {
    const options = { ...tls, method: "GET", headers: { ...headers, ...length }, timeout: TIMEOUT_MS };
    const sent = request(`https://${join}${path}`, options, (response) => {
      buffer(response).then((answer) => {
        if (response.statusCode === 200) resolve(answer);
        else
          reject(
            new Fault("JOIN_REFUSED", `${join}${path}: ${response.statusCode ?? 0} ${answer.toString()}`),
          );
      }, reject);
    });
    sent.once("timeout", () => sent.destroy(new Error(`${join}${path} does not answer`)));
    sent.once("error", reject);
    sent.end(body);
  });
}
