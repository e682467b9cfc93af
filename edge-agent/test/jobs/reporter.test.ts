// SPDX-License-Identifier: Apache-2.0
import type { ActionReport } from "@longshore/crds/tasks";
import { afterEach, describe, expect, it } from "@jest/globals";
import { TASK_BUCKET } from "../../src/jobs/index.ts";
import type { StepContext, StepRunner } from "../../src/jobs/port.ts";
import type { Task } from "../../src/jobs/task.ts";
import { TunnelError } from "../../src/tunnel/index.ts";
import { put } from "../store/gen.ts";
import {
  gate,
  live,
  liveUntil,
  order,
  settle,
  stepsOf,
  World,
  type Life,
  type LifeOptions,
} from "./world.ts";

let life: Life | undefined;
let made: World | undefined;
afterEach(async () => {
  await life?.end();
  made?.end();
  [life, made] = [undefined, undefined];
});

const newWorld = (): World => (made = new World());

const JOB = { kind: "ImagePrePullJob", name: "pull", uid: "p-1" } as const;
const task = ({ store }: Life) => store.records.list(TASK_BUCKET)[0]?.[1] as Task | undefined;
const isEnded = (of: Life) => (): boolean => task(of)?.state === "ended";
const isTold = (of: Life) => (): boolean => isEnded(of)() && task(of)?.told === task(of)?.changes;
const turn = () => new Promise((resolve) => setImmediate(resolve));
const contents = (world: World) => world.frames.map(({ content }) => content as ActionReport);

async function begin(world: World, how: LifeOptions = {}): Promise<Life> {
  await life?.end();
  life = live(world, how);
  await life.jobs.start();
  if (world.lives === 1) await life.store.desired.apply(put(order(JOB)));
  return life;
}

describe("a report", () => {
  it("waits for the connection, over a restart, and one is enough for all that happened", async () => {
    const world = newWorld();
    const first = await begin(world, { connected: false });
    await liveUntil(first, isEnded(first));
    await settle(first);
    expect(world.frames).toEqual([]);
    expect(await first.registry.metrics()).toContain("longshore_agent_jobs_reports_waiting 1");
    const second = await begin(world, { connected: false });
    await settle(second);
    second.uplink.connect(true);
    await liveUntil(second, isTold(second));
    expect(world.frames).toHaveLength(1);
    expect(stepsOf(world.reports.get("pull"))).toBe("Check=True Pull=True");
  });

  it("goes out at some time within 5 s of a connect, not at once", async () => {
    const world = newWorld();
    const now = await begin(world, { connected: false });
    await liveUntil(now, isEnded(now));
    await settleTurns();
    now.uplink.connect(true);
    now.clock.advance(2_499);
    await turn();
    expect(world.frames).toEqual([]);
    now.clock.advance(1);
    await turn();
    expect(world.frames).toHaveLength(1);
  });

  it("is told again while the hub does not store it, each time later", async () => {
    const world = newWorld();
    const now = await begin(world, { connected: false });
    await liveUntil(now, isEnded(now));
    now.uplink.answer = () => ({ operation: "error", content: "ServiceUnavailable: code 503" });
    now.uplink.connect(true);
    now.clock.advance(5_000);
    const pauses: number[] = [];
    for (let time = 1; time <= 4; time++) {
      await settleTurns();
      expect(world.frames).toHaveLength(time);
      const pauseMs = now.clock.waiting()[0]!;
      pauses.push(pauseMs);
      now.clock.advance(pauseMs);
    }
    expect(pauses).toEqual([1_500, 3_000, 6_000, 12_000]);
    now.uplink.answer = () => ({ operation: "response", content: "OK" });
    await liveUntil(now, isTold(now));
  });

  it("that the hub does not take now holds up no other", async () => {
    const world = newWorld();
    const now = await begin(world, { connected: false });
    await now.store.desired.apply(put(order({ ...JOB, name: "other", uid: "p-2" })));
    await liveUntil(now, () => now.store.records.list(TASK_BUCKET).length === 2 && isEnded(now)());
    await settle(now);
    now.uplink.answer = ({ resource }) =>
      resource.includes("/pull/")
        ? { operation: "error", content: "FORBIDDEN: not granted to this node, or missing" }
        : { operation: "response", content: "OK" };
    now.uplink.connect(true);
    await liveUntil(now, () => world.reports.has("other"));
    now.uplink.answer = () => ({ operation: "response", content: "OK" });
    await liveUntil(now, isTold(now));
    expect([...world.reports.keys()]).toEqual(["other", "pull"]);
  });

  it("is told again when nobody answered", async () => {
    const world = newWorld();
    const now = await begin(world);
    let asked = 0;
    now.uplink.answer = () => {
      if (++asked === 1) throw new TunnelError("TIMEOUT", "no reply in time");
      return { operation: "response", content: "OK" };
    };
    await liveUntil(now, isTold(now));
    expect(stepsOf(world.reports.get("pull"))).toBe("Check=True Pull=True");
  });

  it.each([
    "NotFound: the object was not found",
    "Conflict: the request failed with code 409",
    "BadRequest: the request failed with code 400",
    "BAD: the frame is malformed",
  ])("that the hub will never take (%s) is given up and counted", async (content) => {
    const world = newWorld();
    const now = await begin(world, { connected: false });
    await liveUntil(now, isEnded(now));
    now.uplink.answer = () => ({ operation: "error", content });
    now.uplink.connect(true);
    await liveUntil(now, isTold(now));
    await settle(now);
    expect(world.frames).toHaveLength(1);
    expect(await now.registry.metrics()).toContain('longshore_agent_jobs_reports_total{result="refused"} 1');
  });

  it("is repeated at each connect while the order stands, for the cloud may have lost it", async () => {
    const world = newWorld();
    const now = await begin(world);
    await liveUntil(now, isTold(now));
    await settle(now);
    const told = world.frames.length;
    now.uplink.connect(false);
    now.uplink.connect(true);
    await liveUntil(now, () => world.frames.length > told);
    await now.store.desired.apply({ op: "delete", key: order(JOB).key, uid: JOB.uid });
    now.uplink.connect(false);
    now.uplink.connect(true);
    await settle(now);
    expect(world.frames).toHaveLength(told + 1);
  });

  it("of progress goes out when a step lasts over 10 s and then once in 10 s, the newest, and none when it has ended", async () => {
    const world = newWorld();
    const ended = gate<undefined>();
    const pulling = gate<StepContext>();
    const run: StepRunner["run"] = async (step, context) => {
      if (step === "Pull") {
        pulling.open(context);
        await ended.promise;
      }
      return { ok: true };
    };
    const runners = [{ kind: JOB.kind, changesAgent: false, faults: () => [], run }];
    const now = await begin(world, { runners });
    now.clock.advance(5_000);
    const step = await pulling.promise;
    await settleTurns();
    world.frames.length = 0;
    for (let second = 0; second < 25; second++) {
      step.progress(`${second} s`);
      await settleTurns();
      now.clock.advance(1_000);
    }
    expect(contents(world).map(({ progress: text }) => text)).toEqual(["9 s", "19 s"]);
    expect(contents(world).every((report) => stepsOf(report) === "Check=True")).toBe(true);
    ended.open(undefined);
    await liveUntil(now, isTold(now));
    await settle(now);
    expect(
      contents(world)
        .slice(2)
        .map(({ progress: text }) => text),
    ).toEqual([undefined]);
  });
});

async function settleTurns(): Promise<void> {
  for (let at = 0; at < 8; at++) await turn();
}
