// SPDX-License-Identifier: Apache-2.0
import { ArtefactError, type ArtefactErrorCode } from "../jobs/upgrade/port.ts";

/**
 * What exactly went wrong on the way from a registry to a folder.
 *
 * - REFERENCE: the image's name is none
 * - HOST: an address or scheme that is not to be asked
 * - REGISTRY: the registry did not answer, or not as registries do; worth another try
 * - DENIED: it wants credentials that this node does not have
 * - MISSING: it has no such image, or none for this machine
 * - LIMIT: more entries, layers or bytes of a document than are taken
 * - ROOM: more bytes of files than there is room for
 * - DIGEST: the bytes, or the image, are not the ones that were asked for
 * - SIGNATURE: no good signature of it
 * - HOSTILE: an archive that wants to write where it must not
 * - CONTENT: not a package of the agent, or of another version
 * - LOCAL: files of this machine: keys, credentials, disk
 */
export type ArtefactFaultKind =
  | "REFERENCE"
  | "HOST"
  | "REGISTRY"
  | "DENIED"
  | "MISSING"
  | "LIMIT"
  | "ROOM"
  | "DIGEST"
  | "SIGNATURE"
  | "HOSTILE"
  | "CONTENT"
  | "LOCAL";

const CODES: Readonly<Partial<Record<ArtefactFaultKind, ArtefactErrorCode>>> = {
  REGISTRY: "UNREACHABLE",
  ROOM: "NO_ROOM",
};

/** The port's error with its exact kind. The message is for people and holds no secret. */
export class ArtefactFault extends ArtefactError {
  readonly kind: ArtefactFaultKind;

  constructor(kind: ArtefactFaultKind, message: string, cause?: unknown) {
    super(CODES[kind] ?? "REFUSED", message, { cause });
    this.kind = kind;
  }
}

/** What the system calls an error, such as `ENOSPC`; "" when it has no name for it. */
export const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";

/** An error in words, not too many. */
export const wordsOf = (error: unknown): string =>
  (typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : String(error)
  ).slice(0, 200) || codeOf(error);
