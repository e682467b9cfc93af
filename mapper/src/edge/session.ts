// SPDX-License-Identifier: Apache-2.0
import type { MapperInfo, MapperRegisterResponse } from "@longshore/crds/dmi";
import { createBackoff } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import type { Counters } from "../counters.ts";
import { reasonOf } from "../errors.ts";
import type { MapperLog } from "../log.ts";
import type { MapperOptions } from "../options.ts";
import type { EdgeClient } from "./client.ts";

/** Keeps this mapper registered at the edge. */
export interface EdgeSession {
  readonly isRegistered: () => boolean;
  /** A call found the edge away. */
  readonly lost: () => void;
  start(): void;
  stop(): void;
}

export interface SessionDeps {
  readonly client: Pick<EdgeClient, "register" | "onceDisconnected">;
  readonly info: MapperInfo;
  readonly options: MapperOptions;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: MapperLog;
  readonly random: () => number;
  /** Called before a registration; gets its answer, which is the whole set of devices and models. */
  readonly onRegister: () => (answer: MapperRegisterResponse) => void;
}

/** A registration that lasted this long was a good one: the pauses start over. */
const PROVEN_AFTER_MS = 5_000;

/** Registers for ever, one attempt at a time, and again whenever the edge went away. */
export function createEdgeSession(deps: SessionDeps): EdgeSession {
  const { client, clock, counters, info, log, options } = deps;
  const backoff = createBackoff({
    baseMs: options.registerBaseMs,
    capMs: options.registerCapMs,
    random: deps.random,
  });
  let state: "idle" | "waiting" | "registering" | "registered" | "stopped" = "idle";
  let cancelTimer = (): void => undefined;
  let registeredMs = 0;
  /** The last failure that was told. */
  let toldCause: unknown;
  let isWatching = false;

  const isStopped = (): boolean => state === "stopped";

  async function attempt(): Promise<void> {
    state = "registering";
    const take = deps.onRegister();
    try {
      const answer = await client.register({ withData: true, mapper: info }, options.registerTimeoutMs);
      if (isStopped()) return;
      registered(answer, take);
    } catch (error) {
      if (isStopped()) return;
      counters.add("registrationFailures");
      tell(error);
      retry();
    }
  }

  /** Once for each cause: first the agent may not be there, and then not take this mapper. */
  function tell(error: unknown): void {
    const cause = causeOf(error);
    if (cause !== toldCause) log.warn({ reason: reasonOf(error) }, "cannot register at the edge: trying on");
    toldCause = cause;
  }

  function registered(answer: MapperRegisterResponse, take: (answer: MapperRegisterResponse) => void): void {
    counters.add("registrations");
    toldCause = undefined;
    state = "registered";
    registeredMs = clock.monotonicMs();
    const { length } = answer.deviceList;
    log.info({ devices: length, models: answer.modelList.length }, "registered at the edge");
    take(answer);
    if (!isWatching) client.onceDisconnected(disconnected);
    isWatching = true;
  }

  function disconnected(): void {
    isWatching = false;
    lost();
  }

  function retry(): void {
    state = "waiting";
    cancelTimer = clock.schedule(backoff.nextDelayMs(), () => void attempt());
  }

  function lost(): void {
    if (state !== "registered") return;
    if (clock.monotonicMs() - registeredMs >= PROVEN_AFTER_MS) backoff.reset();
    log.warn({}, "the edge went away: registering again");
    retry();
  }

  return {
    isRegistered: () => state === "registered",
    lost,
    start: () => {
      if (state === "idle") void attempt();
    },
    stop: () => {
      state = "stopped";
      cancelTimer();
    },
  };
}

/** gRPC's texts have times in them: its code tells one failure from another. */
const causeOf = (error: unknown): unknown =>
  error instanceof Error && "code" in error ? error.code : reasonOf(error);
