// SPDX-License-Identifier: Apache-2.0
import { encodeFrame } from "@longshore/crds/wire";
import type { WebSocket } from "ws";
import type { SessionSocket } from "./session.ts";

/** What may wait before a control frame; at 1 Mbit/s it is gone in half a second. */
const MAX_WAITING_BYTES = 64 * 1024;

/**
 * A WebSocket as its session uses it. Control frames are written at once, whatever streams do; streams ask first whether
 * little enough waits.
 *
 * @param onRoom called once `isWritable` holds again after it did not
 */
export function createSessionSocket(ws: WebSocket, onRoom: () => void): SessionSocket {
  let isAwaited = false;
  const isOpen = (): boolean => ws.readyState === ws.OPEN;
  const hasRoom = (): boolean => ws.bufferedAmount < MAX_WAITING_BYTES;
  // Of every message, also of control: whichever is written last may be the one that makes room.
  const written = (): void => {
    if (!isAwaited || !isOpen() || !hasRoom()) return;
    isAwaited = false;
    onRoom();
  };
  return {
    send: (frame) => {
      if (isOpen()) ws.send(encodeFrame(frame), written);
    },
    sendBinary: (head, payload) => {
      if (isOpen()) ws.send(payload === undefined ? head : Buffer.concat([head, payload]), written);
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
