// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import fc from "fast-check";
import type { MapperDesired, Wanted } from "../../../src/devices/to-mapper/desired.ts";
import { itemKey } from "../../../src/devices/model.ts";
import { planMapper, type Held, type MapperCall } from "../../../src/devices/to-mapper/plan.ts";

const where = { namespace: "default" };
const dev = (name: string, digest = "1", model = "m"): Wanted => ({
  ...where,
  kind: "device",
  name,
  digest,
  model,
  bytes: 1,
  message: dmi.Device.create({ name }),
});
const mod = (name: string, digest = "1"): Wanted => ({
  ...where,
  kind: "devicemodel",
  name,
  digest,
  bytes: 1,
  message: dmi.DeviceModel.create({ name }),
});
const held = (item: Wanted, certain = true): Held => ({
  ...where,
  kind: item.kind,
  name: item.name,
  digest: item.digest,
  certain,
});
const desired = (wanted: readonly Wanted[], kept: readonly string[] = []): MapperDesired => ({
  wanted,
  kept: new Set(kept),
});
const byKey = (items: readonly Held[]) => new Map(items.map((item) => [itemKey(item), item]));
const shown = (calls: readonly MapperCall[]): string[] =>
  calls.map((call) => `${call.op === "put" ? call.how : "remove"} ${call.item.kind} ${call.item.name}`);

describe("planMapper", () => {
  it.each([
    {
      when: "nothing is wanted and nothing held",
      wanted: [],
      has: [],
      want: [],
    },
    {
      when: "a device and its model are new: the model first",
      wanted: [dev("a"), mod("m")],
      has: [],
      want: ["create devicemodel m", "create device a"],
    },
    {
      when: "all is held as wanted",
      wanted: [dev("a"), mod("m")],
      has: [held(dev("a")), held(mod("m"))],
      want: [],
    },
    {
      when: "a device changed",
      wanted: [dev("a", "2"), mod("m")],
      has: [held(dev("a")), held(mod("m"))],
      want: ["update device a"],
    },
    {
      when: "a model changed",
      wanted: [dev("a"), mod("m", "2")],
      has: [held(dev("a")), held(mod("m"))],
      want: ["update devicemodel m"],
    },
    {
      when: "a call about the device was begun and its end is not known, even with the same digest",
      wanted: [dev("a"), mod("m")],
      has: [held(dev("a"), false), held(mod("m"))],
      want: ["either device a"],
    },
    {
      when: "the last device of a model is gone: the device first",
      wanted: [],
      has: [held(mod("m")), held(dev("a"))],
      want: ["remove device a", "remove devicemodel m"],
    },
    {
      when: "one device replaces another",
      wanted: [dev("b"), mod("m")],
      has: [held(dev("a")), held(mod("m"))],
      want: ["remove device a", "create device b"],
    },
    {
      when: "a device changes its model",
      wanted: [dev("a", "2", "n"), mod("n")],
      has: [held(dev("a")), held(mod("m"))],
      want: ["create devicemodel n", "update device a", "remove devicemodel m"],
    },
  ])("plans $want when $when", ({ wanted, has, want }) => {
    expect(shown(planMapper(desired(wanted), byKey(has), new Set()))).toEqual(want);
  });

  it("leaves what cannot be told now as the mapper has it", () => {
    const kept = ["device/default/a", "devicemodel/default/m"];
    expect(planMapper(desired([], kept), byKey([held(dev("a")), held(mod("m"))]), new Set())).toEqual([]);
  });

  it("lets a refused item hold up what depends on it, and nothing else", () => {
    const wanted = desired([dev("a"), dev("b", "1", "n"), mod("m"), mod("n")]);
    const calls = planMapper(wanted, new Map(), new Set(["devicemodel/default/m"]));
    expect(shown(calls)).toEqual(["create devicemodel n", "create device b"]);
  });

  it("keeps a model while the removal of its device is refused", () => {
    const calls = planMapper(
      desired([]),
      byKey([held(dev("a")), held(mod("m"))]),
      new Set(["device/default/a"]),
    );
    expect(calls).toEqual([]);
  });
});

/** A mapper that insists on the order: no device without its model, no model taken from under a device. */
class StrictMapper {
  readonly devices = new Map<string, { digest: string; model: string }>();
  readonly models = new Map<string, string>();
  /** `key@digest` of every put, in this life. */
  readonly puts: string[] = [];

  take({ op, item }: MapperCall): void {
    if (op === "remove") this.#remove(item);
    else this.#put(item);
  }
  #put(item: Wanted): void {
    this.puts.push(`${itemKey(item)}@${item.digest}`);
    if (item.kind === "devicemodel") this.models.set(item.name, item.digest);
    else if (!this.models.has(item.model)) throw new Error(`${item.name} came before its model`);
    else this.devices.set(item.name, { digest: item.digest, model: item.model });
  }
  #remove({ kind, name }: Held): void {
    if (kind === "device") this.devices.delete(name);
    else if ([...this.devices.values()].some(({ model }) => model === name))
      throw new Error(`${name} was removed under its device`);
    else this.models.delete(name);
  }
}

interface Step {
  readonly change: readonly { readonly name: string; readonly digest: string; readonly model: string }[];
  readonly models: Readonly<Record<"m" | "n", string>>;
  /** calls made before the agent dies: at which of its two writes, or not at all */
  readonly calls: number;
  readonly crash: "none" | "after intent" | "after call";
  readonly mapperRestarts: boolean;
}

const device$ = fc.record({
  name: fc.constantFrom("a", "b", "c"),
  digest: fc.constantFrom("1", "2", "3"),
  model: fc.constantFrom("m", "n"),
});
const step$: fc.Arbitrary<Step> = fc.record({
  change: fc.uniqueArray(device$, { selector: ({ name }) => name }),
  models: fc.record({ m: fc.constantFrom("1", "2"), n: fc.constantFrom("1", "2") }),
  calls: fc.integer({ min: 0, max: 4 }),
  crash: fc.constantFrom("none", "after intent", "after call"),
  mapperRestarts: fc.boolean(),
});

const wantedOf = ({ change, models }: Step): Wanted[] => {
  const used = [...new Set(change.map(({ model }) => model))] as ("m" | "n")[];
  // The digest of a device covers the reference to its model.
  const devices = change.map(({ name, digest, model }) => dev(name, `${digest}${model}`, model));
  return [...devices, ...used.map((name) => mod(name, models[name]))];
};

/** Nothing changes any more: every call that is left. */
function finish(next: () => MapperCall | undefined, make: (call: MapperCall) => void): void {
  for (let i = 0, call = next(); call !== undefined; i++, call = next()) {
    if (i > 100) throw new Error("the plan never ends");
    make(call);
  }
}

describe("planMapper against a mapper that restarts and an agent that dies between its writes", () => {
  const simulate = (steps: readonly Step[]) => {
    let mapper = new StrictMapper();
    /** The durable record. */
    let record = new Map<string, Held>();
    let crashes = 0;
    const one = (call: MapperCall, crash: Step["crash"]): void => {
      const key = itemKey(call.item);
      const { kind, namespace, name, digest } = call.item;
      record.set(key, { kind, namespace, name, digest, certain: false });
      if (crash === "after intent") return;
      mapper.take(call);
      if (crash === "after call") return;
      if (call.op === "remove") record.delete(key);
      else record.set(key, { kind, namespace, name, digest, certain: true });
    };
    const next = (step: Step) => planMapper(desired(wantedOf(step)), record, new Set())[0];
    for (const step of steps) {
      if (step.mapperRestarts) {
        mapper = new StrictMapper();
        record = new Map();
        crashes = 0;
      }
      for (let i = 0, call = next(step); call !== undefined && i < step.calls; i++, call = next(step)) {
        const isLast = i === step.calls - 1;
        if (isLast && step.crash !== "none") crashes++;
        one(call, isLast ? step.crash : "none");
      }
    }
    const last = steps.at(-1);
    if (last === undefined) return undefined;
    finish(
      () => next(last),
      (call) => one(call, "none"),
    );
    return { mapper, last, crashes };
  };

  it("ends with exactly what is wanted, always in an order that a strict mapper accepts", () => {
    fc.assert(
      fc.property(fc.array(step$, { minLength: 1, maxLength: 8 }), (steps) => {
        const end = simulate(steps);
        const wanted = wantedOf(end?.last as Step);
        const devices = wanted
          .filter(({ kind }) => kind === "device")
          .map(({ name, digest }) => [name, digest]);
        const models = wanted
          .filter(({ kind }) => kind === "devicemodel")
          .map(({ name, digest }) => [name, digest]);
        const has = [...(end?.mapper.devices ?? [])].map(([name, { digest }]) => [name, digest]);
        expect(has.sort()).toEqual(devices.sort());
        expect([...(end?.mapper.models ?? [])].sort()).toEqual(models.sort());
      }),
      { numRuns: 500 },
    );
  });

  it("I4 delivers each version once a life of the mapper, and once more only for each crash in the window", () => {
    const digest$ = fc.integer({ min: 0, max: 3 });
    fc.assert(
      // Versions only rise: the same version twice is the same delivery twice.
      fc.property(fc.array(fc.tuple(step$, digest$), { minLength: 1, maxLength: 8 }), (drawn) => {
        let version = 0;
        const steps = drawn.map(([step, rise]): Step => {
          version += rise;
          const change = ["a", "b"].map((name) => ({ name, digest: `v${version}`, model: "m" }));
          return { ...step, change, models: { m: "1", n: "1" } };
        });
        const end = simulate(steps);
        const puts = end?.mapper.puts ?? [];
        expect(puts.length - new Set(puts).size).toBeLessThanOrEqual(end?.crashes ?? 0);
      }),
      { numRuns: 500 },
    );
  });
});
