// SPDX-License-Identifier: Apache-2.0
import { wrongDigest, type DigestGate } from "../../jobs/upgrade/port.ts";
import { ArtefactFault } from "../errors.ts";

/** How to learn the digest that the image must have. */
export type Expectation =
  | { readonly kind: "none" }
  | { readonly kind: "digest"; readonly digest: string }
  /** That registry says it. */
  | { readonly kind: "ask"; readonly host: string; readonly token: string };

/**
 * What a gate asks of this machine's image. A gate that says nothing for it is no open gate.
 *
 * @throws {ArtefactFault} DIGEST when the gate has digests for other processors only, or no host to ask
 */
export function expectationOf(gate: DigestGate | undefined, architecture: string): Expectation {
  if (gate === undefined) return { kind: "none" };
  const digest = digestIn(gate, architecture);
  if (digest !== "") return { kind: "digest", digest: digest.toLowerCase() };
  const { host = "", token = "" } = gate.registryAPI ?? {};
  if (host !== "") return { kind: "ask", host, token };
  throw new ArtefactFault("DIGEST", `imageDigestGatter has no digest for ${architecture}`);
}

function digestIn({ value = "", amd64 = "", arm64 = "" }: DigestGate, architecture: string): string {
  const own = { amd64, arm64 }[architecture] ?? "";
  return own === "" ? value : own;
}

/** Digests of a pulled image. */
export interface PulledDigests {
  /** Of what the name refers to, an index for an image of several platforms. */
  readonly reference: string;
  /** Of this platform's manifest. */
  readonly manifest: string;
}

/**
 * Compares as KubeEdge does, in its words. The local digest is that of the pulled reference, which is what a runtime
 * shows (`crictl inspecti`, RepoDigests) and `docker push` prints; the digest of this platform's own manifest is as
 * good, for that is what the fields `amd64` and `arm64` suggest.
 *
 * @throws {ArtefactFault} DIGEST
 */
export function checkDigest(image: string, local: PulledDigests, expected: string): void {
  if (expected === local.reference || expected === local.manifest) return;
  throw new ArtefactFault("DIGEST", wrongDigest(image, local.reference, expected));
}
