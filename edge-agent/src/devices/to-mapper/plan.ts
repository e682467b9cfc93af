// SPDX-License-Identifier: Apache-2.0
import type { MapperDesired, Wanted } from "./desired.ts";
import { itemKey, type ItemId } from "../model.ts";

/** What a mapper is known to hold. */
export interface Held extends ItemId {
  /** What was told last. */
  readonly digest: string;
  /** False: a call about it was begun and its end is not known. */
  readonly certain: boolean;
}

/**
 * One call to a mapper. `how` of a put: "create" when the mapper cannot have it, "update" when it has it, "either"
 * when that is not known.
 */
export type MapperCall =
  | { readonly op: "put"; readonly how: "create" | "update" | "either"; readonly item: Wanted }
  | { readonly op: "remove"; readonly item: Held };

type HowToPut = Extract<MapperCall, { op: "put" }>["how"];

/** Undefined when the mapper has exactly this. */
function howToPut(wanted: Wanted, held: Held | undefined): HowToPut | undefined {
  if (held === undefined) return "create";
  if (!held.certain) return "either";
  return held.digest === wanted.digest ? undefined : "update";
}

/** The model that an item needs; undefined for a model. */
const modelKeyOf = (item: Wanted): string | undefined =>
  item.kind === "device" ? `devicemodel/${item.namespace}/${item.model}` : undefined;

/**
 * What is to be told to one mapper, in order: devices that go first, since what replaces them may need the same bus
 * or port; then models, then the devices that need them; then models that nothing uses any more.
 *
 * @param held by `kind/namespace/name`
 * @param waiting keys whose last call failed and whose time has not come: neither they nor what depends on them is
 *   in the plan, and all the rest is
 */
export function planMapper(
  { wanted, kept }: MapperDesired,
  held: ReadonlyMap<string, Held>,
  waiting: ReadonlySet<string>,
): readonly MapperCall[] {
  const wantedKeys = new Set(wanted.map(itemKey));
  const removals = [...held]
    .filter(([key]) => !wantedKeys.has(key) && !kept.has(key))
    .map(([, item]): MapperCall => ({ op: "remove", item }));
  const puts = wanted.flatMap((item): MapperCall[] => {
    const how = howToPut(item, held.get(itemKey(item)));
    return how === undefined ? [] : [{ op: "put", how, item }];
  });
  const ofKind = (calls: readonly MapperCall[], kind: ItemId["kind"]): MapperCall[] =>
    calls.filter(({ item }) => item.kind === kind);
  const ready = (call: MapperCall): boolean => {
    if (waiting.has(itemKey(call.item))) return false;
    const model = call.op === "put" ? modelKeyOf(call.item) : undefined;
    return model === undefined || !waiting.has(model);
  };
  // A model stays while something cannot be told of a device: the mapper may still have it with that model.
  const goesOn = [...removals, ...puts].some((call) => call.item.kind === "device" && !ready(call));
  return [
    ...ofKind(removals, "device"),
    ...ofKind(puts, "devicemodel"),
    ...ofKind(puts, "device"),
    ...(goesOn ? [] : ofKind(removals, "devicemodel")),
  ].filter(ready);
}
