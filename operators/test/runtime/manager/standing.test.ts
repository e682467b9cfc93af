// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Client } from "../../../src/runtime/client.ts";
import { ApiError } from "../../../src/runtime/errors.ts";
import { silentLog, type Log } from "../../../src/runtime/log.ts";
import { LeaderLostError, type LeaderElectionOptions } from "../../../src/runtime/manager/leader-election.ts";
import { createStanding } from "../../../src/runtime/manager/standing.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";

interface Stand {
  readonly election: LeaderElectionOptions | undefined;
  readonly signal: AbortSignal;
  readonly end: (error: Error) => void;
}

/** Runs it on a fake clock, with an API server that answers as `answer` says. */
function begin(answer: () => Error | undefined = () => undefined, log: Log = silentLog) {
  const clock = createFakeClock();
  const stands: Stand[] = [];
  const get = (): Promise<unknown> => {
    const error = answer();
    return error ? Promise.reject(error) : Promise.resolve({});
  };
  const standing = createStanding({
    client: { get } as unknown as Pick<Client, "get">,
    clock,
    log,
    election: { namespace: "ns", name: "l" },
    compose: (election) => (signal) =>
      new Promise((resolve, reject) => {
        stands.push({ election, signal, end: reject });
        signal.addEventListener("abort", () => resolve());
      }),
  });
  const stop = new AbortController();
  return { clock, stands, stop, ended: standing.start(stop.signal) };
}

async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 4; i++) {
    await clock.settle();
    clock.advance(250);
  }
  await clock.settle();
}

describe("standing for election", () => {
  it("R29 begins anew within a second when leadership was lost, as the same and with the term that it had", async () => {
    const { clock, stands, stop, ended } = begin();
    expect(stands).toHaveLength(1);
    expect(stands[0]?.election?.lastTerm).toBeUndefined();
    stands[0]?.end(new LeaderLostError("lost", 41));
    await pass(clock, 1);
    expect(stands).toHaveLength(2);
    expect(stands[1]?.election).toMatchObject({ lastTerm: 41, identity: stands[0]?.election?.identity });
    stop.abort();
    await ended;
    expect(stands).toHaveLength(2);
  });

  it("R29 waits for an API server that is away, however long, and begins within 3 s of its return", async () => {
    let error: Error | undefined = new ApiError({ code: 0, reason: "Timeout", message: "down" });
    const { clock, stands, stop, ended } = begin(() => error);
    stands[0]?.end(new LeaderLostError("lost", 41));
    await pass(clock, 15 * 60);
    expect(stands).toHaveLength(1);
    error = new ApiError({ code: 503, reason: "ServiceUnavailable", message: "starting" });
    await pass(clock, 60);
    expect(stands).toHaveLength(1);
    error = new ApiError({ code: 403, reason: "Forbidden", message: "an answer is an answer" });
    await pass(clock, 3);
    expect(stands).toHaveLength(2);
    stop.abort();
    await ended;
  });

  it("begins anew after a failure too, after pauses that grow to half a minute, and says so each time", async () => {
    const lines: string[] = [];
    const log = { ...silentLog, error: (_: object, message: string) => void lines.push(message) };
    const { clock, stands, stop, ended } = begin(undefined, log);
    for (let i = 0; i < 8; i++) {
      stands[i]?.end(new Error("caches not synced"));
      await pass(clock, 31);
      expect(stands).toHaveLength(i + 2);
    }
    stands[8]?.end(new Error("again"));
    await pass(clock, 10);
    expect(stands).toHaveLength(9);
    expect(lines).toHaveLength(9);
    stop.abort();
    await ended;
  });

  it("ends when it is stopped, also in a pause", async () => {
    const first = begin();
    first.stop.abort();
    await first.ended;
    expect(first.stands[0]?.signal.aborted).toBe(true);
    const second = begin();
    second.stands[0]?.end(new LeaderLostError("lost", 1));
    await second.clock.settle();
    second.stop.abort();
    await second.ended;
    expect(second.stands).toHaveLength(1);
  });
});
