// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import fc from "fast-check";
import { itemKey } from "../../../src/devices/model.ts";
import type { Wanted } from "../../../src/devices/to-mapper/desired.ts";
import { createJournal, type MapperRecord } from "../../../src/devices/to-mapper/journal.ts";
import { MapperWorker } from "../../../src/devices/to-mapper/worker.ts";
import { MapperError, type MapperClient } from "../../../src/dmi/port.ts";
import { fakeClock, fakeLog } from "../../tunnel/fakes.ts";
import { MemoryRecords } from "../support/memory.ts";

const LIMITS = { maxCalls: 4, slowCallMs: 1_000, gatherMs: 10, probeMs: 2_000 };
const MAPPER: MapperRecord = { protocol: "p", name: "m", version: "", address: "/m.sock", life: 0 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What a call that the mapper has not answered will do. */
interface Pending {
  readonly key: string;
  /** An earlier registration's. */
  isOld: boolean;
  readonly effect: (isOld: boolean) => void;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

type Answer = "ok" | "refused" | "hangs" | "hangs, and is done" | "cut" | "cut, and is done";

const ERRORS: Readonly<Partial<Record<Answer, MapperError["code"]>>> = {
  refused: "REFUSED",
  hangs: "TIMEOUT",
  "hangs, and is done": "TIMEOUT",
  cut: "UNREACHABLE",
  "cut, and is done": "UNREACHABLE",
};

/** A mapper that does what it is told when a test lets it, and insists on the order. */
class Mapper {
  readonly devices = new Map<string, { digest: string; model: string }>();
  readonly models = new Map<string, string>();
  readonly pending: Pending[] = [];
  readonly calls: string[] = [];
  readonly wrongs: string[] = [];
  most = 0;
  isAway = false;

  readonly dial = (): MapperClient => {
    const { devices, models } = this;
    let isClosed = false;
    const call = (key: string, told: string, effect: Pending["effect"]): Promise<void> =>
      isClosed
        ? Promise.reject(new MapperError("UNREACHABLE", "call", "closed"))
        : this.#call(key, told, effect);
    const put = (message: dmi.Device): Promise<void> => {
      const [digest = "", model = ""] = (message.spec?.deviceModelReference ?? "").split("|");
      return call(`device/default/${message.name}`, `put ${message.name}@${digest}`, (isOld) => {
        if (!isOld && !models.has(model)) throw new Error(`${message.name} came before its model`);
        devices.set(message.name, { digest, model });
      });
    };
    const putModel = ({ name, spec }: dmi.DeviceModel): Promise<void> => {
      const digest = spec?.properties[0]?.name ?? "";
      return call(`devicemodel/default/${name}`, `put model ${name}@${digest}`, () => {
        models.set(name, digest);
      });
    };
    return {
      ready: () =>
        this.isAway ? Promise.reject(new MapperError("UNREACHABLE", "connect", "away")) : Promise.resolve(),
      registerDevice: put,
      updateDevice: put,
      createDeviceModel: putModel,
      updateDeviceModel: putModel,
      removeDevice: (_namespace, name) =>
        call(`device/default/${name}`, `remove ${name}`, () => devices.delete(name)),
      removeDeviceModel: (_namespace, name) =>
        call(`devicemodel/default/${name}`, `remove model ${name}`, (isOld) => {
          if (!isOld && [...devices.values()].some(({ model }) => model === name))
            throw new Error(`${name} was removed under its device`);
          models.delete(name);
        }),
      getDevice: () => Promise.resolve(undefined),
      close: () => {
        isClosed = true;
      },
    };
  };

  answer(index: number, answer: Answer): void {
    const [call] = this.pending.splice(index % Math.max(1, this.pending.length), 1);
    if (call === undefined) return;
    if (answer === "ok" || answer.endsWith("done")) call.effect(call.isOld);
    const code = ERRORS[answer];
    if (code === undefined) call.resolve();
    else call.reject(new MapperError(code, "call", answer));
  }

  /** It forgets all, but goes on with what it is doing, in no order any more. */
  begin(): void {
    this.devices.clear();
    this.models.clear();
    for (const call of this.pending) call.isOld = true;
  }

  /** Everything under way ends: of every other call it is not seen that it was done. */
  cutAll(): void {
    for (let i = 0; this.pending.length > 0; i++) this.answer(0, i % 2 === 0 ? "cut" : "cut, and is done");
  }

  #call(key: string, told: string, effect: Pending["effect"]): Promise<void> {
    if (this.pending.some((other) => other.key === key)) this.wrongs.push(`two calls about ${key} at once`);
    this.calls.push(told);
    return new Promise((resolve, reject) => {
      this.pending.push({ key, isOld: false, effect, resolve, reject });
      this.most = Math.max(this.most, this.pending.filter(({ isOld }) => !isOld).length);
    });
  }
}

const dev = (name: string, digest: string, model: string): Wanted => ({
  namespace: "default",
  kind: "device",
  name,
  digest: `${digest}|${model}`,
  model,
  bytes: 1,
  message: dmi.Device.create({ name, spec: { deviceModelReference: `${digest}|${model}` } }),
});
const mod = (name: string, digest: string): Wanted => ({
  namespace: "default",
  kind: "devicemodel",
  name,
  digest,
  bytes: 1,
  message: dmi.DeviceModel.create({ name, spec: { properties: [{ name: digest }] } }),
});

/** One agent after the other on the same records, with one mapper at a time. */
class World {
  readonly clock = fakeClock();
  readonly log = fakeLog();
  readonly records = new MemoryRecords();
  mapper = new Mapper();
  wanted = new Map<string, Wanted>();
  worker: MapperWorker;
  readonly results: string[] = [];

  constructor() {
    this.worker = this.#agent(MAPPER);
  }

  #agent(mapper: MapperRecord): MapperWorker {
    return new MapperWorker(
      {
        journal: createJournal(this.records),
        dial: () => this.mapper.dial(),
        desired: () => ({ wanted: [...this.wanted.values()], kept: new Set() }),
        clock: this.clock,
        log: this.log,
        random: () => 0.5,
        limits: LIMITS,
        onCall: (_call, result) => this.results.push(result),
        onHealth: () => undefined,
      },
      mapper,
    );
  }

  /** With the models that its devices need, as the view makes them. */
  want(devices: readonly { name: string; digest: string; model: string }[], modelDigest = "1"): void {
    const before = this.wanted;
    const items = devices.flatMap(({ name, digest, model }) => [
      dev(name, digest, model),
      mod(model, modelDigest),
    ]);
    this.wanted = new Map(items.map((item) => [itemKey(item), item]));
    for (const key of new Set([...before.keys(), ...this.wanted.keys()]))
      if (before.get(key)?.digest !== this.wanted.get(key)?.digest) this.worker.wake(key);
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    for (let i = 0; i < 4; i++) await turn();
  }

  /**
   * The mapper registers, and holds what the answer says: as another process, or as the same one, in which what it
   * was told before may still happen.
   */
  async register(withData: boolean, isSame = false): Promise<void> {
    if (!isSame) {
      this.mapper.cutAll();
      this.mapper = new Mapper();
    }
    const told = withData ? [...this.wanted.values()] : [];
    const { protocol, name, version, address } = MAPPER;
    await this.worker.register({ protocol, name, version, address }, told);
    this.mapper.begin();
    for (const item of told) {
      if (item.kind === "devicemodel") this.mapper.models.set(item.name, item.digest);
      else this.mapper.devices.set(item.name, { digest: item.digest.split("|")[0] ?? "", model: item.model });
    }
    await turn();
  }

  async restart(): Promise<void> {
    this.worker.stop();
    this.mapper.cutAll();
    await turn();
    this.worker = this.#agent(createJournal(this.records).mappers()[0] ?? MAPPER);
    this.worker.wake();
  }

  /** Nothing changes any more, and the mapper does all it is told. */
  async finish(): Promise<void> {
    this.mapper.isAway = false;
    for (let quiet = 0, i = 0; quiet < 3; i++) {
      if (i > 200) throw new Error("it never ends");
      quiet = this.mapper.pending.length === 0 ? quiet + 1 : 0;
      while (this.mapper.pending.length > 0) this.mapper.answer(0, "ok");
      await this.pass(70_000);
    }
  }
}

type Step = (world: World) => void | Promise<void>;

const device$ = fc.record({
  name: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  digest: fc.constantFrom("1", "2", "3"),
  model: fc.constantFrom("m", "n"),
});
const answer$ = fc.constantFrom<Answer>(
  ...(["ok", "ok", "ok", "refused", "hangs", "hangs, and is done", "cut", "cut, and is done"] as const),
);
const step$: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.uniqueArray(device$, { selector: ({ name }) => name, maxLength: 6 }),
        fc.constantFrom("1", "2"),
      )
      .map(
        ([devices, model]): Step =>
          (world) =>
            world.want(devices, model),
      ),
  },
  {
    weight: 8,
    arbitrary: fc.tuple(fc.nat(9), answer$).map(
      ([i, how]): Step =>
        (world) =>
          world.mapper.answer(i, how),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(1, 20, 1_500, 30_000).map(
      (ms): Step =>
        (world) =>
          world.pass(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (withData): Step =>
        (world) =>
          world.register(withData),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.register(true, true)) },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.restart()) },
  {
    weight: 1,
    arbitrary: fc.boolean().map(
      (isAway): Step =>
        (world) =>
          void (world.mapper.isAway = isAway),
    ),
  },
);

describe("a mapper's worker", () => {
  it("I1 I4 ends with the newest of every device at the mapper, and never tells of one twice at a time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step$, { minLength: 1, maxLength: 40 }), async (steps) => {
        const world = new World();
        await world.register(true);
        for (const step of steps) {
          await step(world);
          await world.pass(11);
          expect(world.mapper.most).toBeLessThanOrEqual(LIMITS.maxCalls);
          expect(world.mapper.wrongs).toEqual([]);
        }
        await world.finish();
        const wanted = [...world.wanted.values()];
        const of = (kind: Wanted["kind"]) =>
          wanted.filter((item) => item.kind === kind).map(({ name, digest }) => [name, digest]);
        const has = [...world.mapper.devices].map(([name, { digest, model }]) => [
          name,
          `${digest}|${model}`,
        ]);
        expect(has.sort()).toEqual(of("device").sort());
        expect([...world.mapper.models].sort()).toEqual(of("devicemodel").sort());
        expect(world.mapper.wrongs).toEqual([]);
        world.worker.stop();
      }),
      { numRuns: 400 },
    );
  }, 60_000);

  const many = (count: number, model = "m") =>
    Array.from({ length: count }, (_, i) => ({ name: `d${i}`, digest: "1", model }));

  it("tells of several devices at once, after their model, and of no more than its limit", async () => {
    const world = new World();
    await world.register(false);
    world.want(many(6));
    await world.pass(10);
    expect(world.mapper.calls).toEqual(["put model m@1"]);
    world.mapper.answer(0, "ok");
    await world.pass(0);
    expect(world.mapper.calls.slice(1)).toEqual(["put d0@1", "put d1@1", "put d2@1", "put d3@1"]);
    world.mapper.answer(2, "ok");
    await world.pass(0);
    expect(world.mapper.calls.slice(5)).toEqual(["put d4@1"]);
    world.worker.stop();
  });

  it("does not tell of a device again because another changed while it was told", async () => {
    const world = new World();
    await world.register(false);
    world.want(many(1));
    await world.pass(10);
    world.mapper.answer(0, "ok");
    await world.pass(0);
    world.want(many(2));
    await world.pass(10);
    world.mapper.answer(0, "ok");
    world.mapper.answer(0, "ok");
    await world.pass(5_000);
    expect(world.mapper.calls).toEqual(["put model m@1", "put d0@1", "put d1@1"]);
    world.worker.stop();
  });

  it("lets devices that hang take no more than half of the room, once it knows them", async () => {
    const world = new World();
    await world.register(false);
    const devices = many(12);
    world.want(devices);
    await world.pass(10);
    world.mapper.answer(0, "ok");
    await world.pass(0);
    // The first eight never answer; each ends at its deadline, as the client makes it.
    const isHealthy = ({ key }: Pending): boolean => Number(key.split("/d").at(-1)) >= 8;
    const hangs = (call: Pending): boolean => !isHealthy(call);
    const indexOf = (which: (call: Pending) => boolean): number => world.mapper.pending.findIndex(which);
    const answerAll = async (which: (call: Pending) => boolean, how: Answer): Promise<void> => {
      while (world.mapper.pending.some(which)) {
        world.mapper.answer(indexOf(which), how);
        if (how === "ok") await world.pass(0);
      }
    };
    for (let second = 0; second < 60; second++) {
      await world.pass(1_000);
      await answerAll(isHealthy, "ok");
      if (second % 10 === 9) await answerAll(hangs, "hangs");
      await world.pass(0);
    }
    expect([...world.mapper.devices.keys()].sort()).toEqual(["d10", "d11", "d8", "d9"]);
    // Later changes of a healthy one never wait for those that hang.
    for (const digest of ["2", "3", "4"]) {
      world.want(devices.map((one) => (one.name === "d9" ? { ...one, digest } : one)));
      await world.pass(1_000);
      world.mapper.answer(indexOf(isHealthy), "ok");
      await world.pass(0);
      expect(world.mapper.devices.get("d9")?.digest).toBe(digest);
    }
    world.worker.stop();
  });

  it("knows since when nobody is there, also while there is nothing to tell, and when somebody is again", async () => {
    const world = new World();
    await world.register(false);
    await world.pass(10);
    expect(world.worker.unreachableSinceMs).toBeUndefined();
    world.mapper.isAway = true;
    await world.pass(2_000);
    expect(world.worker.unreachableSinceMs).toBeGreaterThan(0);
    world.mapper.isAway = false;
    await world.pass(10_000);
    expect(world.worker.unreachableSinceMs).toBeUndefined();
    world.worker.stop();
  });

  it("tells what a device did wrong until it does it right", async () => {
    const world = new World();
    await world.register(false);
    world.want(many(1));
    await world.pass(10);
    world.mapper.answer(0, "ok");
    await world.pass(0);
    world.mapper.answer(0, "hangs");
    await world.pass(0);
    expect(world.worker.troubleOf("device/default/d0")).toMatchObject({ kind: "hung" });
    await world.pass(1_000);
    world.mapper.answer(0, "refused"); // an update, for it may have it; a registration follows
    await world.pass(0);
    world.mapper.answer(0, "refused");
    await world.pass(0);
    expect(world.worker.troubleOf("device/default/d0")).toMatchObject({ kind: "refused" });
    await world.pass(2_000);
    world.mapper.answer(0, "ok");
    await world.pass(0);
    expect(world.worker.troubleOf("device/default/d0")).toBeUndefined();
    world.worker.stop();
  });
});
