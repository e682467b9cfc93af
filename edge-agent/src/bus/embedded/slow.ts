// SPDX-License-Identifier: Apache-2.0
import type { Client } from "aedes";

type Deliver = (packet: { readonly retain?: boolean }, done: () => void) => void;

interface Reader {
  deliver0: Deliver;
  deliverQoS: Deliver;
  readonly closed: boolean;
  readonly conn: { readonly writableLength: number };
  close(): void;
}

const ignore = (): void => undefined;

/**
 * Lets nobody wait for a client that reads slowly: the broker goes on with the next one at once, and a client that is
 * too far behind is cut off. Only what is retained, and what a session missed, waits for its reader: nobody else does.
 */
export function cutSlow(client: Client, maxUnreadBytes: number, onSlow: () => void): void {
  const reader = client as unknown as Reader;
  const guard =
    (deliver: Deliver): Deliver =>
    (packet, done) => {
      if (packet.retain === true) {
        deliver(packet, done);
        return;
      }
      setImmediate(done);
      if (reader.closed) return;
      if (reader.conn.writableLength <= maxUnreadBytes) deliver(packet, ignore);
      else {
        onSlow();
        reader.close();
      }
    };
  reader.deliver0 = guard(reader.deliver0);
  reader.deliverQoS = guard(reader.deliverQoS);
}
