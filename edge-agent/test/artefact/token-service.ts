// SPDX-License-Identifier: Apache-2.0
import { randomUUID, sign, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createAuthority } from "../../../hack/cluster/pki.ts";
import type { TokenService } from "../../../hack/cluster/registry.ts";

/** What a token was asked for. */
export interface Asked {
  readonly authorization: string | undefined;
  readonly service: string | null;
  readonly scope: string | null;
}

export interface RunningTokenService extends TokenService {
  readonly asked: Asked[];
  close(): void;
}

const SERVICE = "registry.test";
const ISSUER = "issuer.test";

/**
 * A token service as Docker's registry trusts it: tokens are signed by a certificate of its authority, which is also
 * that of its own TLS.
 *
 * @param allowed Authorization that is given tokens
 */
export async function startTokenService(dir: string, allowed: string): Promise<RunningTokenService> {
  const authority = await createAuthority(dir, "tokens-ca");
  const files = await authority.issue({ name: "tokens", commonName: "tokens", hosts: ["127.0.0.1"] });
  const [cert, key] = [readFileSync(files.cert), readFileSync(files.key)];
  const asked: Asked[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "https://x");
    const { authorization } = request.headers;
    const scope = searchParams.get("scope");
    asked.push({ authorization, service: searchParams.get("service"), scope });
    if (authorization !== allowed) response.writeHead(401).end();
    else response.end(JSON.stringify({ token: tokenOf(scope ?? "", cert, key) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    realm: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service: SERVICE,
    issuer: ISSUER,
    rootFile: authority.files.cert,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A JSON Web Token for what was asked, with the certificate that signs it. */
function tokenOf(scope: string, cert: Buffer, key: Buffer): string {
  const [type, name, actions = ""] = scope.split(":");
  const seconds = Math.floor(Date.now() / 1_000);
  const header = { typ: "JWT", alg: "ES256", x5c: [new X509Certificate(cert).raw.toString("base64")] };
  const claims = {
    ...{ iss: ISSUER, aud: SERVICE, sub: "edge", jti: randomUUID() },
    ...{ iat: seconds, nbf: seconds - 60, exp: seconds + 300 },
    access: [{ type, name, actions: actions.split(",") }],
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}
