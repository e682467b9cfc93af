// SPDX-License-Identifier: Apache-2.0
import { MAX_TUNNEL_MESSAGE_BYTES } from "./message.ts";
import { createMessageCap } from "./message-cap.ts";

/** One byte more than is well formed, by which a message that was too long is known. */
export const RECEIVED_MESSAGE_BYTES = MAX_TUNNEL_MESSAGE_BYTES + 1;

interface Receiver {
  write(chunk: Buffer): boolean;
}

/**
 * Shortens a message that is far too long while it arrives, to end its stream alone (S6). ws itself would close the
 * connection, and with it every stream of the node.
 *
 * @param socket a WebSocket of ws, whose `setSocket` was called; its receiver is a member that ws does not promise
 */
export function capReceived(socket: object): void {
  const { _receiver: receiver } = socket as { _receiver: Receiver };
  const cap = createMessageCap(RECEIVED_MESSAGE_BYTES);
  const write = receiver.write.bind(receiver);
  receiver.write = (chunk) => {
    let wantsMore = true;
    for (const part of cap(chunk)) wantsMore = write(part);
    return wantsMore;
  };
}
