// SPDX-License-Identifier: Apache-2.0
import type { RecordStore } from "../../store/port.ts";
import { itemKey } from "../model.ts";
import type { Held } from "./plan.ts";

/** A mapper as it registered last. One of each protocol. */
export interface MapperRecord {
  readonly protocol: string;
  readonly name: string;
  readonly version: string;
  /** path of its socket */
  readonly address: string;
  /** Raised by each registration: what an earlier process held says nothing about this one. */
  readonly life: number;
}

interface HeldRecord extends Held {
  readonly protocol: string;
  readonly life: number;
}

/** Records of mappers, by protocol. */
export const MAPPER_BUCKET = "device-mappers";
/** Records of what each mapper was told, by `kind/namespace/name|protocol`. */
export const HELD_BUCKET = "device-held";

/** What the agent remembers of its mappers across restarts. Writes are durable when they resolve. */
export interface MapperJournal {
  mappers(): readonly MapperRecord[];
  /** What this life of the mapper is known to hold, by `kind/namespace/name`. */
  held(mapper: MapperRecord): Map<string, Held>;
  saveMapper(mapper: MapperRecord): Promise<void>;
  dropMapper(protocol: string): Promise<void>;
  saveHeld(mapper: MapperRecord, held: Held): Promise<void>;
  dropHeld(protocol: string, key: string): Promise<void>;
}

/** Keeps the journal in the agent's records. */
export function createJournal(records: RecordStore): MapperJournal {
  const keyOf = (protocol: string, key: string): string => `${key}|${protocol}`;
  return {
    mappers: () => records.list(MAPPER_BUCKET).map(([, value]) => value as MapperRecord),
    held: ({ protocol, life }) => {
      const all = records.list(HELD_BUCKET).map(([, value]) => value as HeldRecord);
      const mine = all.filter((held) => held.protocol === protocol && held.life === life);
      return new Map(mine.map((held) => [itemKey(held), held]));
    },
    saveMapper: (mapper) => records.put(MAPPER_BUCKET, mapper.protocol, mapper),
    dropMapper: (protocol) => records.delete(MAPPER_BUCKET, protocol),
    saveHeld: ({ protocol, life }, { kind, namespace, name, digest, certain }) => {
      const record: HeldRecord = { protocol, life, kind, namespace, name, digest, certain };
      return records.put(HELD_BUCKET, keyOf(protocol, itemKey(record)), record);
    },
    dropHeld: (protocol, key) => records.delete(HELD_BUCKET, keyOf(protocol, key)),
  };
}

/** Removes what no mapper's present life stands behind. */
export async function sweepJournal(records: RecordStore, journal: MapperJournal): Promise<void> {
  const lives = new Map(journal.mappers().map(({ protocol, life }) => [protocol, life]));
  const dead = records
    .list(HELD_BUCKET)
    .map(([, value]) => value as HeldRecord)
    .filter(({ protocol, life }) => lives.get(protocol) !== life);
  await Promise.all(dead.map((held) => journal.dropHeld(held.protocol, itemKey(held))));
}
