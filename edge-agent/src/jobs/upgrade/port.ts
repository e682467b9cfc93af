// SPDX-License-Identifier: Apache-2.0

/** `spec.imageDigestGatter` as it was ordered: nothing of it is checked yet. */
export interface DigestGate {
  /** v1alpha1: of whatever machine */
  readonly value?: string;
  readonly amd64?: string;
  readonly arm64?: string;
  /** The registry that is asked for the digest. */
  readonly registryAPI?: { readonly host?: string; readonly token?: string };
}

/** An agent to install, and where to. */
export interface ArtefactRequest {
  /** Repository, with or without registry: `kubeedge/installation-package`, `registry.example:5000/a/b` */
  readonly image: string;
  /** Its tag, such as `v1.23.0` */
  readonly version: string;
  /** As Node names it: `process.arch`, such as `x64` */
  readonly arch: string;
  readonly gate: DigestGate | undefined;
  /** An empty folder that exists, for this alone. What is in it after a failure is removed by the caller. */
  readonly into: string;
  /** Bytes that there is room for, of all that is unpacked. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Tells people what it is doing. */
  progress(text: string): void;
}

/** What was unpacked: `edge-agent.js` and `edge-agent.parts/` lie in the folder, nothing beside them is needed. */
export interface Artefact {
  /** `sha256:…` that the gate was held against: of the image manifest of this machine's platform. */
  readonly digest: string;
}

/**
 * REFUSED: the digest, the signature or what is in the image is not as it must be; trying again does not help.
 * UNREACHABLE: the registry does not give it, now. NO_ROOM: it is larger than the request allows.
 */
export type ArtefactErrorCode = "REFUSED" | "UNREACHABLE" | "NO_ROOM";

/** Why there is no artefact. The message is for people and goes into the job's status: no secret in it. */
export class ArtefactError extends Error {
  override readonly name = "ArtefactError";
  readonly code: ArtefactErrorCode;
  readonly retryable: boolean;
  constructor(code: ArtefactErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "UNREACHABLE";
  }
}

/** KubeEdge's words, which tools look for. @param image `<repository>:<version>` */
export const wrongDigest = (image: string, local: string, expected: string): string =>
  `image digest of ${image} is not correct, local: ${local}, expected: ${expected}`;

/** Fetches agents from registries. */
export interface Artefacts {
  /**
   * Fetches the image, checks digest and signature before anything is unpacked, and unpacks it into `into`. Need not be
   * durable: the caller syncs every file.
   *
   * @throws {ArtefactError}
   */
  fetch(request: ArtefactRequest): Promise<Artefact>;
}
