// SPDX-License-Identifier: Apache-2.0
import { forbidden, type UplinkRequest } from "./handler/index.ts";

/**
 * The request must be about the sender's own Node.
 *
 * @throws {UplinkRefusal} FORBIDDEN
 */
export function requireOwnNode({ resource, session }: UplinkRequest): string {
  if (resource.name !== session.node) throw forbidden("another node's object");
  return session.node;
}
