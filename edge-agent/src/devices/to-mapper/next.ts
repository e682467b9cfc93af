// SPDX-License-Identifier: Apache-2.0
import { itemKey } from "../model.ts";
import type { MapperCall } from "./plan.ts";

/** A call that a mapper has not answered yet. */
export interface RunningCall {
  readonly call: MapperCall;
  /** It takes so long that those behind it no longer wait for its turn to end. */
  readonly isSlow: boolean;
}

/** Of models that nothing uses any more. */
const LAST_TURN = 3;

/** The turns of a plan: each begins when the calls of those before it have ended, or are slow. */
const turnOf = ({ op, item: { kind } }: MapperCall): number => {
  if (op === "remove") return kind === "device" ? 0 : LAST_TURN;
  return kind === "devicemodel" ? 1 : 2;
};

const modelOf = ({ op, item }: MapperCall): string | undefined =>
  op === "put" && item.kind === "device" ? `devicemodel/${item.namespace}/${item.model}` : undefined;

/**
 * The first call of a plan that may begin now. Never two about one item; no device before its model; no model goes
 * while something is said of a device; and what goes, goes before what comes, unless it takes too long.
 *
 * @param plan in its order, by key
 * @param running by key
 * @param mayTry false for an item whose last calls hung and that has to leave the room to others
 */
export function nextCall(
  plan: ReadonlyMap<string, MapperCall>,
  running: ReadonlyMap<string, RunningCall>,
  mayTry: (key: string) => boolean,
): MapperCall | undefined {
  const all = [...running.values()];
  const turn = Math.min(...all.map(({ call, isSlow }) => (isSlow ? Infinity : turnOf(call))));
  const waitsForModel = (call: MapperCall): boolean => {
    const model = modelOf(call);
    return model !== undefined && (running.has(model) || plan.has(model));
  };
  let isDeviceBusy = all.some(({ call }) => isDevice(call));
  for (const [key, call] of plan) {
    if (turnOf(call) > turn || (turnOf(call) === LAST_TURN && isDeviceBusy)) return undefined;
    if (!running.has(key) && !waitsForModel(call) && mayTry(key)) return call;
    isDeviceBusy ||= isDevice(call);
  }
  return undefined;
}

const isDevice = ({ item }: MapperCall): boolean => item.kind === "device";

/** The plan's calls by the item that they are about. */
export const planByKey = (calls: readonly MapperCall[]): Map<string, MapperCall> =>
  new Map(calls.map((call) => [itemKey(call.item), call]));
