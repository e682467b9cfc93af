// SPDX-License-Identifier: Apache-2.0
import type { Owner } from "./mailbox.ts";

/** Port: tells other processes that there is something to do. At least once; what is lost is found by a rescan. */
export interface Waker {
  /** Marks the node's session in that hub as having work. */
  wake(hub: string, node: string): Promise<void>;
  /** Tells a hub that somebody else took the session over. */
  evict(hub: string, node: string, owner: Owner): Promise<void>;
  /** Asks the controllers for a fresh placement of one node, or of all (undefined). */
  requestPlacement(node: string | undefined): Promise<void>;
}
