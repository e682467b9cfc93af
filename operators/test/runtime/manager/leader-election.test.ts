// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Client } from "../../../src/runtime/client.ts";
import { ApiError } from "../../../src/runtime/errors.ts";
import { silentLog, type Log } from "../../../src/runtime/log.ts";
import {
  LeaderLostError,
  createLeaderElector,
  type LeaderElector,
} from "../../../src/runtime/manager/leader-election.ts";
import { mayAcquire, nextTerm, type Lease, type LeaseSpec } from "../../../src/runtime/manager/lease.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";

/** One Lease with optimistic locking; calls fail while `isDown`. */
class Leases {
  isDown = false;
  losesAnswers = false;
  lease: Lease | undefined;
  #version = 0;
  #check(): void {
    if (this.isDown) throw new ApiError({ code: 0, reason: "Timeout", message: "down" });
  }
  #store(spec: LeaseSpec): Lease {
    const metadata = { name: "l", namespace: "ns", uid: "u", resourceVersion: String(++this.#version) };
    this.lease = { metadata, spec };
    return this.lease;
  }
  seize(spec: LeaseSpec): void {
    this.#store(spec);
  }
  readonly client = {
    get: () =>
      answer(() => {
        this.#check();
        if (this.lease === undefined) throw new ApiError({ code: 404, reason: "NotFound", message: "none" });
        return this.lease;
      }),
    create: (_: unknown, body: Lease) =>
      answer(() => {
        this.#check();
        return this.#store(body.spec!);
      }),
    update: (_: unknown, body: Lease) =>
      answer(() => {
        this.#check();
        if (body.metadata.resourceVersion !== this.lease?.metadata.resourceVersion) {
          throw new ApiError({ code: 409, reason: "Conflict", message: "changed" });
        }
        const stored = this.#store(body.spec!);
        if (this.losesAnswers) throw new ApiError({ code: 0, reason: "Timeout", message: "no answer" });
        return stored;
      }),
  };
}

const answer = <T>(call: () => T): Promise<T> => new Promise((resolve) => resolve(call()));

interface Candidate {
  readonly elector: LeaderElector;
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

function candidate(
  leases: Leases,
  clock: FakeClock,
  identity: string,
  lastTerm?: number,
  log: Log = silentLog,
): Candidate {
  const client = leases.client as unknown as Pick<Client, "get" | "create" | "update">;
  const elector = createLeaderElector({
    client,
    clock,
    log,
    namespace: "ns",
    name: "l",
    identity,
    ...(lastTerm !== undefined && { lastTerm }),
  });
  const stop = new AbortController();
  const ended = elector.run(stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { elector, stop, ended };
}

async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 2; i++) {
    await clock.settle();
    clock.advance(500);
  }
  await clock.settle();
}

describe("leader election", () => {
  it("R17 hands over within 18 s of its last sign when the leader vanishes, with a higher term", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 3);
    expect(a.elector.isLeading()).toBe(true);
    const b = candidate(leases, clock, "b");
    await pass(clock, 20);
    expect(b.elector.isLeading()).toBe(false);
    const term = a.elector.term();
    a.stop.abort(new Error("killed"));
    leases.seize({ ...leases.lease!.spec!, holderIdentity: "a" }); // as if it had not released
    await pass(clock, 18);
    expect(b.elector.isLeading()).toBe(true);
    expect(b.elector.term()).toBeGreaterThan(term);
    b.stop.abort();
  });

  it("R17 hands over within 3 s when the leader stops", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 1);
    const b = candidate(leases, clock, "b");
    await pass(clock, 2);
    a.stop.abort();
    expect(await a.ended).toBeUndefined();
    await pass(clock, 3);
    expect(b.elector.isLeading()).toBe(true);
    b.stop.abort();
  });

  it("R17 writes nothing any more once it has given the Lease up", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 1);
    expect(a.elector.hasLost()).toBe(false);
    a.stop.abort();
    await a.ended;
    expect(a.elector.hasLost()).toBe(true);
  });

  it("R17 is lost ten seconds after the last renewal, before anyone else may take it", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 1);
    leases.isDown = true;
    await pass(clock, 8);
    expect(a.elector.isLeading()).toBe(true);
    await pass(clock, 4);
    expect(a.elector.isLeading()).toBe(false);
    expect(a.elector.hasLost()).toBe(true);
    expect(await a.ended).toBeInstanceOf(LeaderLostError);
  });

  it("R17 knows that it lost after a stall although no timer has run", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 1);
    clock.advance(60_000); // no promise gets a turn in between
    expect(a.elector.hasLost()).toBe(true);
    expect(await a.ended).toBeInstanceOf(LeaderLostError);
    expect(leases.lease?.spec?.holderIdentity).toBe("a"); // and it did not write once more
  });

  it("is lost at once when somebody else holds the Lease", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 1);
    leases.seize({ holderIdentity: "b" });
    await pass(clock, 3);
    expect(await a.ended).toBeInstanceOf(LeaderLostError);
  });

  it("R17 goes on at once with a higher term when the Lease is of the process before it", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    leases.seize({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 30_000_000 });
    const a = candidate(leases, clock, "a");
    const b = candidate(leases, clock, "b");
    await clock.settle();
    expect(a.elector.isLeading()).toBe(true);
    expect(a.elector.term()).toBe(30_000_001);
    await pass(clock, 20);
    expect(b.elector.isLeading()).toBe(false);
    for (const { stop } of [a, b]) stop.abort();
  });

  it("R17 goes on at once after a loss when nobody has led meanwhile", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    leases.seize({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 7 });
    const again = candidate(leases, clock, "a", 7);
    await clock.settle();
    expect(again.elector.isLeading()).toBe(true);
    expect(again.elector.term()).toBeGreaterThan(7);
    again.stop.abort();
  });

  it("R17 a zombie notices at its next renewal that a process of its own identity leads, and waits for that one", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const zombie = candidate(leases, clock, "a");
    await pass(clock, 3);
    const term = zombie.elector.term();
    const restarted = candidate(leases, clock, "a");
    await clock.settle();
    expect(restarted.elector.isLeading()).toBe(true);
    await pass(clock, 3);
    const error = await zombie.ended;
    expect(error).toBeInstanceOf(LeaderLostError);
    expect(error).toMatchObject({ term, message: expect.stringContaining("our identity") });
    expect(zombie.elector.hasLost()).toBe(true);
    expect(zombie.elector.term()).toBe(0);
    const again = candidate(leases, clock, "a", term);
    await pass(clock, 30);
    expect(again.elector.isLeading()).toBe(false); // or the two would take turns for ever
    expect(restarted.elector.isLeading()).toBe(true);
    for (const { stop } of [again, restarted]) stop.abort();
  });

  it("R17 waits for a process of its own identity that began to lead after it came", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    leases.seize({ holderIdentity: "b", leaseDurationSeconds: 15, leaseTransitions: 7 });
    const a = candidate(leases, clock, "a");
    await pass(clock, 3);
    leases.seize({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 8 });
    await pass(clock, 10);
    expect(a.elector.isLeading()).toBe(false);
    a.stop.abort();
  });

  it("R17 knows its own Lease although the answer to taking it was lost", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    leases.seize({ holderIdentity: "", leaseTransitions: 7 });
    leases.losesAnswers = true;
    const a = candidate(leases, clock, "a");
    await clock.settle();
    expect(leases.lease?.spec?.holderIdentity).toBe("a");
    expect(a.elector.isLeading()).toBe(false);
    leases.losesAnswers = false;
    await pass(clock, 3);
    expect(a.elector.isLeading()).toBe(true);
    a.stop.abort();
  });

  it("warns once when the Lease cannot be renewed, not at every attempt", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: object, message: string) => void warnings.push(message) };
    const a = candidate(leases, clock, "a", undefined, log);
    await pass(clock, 1);
    leases.isDown = true;
    await pass(clock, 5);
    expect(warnings).toEqual(["lease not renewed"]);
    leases.isDown = false;
    await pass(clock, 5);
    leases.isDown = true;
    await pass(clock, 5);
    expect(warnings).toHaveLength(2);
    a.stop.abort();
  });

  it("goes on when somebody only touched the Lease", async () => {
    const [leases, clock] = [new Leases(), createFakeClock()];
    const a = candidate(leases, clock, "a");
    await pass(clock, 1);
    leases.seize(leases.lease!.spec!);
    await pass(clock, 30);
    expect(a.elector.isLeading()).toBe(true);
    a.stop.abort();
  });

  it.each([
    { when: "nobody holds it", spec: { holderIdentity: "" }, unchangedForMs: 0, want: true },
    { when: "it has no spec", spec: undefined, unchangedForMs: 0, want: true },
    { when: "its holder renews", spec: { holderIdentity: "a" }, unchangedForMs: 15_000, want: false },
    { when: "its holder is silent", spec: { holderIdentity: "a" }, unchangedForMs: 15_001, want: true },
    {
      when: "its holder asked for longer",
      spec: { holderIdentity: "a", leaseDurationSeconds: 60 },
      unchangedForMs: 20_000,
      want: false,
    },
  ])("may take the Lease: $want when $when", ({ spec, unchangedForMs, want }) => {
    expect(mayAcquire(spec, unchangedForMs, 15_000)).toBe(want);
  });

  it.each([
    { when: "the Lease was deleted", previous: undefined, minutes: 5000, want: 5000 },
    { when: "an old Lease was restored", previous: 7, minutes: 5000, want: 5000 },
    { when: "leaders change within a minute", previous: 5000, minutes: 5000, want: 5001 },
    { when: "the clock went back", previous: 5000, minutes: 3, want: 5001 },
  ])("gives a higher term when $when", ({ previous, minutes, want }) => {
    expect(nextTerm(previous, minutes * 60_000)).toBe(want);
  });
});
