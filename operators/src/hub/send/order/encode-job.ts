// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, Resource } from "../../../runtime/client.ts";
import type { Encoded } from "../encoded.ts";
import { jobOf } from "./job.ts";

/** A state is a short text under a node's name. */
const STATE_BYTES = 100;
const OBJECT_FACTOR = 4;

/** Keeps of a job what orders are made of. Its content is made for each node, when it is sent. */
export function encodeJob(object: KubeObject, { kind }: Resource): Encoded {
  const job = jobOf(object);
  const { uid, resourceVersion } = object.metadata;
  const content = Buffer.from(JSON.stringify({ kind, metadata: job.metadata, spec: job.spec }));
  const weight = content.length * (1 + OBJECT_FACTOR) + job.states.size * STATE_BYTES;
  return { uid, resourceVersion, content, job, weight };
}
