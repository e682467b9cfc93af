// SPDX-License-Identifier: Apache-2.0
import { objectKey, type Keyspace } from "./keys.ts";
import type { NodeStanding, Ref, Scope, Standing } from "./outbox.ts";
import type { Scripts, StandingReply } from "./scripts.ts";
import { decodeBody } from "./values.ts";

export interface StandingCall {
  readonly node: string;
  readonly scope: Scope;
  readonly objects: readonly Pick<Ref, "kind" | "namespace" | "name" | "uid">[];
}

/** Reads what a node has of some objects, see `Outbox.standing`. */
export async function readStanding(
  { scripts, keys }: { readonly scripts: Scripts; readonly keys: Keyspace },
  { node, scope, objects }: StandingCall,
): Promise<NodeStanding> {
  const { want, acked, owner, meta } = keys.node(node);
  const fields = objects.flatMap((object) => {
    const key = objectKey(object);
    return [`${scope}:${key}`, `${scope}:del:${key}#${object.uid}`];
  });
  const reply = await scripts.standing([want, acked, owner, meta], [keys.heartbeat(""), ...fields]);
  return {
    isConnected: reply[0] === 1,
    isEstablished: reply[1] === 1,
    objects: objects.map((_, i) => standingAt(reply, 2 + 2 * i)),
  };
}

/** Neither says what the content is: it was restored from a record, or is in doubt. */
const UNKNOWN_DIGESTS = new Set(["", "?"]);

function standingAt(reply: StandingReply, at: number): Standing {
  const [body, pending] = [reply[at], reply[at + 1]];
  const isPending = pending === 1;
  if (!(body instanceof Buffer) || body.length === 0) return { isPending };
  const { uid, resourceVersion, digest } = decodeBody(body);
  return { isPending, acked: { uid, resourceVersion, digest: UNKNOWN_DIGESTS.has(digest) ? "" : digest } };
}
