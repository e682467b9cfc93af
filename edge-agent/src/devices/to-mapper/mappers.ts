// SPDX-License-Identifier: Apache-2.0
import { MapperRegisterResponse, type MapperInfo, type MapperRegisterRequest } from "@longshore/crds/dmi";
import { DmiFault, type DmiCall } from "../../dmi/port.ts";
import type { Wanted } from "./desired.ts";
import { sweepJournal, type MapperRecord } from "./journal.ts";
import { spareMapper } from "./spare.ts";
import { MapperWorker, type WorkerDeps } from "./worker.ts";
import type { RecordStore } from "../../store/port.ts";

/** What keeping the mappers needs of the agent. */
export interface MapperDeps extends WorkerDeps {
  readonly records: RecordStore;
  /** Path of a socket that may be dialled. @throws {DmiFault} */
  readonly address: (bytes: Uint8Array) => string;
  /** protocols that are remembered at most */
  readonly maxMappers: number;
  readonly onRegistered: (count: number) => void;
}

/** Go's clients take 4 MiB of an answer; what is beyond is told by calls. */
const MAX_ANSWER_BYTES = 3_500_000;
const MAX_NAME_CHARS = 253;
const PROTOCOL = /^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/;

type Announced = Omit<MapperRecord, "life">;

function announced(info: MapperInfo | undefined, address: MapperDeps["address"]): Announced {
  const invalid = (message: string): DmiFault => new DmiFault("INVALID_ARGUMENT", "mapper", message);
  if (info === undefined) throw invalid("mapper is missing");
  const { name, version, protocol } = info;
  if (name === "" || name.length > MAX_NAME_CHARS)
    throw invalid(`mapper.name must have 1 to ${MAX_NAME_CHARS} characters`);
  if (!PROTOCOL.test(protocol)) throw invalid("mapper.protocol must be 1 to 128 printable characters");
  return { name, version: version.slice(0, MAX_NAME_CHARS), protocol, address: address(info.address) };
}

/** What fits into one answer: all models, and as many devices as there is room for. */
function fitting(wanted: readonly Wanted[]): readonly Wanted[] {
  const modelBytes = wanted.reduce((sum, { kind, bytes }) => (kind === "devicemodel" ? sum + bytes : sum), 0);
  if (modelBytes > MAX_ANSWER_BYTES) return [];
  let left = MAX_ANSWER_BYTES - modelBytes;
  return wanted.filter((item) => {
    if (item.kind === "devicemodel") return true;
    left -= item.bytes;
    return left >= 0;
  });
}

function answerOf(told: readonly Wanted[]): MapperRegisterResponse {
  return {
    modelList: told.flatMap((item) => (item.kind === "devicemodel" ? [item.message] : [])),
    deviceList: told.flatMap((item) => (item.kind === "device" ? [item.message] : [])),
  };
}

/** The mappers of this node: one of each protocol, the latest that registered. */
export class Mappers {
  readonly #deps: MapperDeps;
  readonly #workers = new Map<string, MapperWorker>();
  /** Registrations that have not ended. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(deps: MapperDeps) {
    this.#deps = deps;
  }

  /** Takes up what the records know, and goes on with it. */
  start(): void {
    const { journal, records, log } = this.#deps;
    for (const mapper of journal.mappers())
      this.#workers.set(mapper.protocol, new MapperWorker(this.#deps, mapper));
    sweepJournal(records, journal).catch((err: unknown) =>
      log.warn({ err }, "records of earlier mappers not removed"),
    );
    this.#deps.onRegistered(this.#workers.size);
    this.wakeAll();
  }

  /** The one that serves a protocol. */
  of(protocol: string): MapperWorker | undefined {
    return this.#workers.get(protocol);
  }

  wakeAll(key?: string): void {
    for (const worker of this.#workers.values()) worker.wake(key);
  }

  stop(): void {
    for (const worker of this.#workers.values()) worker.stop();
  }

  /** One registration of a protocol after the other. @throws {DmiFault} INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE */
  register(request: MapperRegisterRequest, call: DmiCall): Promise<MapperRegisterResponse> {
    const mapper = announced(request.mapper, this.#deps.address);
    const worker = this.#workerOf(mapper);
    const before = this.#queues.get(mapper.protocol) ?? Promise.resolve();
    const mine = before.catch(() => undefined).then(() => this.#take(worker, mapper, request.withData, call));
    this.#queues.set(mapper.protocol, mine);
    const ended = (): void => {
      if (this.#queues.get(mapper.protocol) === mine) this.#queues.delete(mapper.protocol);
    };
    mine.then(ended, ended);
    return mine;
  }

  #workerOf(mapper: Announced): MapperWorker {
    const known = this.#workers.get(mapper.protocol);
    if (known !== undefined) return known;
    if (this.#workers.size >= this.#deps.maxMappers && !this.#makeRoom())
      throw new DmiFault(
        "RESOURCE_EXHAUSTED",
        "mappers",
        `this node takes mappers of ${this.#deps.maxMappers} protocols`,
      );
    const worker = new MapperWorker(this.#deps, { ...mapper, life: 0 });
    this.#workers.set(mapper.protocol, worker);
    this.#deps.onRegistered(this.#workers.size);
    return worker;
  }

  /** What nothing needs may take no place for good: anybody can register any protocol. */
  #makeRoom(): boolean {
    const { desired, journal, log } = this.#deps;
    const needs = (protocol: string, worker: MapperWorker): boolean => {
      const { wanted, kept } = desired(protocol);
      return wanted.length + kept.size + worker.held.size > 0 || this.#queues.has(protocol);
    };
    const protocol = spareMapper(
      [...this.#workers].map(([name, worker]) => ({
        protocol: name,
        isNeeded: needs(name, worker),
        unreachableSinceMs: worker.unreachableSinceMs,
      })),
    );
    if (protocol === undefined) return false;
    this.#workers.get(protocol)?.stop();
    this.#workers.delete(protocol);
    log.warn({ protocol }, "a mapper that serves no device is forgotten, for another");
    journal
      .dropMapper(protocol)
      .catch((err: unknown) => log.warn({ err, protocol }, "the record of a mapper not removed"));
    return true;
  }

  async #take(
    worker: MapperWorker,
    mapper: Announced,
    withData: boolean,
    call: DmiCall,
  ): Promise<MapperRegisterResponse> {
    const { desired, log } = this.#deps;
    const told = withData ? fitting(desired(mapper.protocol).wanted) : [];
    try {
      await worker.register(mapper, told);
      // Nobody reads the answer: it counts for nothing, and calls will tell.
      if (call.isCancelled() && told.length > 0) await worker.register(mapper, []);
    } catch (cause) {
      throw new DmiFault("UNAVAILABLE", "store", "the registration could not be stored, try again", {
        cause,
      });
    }
    const { name, protocol, version } = mapper;
    log.info({ mapper: name, protocol, version, told: told.length }, "mapper registered");
    return answerOf(told);
  }
}
