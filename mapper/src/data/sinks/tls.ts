// SPDX-License-Identifier: Apache-2.0
import { isIP } from "node:net";
import type { Endpoint, Secrets, TargetKind } from "../port.ts";

/** What a TLS connection trusts and shows, in PEM; without `ca`, the authorities that Node trusts. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The secrets `ca`, `cert` and `key` of a server, if it is one with TLS. @throws {SinkError} SECRET_UNREADABLE */
export async function readTls(
  secrets: Secrets,
  kind: TargetKind,
  endpoint: Endpoint,
): Promise<TlsFiles | undefined> {
  if (!endpoint.isTls) return undefined;
  const names = ["ca", "cert", "key"];
  const read = await Promise.all(names.map(async (name) => [name, await secrets.read(kind, endpoint, name)]));
  return Object.fromEntries(read.filter(([, pem]) => pem !== undefined)) as TlsFiles;
}

/** The name that a certificate is asked of; an address is not one. */
export const serverNameOf = ({ host }: Endpoint): { servername?: string } =>
  isIP(host) === 0 ? { servername: host } : {};
