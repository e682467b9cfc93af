// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { Fault, script } from "../fault.ts";
import { agentOf } from "./files.ts";
import { writeFolder } from "./folder.ts";
import { makePackage, publish } from "./package.ts";
import type { Target } from "./push.ts";

const USAGE = `node hack/package/index.ts --version vX.Y.Z [--out folder] [--push host:port/repository]
  --program FILE   package this program instead of the agent
  --sign FILE      sign as cosign does, with this private key (PEM, ECDSA P-256 or Ed25519)
  --plain-http     the registry speaks no TLS
  --ca FILE        authority of the registry (PEM)
REGISTRY_USER and REGISTRY_PASSWORD are sent to the registry.`;

/** As NodeUpgradeJobs take it; imported from nowhere, for this runs before anything is compiled. */
const VERSION = /^v\d+\.\d+\.\d+(-[\w.]+)*$/;

const OPTIONS = {
  version: { type: "string" },
  out: { type: "string" },
  push: { type: "string" },
  program: { type: "string" },
  sign: { type: "string" },
  ca: { type: "string" },
  "plain-http": { type: "boolean" },
} as const;

/** Makes the installation package that NodeUpgradeJobs install, and prints the digest for `imageDigestGatter`. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const { version = "", out, push, program, sign } = values;
  if (!VERSION.test(version)) throw new Fault("USAGE", "--version must be such as v1.24.0", USAGE);
  const made = await makePackage(version, program === undefined ? undefined : agentOf(readFileSync(program)));
  if (out !== undefined) writeFolder(resolve(out), made.files, version, made.image);
  if (push !== undefined) {
    const key = sign === undefined ? undefined : createPrivateKey(readFileSync(sign));
    const { target, repository } = targetOf(push, values["plain-http"] === true, values.ca);
    await publish(made, target, repository, key);
  }
  process.stdout.write(`${version} ${made.image.digest}\n`);
  for (const [architecture, digest] of Object.entries(made.image.platforms))
    process.stdout.write(`  ${architecture} ${digest}\n`);
}

/** @throws {Fault} USAGE */
function targetOf(
  place: string,
  insecure: boolean,
  ca: string | undefined,
): { readonly target: Target; readonly repository: string } {
  const [, host = "", repository = ""] = /^([^/]+)\/(.+)$/.exec(place) ?? [];
  if (host === "") throw new Fault("USAGE", `${place} is not host:port/repository`, USAGE);
  const { REGISTRY_USER: username, REGISTRY_PASSWORD: password } = process.env;
  return {
    repository,
    target: {
      host,
      insecure,
      ...(ca === undefined ? {} : { ca: readFileSync(ca, "utf8") }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    },
  };
}

await script(main);
