// SPDX-License-Identifier: Apache-2.0
import { keyOf, type ObjectEvent, type ObjectMeta } from "../runtime/index.ts";
import type { TrimmedDevice } from "./transform.ts";

/** A device that has left a node, which may hold it still. */
export interface Move {
  readonly from: string;
  readonly uid: string;
  /** monotonic */
  readonly sinceMs: number;
  readonly untilMs: number;
}

/**
 * Devices that are held back from their new node, for the old one may still drive them. In memory only: after a restart
 * they go where they belong at once.
 */
export interface Moves {
  /** To be called with each event of devices, before anybody computes where they go. */
  note(event: ObjectEvent<TrimmedDevice>): void;
  /** Whether a device is not to be given to its node yet. Turns false by itself when the time is over. */
  isHeld(device: TrimmedDevice): boolean;
  get(name: Named): Move | undefined;
  end(name: Named): void;
  /** How many there are. */
  readonly size: number;
}

/** A standby hears of moves, too, and has nobody who ends them. */
const FORGOTTEN_AFTER_MS = 60_000;

type Named = Pick<ObjectMeta, "name" | "namespace">;

export interface MovesOptions {
  /** 0: nobody is held back */
  readonly holdMs: number;
  /** monotonic */
  readonly nowMs: () => number;
  readonly isEdgeNode: (node: string) => boolean;
  /** Called when a device has left a node. */
  readonly begun: (device: TrimmedDevice) => void;
}

export function createMoves({ holdMs, nowMs, isEdgeNode, begun }: MovesOptions): Moves {
  const moves = new Map<string, Move>();
  const keyFor = ({ namespace = "", name }: Named): string => keyOf({ namespace, name });

  const isOver = ({ untilMs }: Move): boolean => nowMs() > untilMs + FORGOTTEN_AFTER_MS;

  /** The oldest come first. */
  function prune(): void {
    for (const [key, move] of moves) {
      if (!isOver(move)) return;
      moves.delete(key);
    }
  }

  function changed(old: TrimmedDevice, device: TrimmedDevice): void {
    const key = keyFor(device.metadata);
    const move = moves.get(key);
    if (move !== undefined && nowMs() < move.untilMs) {
      // It never came to a node in between: who may hold it is still the first.
      if (move.from === device.nodeName) moves.delete(key);
      return;
    }
    if (old.nodeName === device.nodeName) return;
    moves.delete(key);
    if (!isEdgeNode(old.nodeName)) return;
    prune();
    const sinceMs = nowMs();
    const { uid } = old.metadata;
    moves.set(key, { from: old.nodeName, uid, sinceMs, untilMs: sinceMs + holdMs });
    begun(device);
  }

  return {
    note(event) {
      if (event.type === "delete") moves.delete(keyFor(event.object.metadata));
      if (event.type === "update" && holdMs > 0) changed(event.old, event.object);
    },
    isHeld(device) {
      const move = moves.get(keyFor(device.metadata));
      return move !== undefined && move.from !== device.nodeName && nowMs() < move.untilMs;
    },
    get(name) {
      const move = moves.get(keyFor(name));
      return move === undefined || isOver(move) ? undefined : move;
    },
    end: (name) => void moves.delete(keyFor(name)),
    get size() {
      return moves.size;
    },
  };
}
