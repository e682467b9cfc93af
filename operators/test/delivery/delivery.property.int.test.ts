// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Ref } from "../../src/delivery/outbox.ts";
import { startRedis, type TestRedis } from "../redis.ts";
import { openDelivery, type Delivery } from "./fixture.ts";
import { Cluster, Edge, Session, contents, isNotOwner, settle } from "./model.ts";

let server: TestRedis;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const NODE = "edge-1";
const name = fc.constantFrom("a", "b", "c", "d", "e");
const change = fc.constantFrom("write", "write", "touch", "delete", "recreate");

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("change" as const), name, how: change }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("place" as const) }) },
  // a placement whose view of the cluster is some steps old, of this leader or of a former one
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("placeLate" as const), age: fc.nat(4), former: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("newLeader" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("connect" as const), hub: fc.constantFrom("hub-a", "hub-b") }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("pump" as const), limit: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("arrive" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("ack" as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("zombie" as const), which: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wipe" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("save" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("loseWrites" as const) }) },
);
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

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
  }

  async run(step: Step): Promise<void> {
    const act = this[step.do] as (step: Step) => Promise<void> | void;
    await act.call(this, step);
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
    this.#session = await Session.open(this.#delivery.mailboxOf(hub), NODE, this.edge);
  }

  pump({ limit }: StepOf<"pump">): Promise<void> {
    return this.#live(async (session) => void (await session.pump(this.cluster, limit)));
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

  /** What controllers and hubs do when they see that Redis is not the one that they wrote to. */
  async #replaced(): Promise<void> {
    this.#session = undefined;
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

  settle(): Promise<number> {
    const { outbox, mailbox } = this.#delivery;
    return settle({ outbox, mailbox, node: NODE, cluster: this.cluster, edge: this.edge }, this.#term);
  }
}

describe("delivery under random faults", () => {
  it("brings the newest version of every key and every delete, never an older one, and refuses stale sessions", async () => {
    const delivery = await openDelivery(server);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        await delivery.redis.flushall();
        const world = new World(delivery);
        for (const one of steps) await world.run(one);
        await world.settle();
        expect(contents(world.edge.store.values())).toEqual(contents(world.cluster.refs()));
      }),
      { numRuns: Number(process.env["LONGSHORE_PROPERTY_RUNS"] ?? 300) },
    );
    delivery.close();
  }, 120_000);

  it("leaves nothing to do for a placement that comes after", async () => {
    const delivery = await openDelivery(server, { prefix: randomUUID() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await delivery.redis.flushall();
        const world = new World(delivery);
        for (const one of steps) await world.run(one);
        await world.settle();
        const again = await delivery.outbox.sync(NODE, "workload", world.cluster.refs(), 1000);
        expect(again).toMatchObject({ puts: 0, dels: 0 });
      }),
      { numRuns: 100 },
    );
    delivery.close();
  }, 120_000);
});
