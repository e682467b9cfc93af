// SPDX-License-Identifier: Apache-2.0
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.ts";

/** Paths of an authority and of a server's certificate that it signed. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** The authority, in PEM. */
  readonly caPem: string;
}

/** @param name what the certificate is of: `IP:127.0.0.1` or `DNS:elsewhere` */
export async function makeCertificates(dir: string, name = "IP:127.0.0.1"): Promise<Certificates> {
  const path = (file: string): string => join(dir, file);
  const of = (ca: string, key: string) => ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", ca];
  const [ca, caKey, cert, key, request, extensions] = [
    "ca.pem",
    "ca.key",
    "server.pem",
    "server.key",
    "server.csr",
    "server.ext",
  ].map(path) as [string, string, string, string, string, string];
  await run("openssl", ["req", "-x509", "-days", "1", "-subj", "/CN=test authority", ...of(ca, caKey)]);
  await run("openssl", ["req", "-subj", "/CN=test server", ...of(request, key)]);
  writeFileSync(extensions, `subjectAltName=${name}\n`);
  const sign = ["x509", "-req", "-in", request, "-days", "1", "-CA", ca, "-CAkey", caKey, "-CAcreateserial"];
  await run("openssl", [...sign, "-extfile", extensions, "-out", cert]);
  for (const file of [ca, cert, key]) chmodSync(file, 0o644); // brokers drop their rights before they read
  chmodSync(dir, 0o755);
  return { ca, cert, key, caPem: readFileSync(ca, "utf8") };
}
