// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { LedgerRecord, LedgerState } from "../../src/delivery/ledger.ts";
import type { Ref } from "../../src/delivery/outbox.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { openDelivery, type Delivery } from "./fixture.ts";
import { Cluster, Edge, Session, contents, isNotOwner, settle, type Dialect } from "./model.ts";

let server: TestRedis;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const NODE = "edge-1";
const name = fc.constantFrom("a", "b", "c", "d", "e");
const change = fc.constantFrom("write", "write", "touch", "delete", "recreate");

const weighted = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const is = <K extends string>(what: K) => ({ do: fc.constant(what) });
const common = [
  weighted(6, fc.record({ ...is("change"), name, how: change })),
  weighted(4, fc.record({ ...is("place") })),
  // a placement whose view of the cluster is some steps old, of this leader or of a former one
  weighted(2, fc.record({ ...is("placeLate"), age: fc.nat(4), former: fc.boolean() })),
  weighted(1, fc.record({ ...is("newLeader") })),
  weighted(1, fc.record({ ...is("connect"), hub: fc.constantFrom("hub-a", "hub-b") })),
  weighted(6, fc.record({ ...is("pump"), limit: fc.integer({ min: 1, max: 4 }) })),
  weighted(8, fc.record({ ...is("arrive") })),
  weighted(6, fc.record({ ...is("ack"), count: fc.integer({ min: 1, max: 3 }) })),
  weighted(1, fc.record({ ...is("crash") })),
  weighted(1, fc.record({ ...is("zombie"), which: fc.nat(1) })),
  weighted(2, fc.record({ ...is("readAcked") })),
  weighted(2, fc.record({ ...is("writeRecords") })),
] as const;
const losses = [
  weighted(1, fc.record({ ...is("wipe") })),
  weighted(1, fc.record({ ...is("save") })),
  weighted(1, fc.record({ ...is("loseWrites") })),
] as const;
const step = fc.oneof(...common, ...losses);
const lossless = fc.oneof(...common);
const history = (of: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> =>
  fc.array(of, { minLength: 10, maxLength: 100, size: "max" });
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type StepOf<K extends Step["do"]> = Extract<Step, { do: K }>;

/** One run: a node, its edge, many writers and sessions. */
class World {
  readonly cluster = new Cluster();
  readonly edge = new Edge();
  readonly #delivery: Delivery;
  readonly #views: Ref[][] = [];
  readonly #zombies: Session[] = [];
  #session: Session | undefined;
  #term = 2;
  #saved: (Buffer | null)[] | undefined;

  readonly #dialect: Dialect;
  /** What somebody keeps outside Redis of what was acked, and what he read and has not written yet. */
  recorded: LedgerState["entries"] = [];
  #read: LedgerState | undefined;

  constructor(delivery: Delivery, dialect: Dialect) {
    this.#delivery = delivery;
    this.#dialect = dialect;
  }

  async run(step: Step): Promise<void> {
    await (this as unknown as Record<string, (step: Step) => Promise<void> | void>)[step.do]!(step);
  }

  change({ name, how }: StepOf<"change">): void {
    this.#views.unshift(this.cluster.refs());
    this.cluster.change(name, how);
  }

  async place(): Promise<void> {
    await this.#delivery.outbox.sync(NODE, "workload", this.cluster.refs(), this.#term);
  }

  async placeLate({ age, former }: StepOf<"placeLate">): Promise<void> {
    const term = former ? this.#term - 1 : this.#term;
    const done = this.#delivery.outbox.sync(NODE, "workload", this.#views[age] ?? [], term);
    // A former leader is refused as soon as the new one has written.
    await (former
      ? done.catch((error: unknown) => expect(error).toMatchObject({ code: "STALE_TERM" }))
      : done);
  }

  newLeader(): Promise<void> {
    this.#term++;
    return this.place();
  }

  async connect({ hub }: StepOf<"connect">): Promise<void> {
    if (this.#session) this.#zombies.unshift(this.#session);
    this.#session = await Session.open(this.#delivery.mailboxOf(hub), NODE, this.edge, this.#dialect);
  }

  pump({ limit }: StepOf<"pump">): Promise<void> {
    return this.#live(async (session) => {
      await session.pump(this.cluster, limit);
    });
  }

  arrive(): void {
    this.#session?.arrive(this.edge);
  }

  ack({ count }: StepOf<"ack">): Promise<void> {
    return this.#live((session) => session.ack(count));
  }

  /** The session is gone with all frames and acks that were on their way. */
  crash(): void {
    this.#session = undefined;
  }

  /** An older session, whose hub does not know yet, tries to work. */
  async zombie({ which }: StepOf<"zombie">): Promise<void> {
    const zombie = this.#zombies[which];
    if (!zombie) return;
    await expect(zombie.pump(this.cluster, 1)).rejects.toMatchObject({ code: "NOT_OWNER" });
    if (zombie.frames.length > 0) zombie.acks.push(...zombie.frames.splice(0));
    if (zombie.acks.length > 0) await expect(zombie.ack(9)).rejects.toMatchObject({ code: "NOT_OWNER" });
  }

  async wipe(): Promise<void> {
    await this.#delivery.redis.flushall();
    await this.#replaced();
  }

  async save(): Promise<void> {
    this.#saved = await Promise.all(this.#keys().map((key) => this.#delivery.redis.dumpBuffer(key)));
  }

  /** A failover to a replica that was behind. */
  async loseWrites(): Promise<void> {
    if (!this.#saved) return;
    for (const [i, key] of this.#keys().entries()) {
      const dump = this.#saved[i];
      await this.#delivery.redis.del(key);
      if (dump) await this.#delivery.redis.restore(key, 0, dump, "REPLACE");
    }
    // Whoever held the session by then may be the owner again: hubs end their sessions when Redis was replaced.
    this.#zombies.length = 0;
    await this.#replaced();
  }

  /** Whoever keeps records reads what is acked, of a node that is said to have changed. */
  async readAcked(): Promise<void> {
    for await (const nodes of this.#delivery.ledger.changedNodes())
      if (nodes.includes(NODE)) this.#read = await this.#delivery.ledger.acked(NODE);
  }

  /** And writes it down, maybe long after. */
  async writeRecords(): Promise<void> {
    if (!this.#read) return;
    this.recorded = this.#read.entries;
    await this.#delivery.ledger.settle(NODE, this.#read.mark);
    this.#read = undefined;
  }

  async #compareRecords(): Promise<void> {
    this.#read = await this.#delivery.ledger.acked(NODE);
    await this.writeRecords();
  }

  /** What controllers and hubs do when they see that Redis is not the one that they wrote to. */
  async #replaced(): Promise<void> {
    this.#session = undefined;
    await this.#compareRecords();
    await this.place();
  }

  async #live(work: (session: Session) => Promise<void>): Promise<void> {
    if (!this.#session) return;
    try {
      await work(this.#session);
    } catch (error) {
      if (!isNotOwner(error)) throw error;
      this.#session = undefined;
    }
  }

  #keys(): string[] {
    return ["want", "acked", "owner", "meta"].map((part) => `${this.#delivery.prefix}:{${NODE}}:${part}`);
  }

  settle(): Promise<void> {
    const { outbox, mailbox } = this.#delivery;
    const parts = { outbox, mailbox, node: NODE, session: this.#session, term: this.#term };
    return settle({ ...parts, cluster: this.cluster, edge: this.edge, dialect: this.#dialect });
  }
}

const RUNS = Number(process.env["LONGSHORE_PROPERTY_RUNS"] ?? 300);

describe("delivery under random faults", () => {
  let delivery: Delivery;
  beforeAll(async () => {
    delivery = await openDelivery(server);
  });
  afterAll(() => delivery.close());

  async function play(steps: readonly Step[], dialect: Dialect): Promise<World> {
    await delivery.redis.flushall();
    const world = new World(delivery, dialect);
    for (const one of steps) await world.run(one);
    await world.settle();
    expect(contents(world.edge.store.values())).toEqual(contents(world.cluster.refs()));
    return world;
  }

  it("brings the newest version of every key and every delete, never an older one, and refuses stale sessions", async () => {
    const property = fc.asyncProperty(history(step), async (steps) => {
      await play(steps, "ours");
    });
    await fc.assert(property, { numRuns: RUNS });
  }, 300_000);

  it("does the same for an EdgeCore, which sends no inventory, as long as Redis keeps its writes", async () => {
    const property = fc.asyncProperty(history(lossless), async (steps) => {
      await play(steps, "legacy");
    });
    await fc.assert(property, { numRuns: RUNS });
  }, 300_000);

  it("never loses a change of what is acked, whenever the records are read and written", async () => {
    const property = fc.asyncProperty(
      history(step),
      fc.constantFrom("ours", "legacy"),
      async (steps, dialect) => {
        await delivery.redis.flushall();
        const world = new World(delivery, dialect);
        for (const one of steps) await world.run(one);
        await world.writeRecords();
        await world.readAcked();
        await world.writeRecords();
        expect(byField(world.recorded)).toEqual(byField((await delivery.ledger.acked(NODE)).entries));
        const left: string[] = [];
        for await (const nodes of delivery.ledger.changedNodes()) left.push(...nodes);
        expect(left).toEqual([]);
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  }, 300_000);

  it("sends an EdgeCore only what changed when Redis was emptied, and restores from records", async () => {
    // what the records know of an object: its digest, too, or its version alone
    const known = fc.constantFrom("digest", "resourceVersion");
    const edits = fc.array(fc.record({ ...is("change"), name, how: change }), { maxLength: 6 });
    const property = fc.asyncProperty(history(lossless), edits, known, async (steps, later, by) => {
      const world = await play(steps, "legacy");
      world.crash();
      const { entries } = await delivery.ledger.acked(NODE);
      const records = by === "digest" ? entries : entries.map(withoutDigest);
      const before = new Map(world.edge.store);
      for (const one of later) world.change(one);
      await delivery.redis.flushall();
      delivery.ledger.onLost(() => records);
      try {
        const received = world.edge.received;
        await world.settle();
        expect(contents(world.edge.store.values())).toEqual(contents(world.cluster.refs()));
        expect(world.edge.received - received).toBeLessThanOrEqual(
          framesFor(before, world.cluster.objects, by),
        );
      } finally {
        delivery.ledger.onLost(undefined);
      }
    });
    await fc.assert(property, { numRuns: Math.ceil(RUNS / 3) });
  }, 300_000);

  it("leaves nothing to do for a placement that comes after", async () => {
    const property = fc.asyncProperty(history(step), async (steps) => {
      const world = await play(steps, "ours");
      const again = await delivery.outbox.sync(NODE, "workload", world.cluster.refs(), 1000);
      expect(again).toMatchObject({ puts: 0, dels: 0 });
    });
    await fc.assert(property, { numRuns: Math.ceil(RUNS / 3) });
  }, 300_000);
});

const withoutDigest = ({ kind, namespace, name, uid, resourceVersion }: LedgerRecord): LedgerRecord => ({
  ...{ kind, namespace, name, uid, resourceVersion },
});

const byField = (entries: LedgerState["entries"]): object =>
  Object.fromEntries(entries.map((e) => [`${e.kind}/${e.name}`, `${e.uid} ${e.resourceVersion}`]));

type Objects = ReadonlyMap<string, Ref>;

/** Frames that bring an edge from one state to another: a put each difference, and a del a uid that is gone. */
function framesFor(before: Objects, after: Objects, by: "digest" | "resourceVersion"): number {
  const isNew = (ref: Ref): boolean => before.get(ref.name)?.[by] !== ref[by];
  const isGone = (ref: Ref): boolean => after.get(ref.name)?.uid !== ref.uid;
  return [...after.values()].filter(isNew).length + [...before.values()].filter(isGone).length;
}
