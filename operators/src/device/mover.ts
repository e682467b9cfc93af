// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";
import { DeliveryError } from "../delivery/errors.ts";
import type { NodeStanding, Outbox } from "../delivery/outbox.ts";
import { DONE, type Reconciler, type Request } from "../runtime/index.ts";
import type { Move, Moves } from "./moves.ts";

/** Why a device may go to its new node now. */
export type MoveEnd = "confirmed" | "node_gone" | "timeout";

export interface MoverDeps {
  readonly moves: Moves;
  readonly outbox: Pick<Outbox, "standing">;
  readonly isEdgeNode: (node: string) => boolean;
  /** Has the node placed that the device is on now, if there is one. */
  readonly place: (device: Request) => void;
  readonly nowMs: () => number;
  readonly registry: Registry;
}

/** First the node is asked soon, then ever later. */
const POLL_MS = { min: 50, max: 1000 };

/** Lets a device go to its new node as soon as the old one has made its removal durable, or the time is over. */
export function createMover(deps: MoverDeps): Reconciler {
  const { moves, nowMs, registry } = deps;
  const ended = new Counter({
    name: "longshore_device_moves_total",
    help: "Devices whose spec.nodeName changed, by what let them go to the new node",
    labelNames: ["end"] as const,
    registers: [registry],
  });
  for (const end of ["confirmed", "node_gone", "timeout"] as const) ended.inc({ end }, 0);
  return async (request, { log }) => {
    const move = moves.get(request);
    if (move === undefined) {
      deps.place(request); // whatever became of it, nobody waits any more
      return DONE;
    }
    const end = await endOf(deps, request, move);
    // It was over, or began anew, while Redis was asked.
    if (moves.get(request) !== move) return { requeueAfterMs: POLL_MS.min };
    if (end === undefined) return { requeueAfterMs: pollMs(move, nowMs()) };
    moves.end(request);
    deps.place(request);
    ended.inc({ end });
    const facts = { node: move.from, end, waitedMs: Math.round(nowMs() - move.sinceMs) };
    if (end === "timeout") log.warn(facts, "device goes to its new node, the old one may hold it still");
    else log.debug(facts, "device has left its node");
    return DONE;
  };
}

/** Never past the end, so that a poll is what ends it. */
const pollMs = ({ sinceMs, untilMs }: Move, nowMs: number): number =>
  Math.max(1, Math.min((nowMs - sinceMs) / 2 + POLL_MS.min, POLL_MS.max, untilMs - nowMs));

async function endOf(deps: MoverDeps, device: Request, move: Move): Promise<MoveEnd | undefined> {
  if (deps.nowMs() >= move.untilMs) return "timeout";
  if (!deps.isEdgeNode(move.from)) return "node_gone";
  try {
    const object = { kind: "device", ...device, uid: move.uid };
    return isWithout(await deps.outbox.standing(move.from, "device", [object]), move)
      ? "confirmed"
      : undefined;
  } catch (error) {
    // Nobody knows: the time decides.
    if (error instanceof DeliveryError && error.retryable) return undefined;
    throw error;
  }
}

function isWithout({ isEstablished, objects }: NodeStanding, { uid }: Move): boolean {
  const [object] = objects;
  return isEstablished && object !== undefined && !object.isPending && object.acked?.uid !== uid;
}
