// SPDX-License-Identifier: Apache-2.0
import { encodeFrame } from "@longshore/crds/wire";
import type { WebSocket } from "ws";
import { TunnelError } from "./port.ts";
import type { SessionSocket } from "./session.ts";

/** What may wait here before a control frame; with what the kernel holds it is gone in 3 s at 1 Mbit/s. */
const MAX_WAITING_BYTES = 64 * 1024;
/** What may wait at all: twice what requests may. Most is an answer, and a hub can ask without reading answers. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
const MAX_UNSENT_MESSAGES = 16 * 1024;

/**
 * A WebSocket as its session uses it. Control frames are written at once, whatever streams do; streams ask first whether
 * little enough waits. A hub that reads nothing, so that far too much waits, loses the connection.
 *
 * @param onRoom called once `isWritable` holds again after it did not
 */
export function createSessionSocket(ws: WebSocket, onRoom: () => void): SessionSocket {
  let isAwaited = false;
  let unsentMessages = 0;
  const isOpen = (): boolean => ws.readyState === ws.OPEN;
  const hasRoom = (): boolean => ws.bufferedAmount < MAX_WAITING_BYTES;
  // Of every message, also of control: whichever is written last may be the one that makes room.
  const written = (): void => {
    unsentMessages -= 1;
    if (!isAwaited || !isOpen() || !hasRoom()) return;
    isAwaited = false;
    onRoom();
  };
  const write = (message: string | Buffer): void => {
    unsentMessages += 1;
    ws.send(message, written);
    if (unsentMessages <= MAX_UNSENT_MESSAGES && ws.bufferedAmount <= MAX_UNSENT_BYTES) return;
    ws.emit("error", new TunnelError("REFUSED", "the hub does not read what is sent to it"));
    ws.terminate();
  };
  return {
    send: (frame) => {
      if (isOpen()) write(encodeFrame(frame));
    },
    sendBinary: (head, payload) => {
      if (isOpen()) write(payload === undefined ? head : Buffer.concat([head, payload]));
    },
    isWritable: () => {
      const canWrite = isOpen() && hasRoom();
      isAwaited ||= !canWrite;
      return canWrite;
    },
    bufferedBytes: () => ws.bufferedAmount,
    ping: () => {
      if (isOpen()) ws.ping();
    },
    pause: () => ws.pause(),
    resume: () => ws.resume(),
    close: (code, reason) => ws.close(code, reason),
    terminate: () => ws.terminate(),
  };
}
