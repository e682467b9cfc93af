// SPDX-License-Identifier: Apache-2.0
import { ApiError, TerminalError } from "../../runtime/index.ts";
import { AGGREGATION_LABEL, nameFor, type Ref } from "../resources.ts";

/** Why an object is not as it should be. The others are not affected. */
export class ChildFault extends Error {
  override readonly name = "ChildFault";
  readonly code:
    "FOREIGN_OWNER" | "UNKNOWN_KIND" | "CLUSTER_SCOPED" | "TOO_MANY_KINDS" | "DELETING" | "REFUSED";
  constructor(code: ChildFault["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What failed, for `verb` of an object or a kind. */
export interface Attempt {
  readonly verb: "read" | "watched" | "applied" | "deleted";
  readonly of: Pick<Ref, "kind"> & Partial<Ref>;
  /** `deployments.apps` */
  readonly resource?: string;
}

/**
 * @returns what to tell about one object
 * @throws what concerns all of them alike: no answer, or a server that asks for patience
 */
export function faultOf(error: unknown, attempt: Attempt): ChildFault {
  if (error instanceof ChildFault) return error;
  // A name that is part of no path: nothing was asked.
  if (error instanceof TerminalError) return new ChildFault("REFUSED", error.message, { cause: error });
  if (!(error instanceof ApiError) || isOfAll(error)) throw error;
  return new ChildFault("REFUSED", messageOf(error, attempt), { cause: error });
}

/**
 * A webhook may deny with any code, one object may be too slow, and 503 is also the answer for one aggregated API:
 * these are about one object or one kind.
 */
function isOfAll({ code, reason, message }: ApiError): boolean {
  if (message.startsWith("admission webhook ")) return false;
  return (code === 0 && reason !== "Timeout") || code === 401 || code === 429;
}

/** It comes by itself, without anybody changing anything. */
export const isPassing = (error: unknown): boolean =>
  error instanceof ApiError && (error.code === 0 || error.code === 503 || error.code === 504);

/** How the API server says that a field stays as it was made: of Jobs, selectors; of Pods; of StatefulSets. */
const IMMUTABLE = /field is immutable|updates may not change fields|updates to .* are forbidden/;

function messageOf(error: ApiError, { verb, of, resource }: Attempt): string {
  const what = of.name === undefined ? of.kind : nameFor({ kind: of.kind, name: of.name });
  const { message } = error;
  if (error.reason === "Invalid" && IMMUTABLE.test(message)) {
    // First what to do: the API server shows whole templates, which are cut.
    return `${what} cannot be changed in place; delete it, and it is made again as it is to be: ${message}`;
  }
  const said = `${what} cannot be ${verb}: ${message}`;
  if (error.reason !== "Forbidden" || !/ cannot \w+ resource /.test(message)) return said;
  return `${said}; grant ${resource ?? of.kind} by a ClusterRole with the label ${AGGREGATION_LABEL}`;
}

/** How long until an object that was refused is tried again: 1 s, 2 s … 5 min. @param failures in a row, >= 1 */
export const retryMs = (failures: number, o: { readonly baseMs: number; readonly capMs: number }): number =>
  Math.min(o.capMs, o.baseMs * 2 ** Math.min(failures - 1, 30));
