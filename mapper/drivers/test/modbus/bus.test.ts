// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createFakeClock, settle, type FakeClock } from "../../../test/support/fake-clock.ts";
import { createBus, type Bus, type BusOptions } from "../../src/modbus/bus.ts";
import { ModbusError } from "../../src/modbus/errors.ts";
import type { Link } from "../../src/modbus/link.ts";

const OPTIONS: BusOptions = {
  gapMs: 5,
  settleMs: 100,
  reconnectPauseMs: 1_000,
  reopenAfterTimeouts: 3,
  maxWaiting: 4,
};
const never = new AbortController().signal;

describe("a line that many slaves share", () => {
  let clock: FakeClock;
  let opened: number;
  let open: number;
  let isBroken: boolean;
  let bus: Bus;

  beforeEach(() => {
    clock = createFakeClock();
    [opened, open, isBroken] = [0, 0, false];
    const connect = (): Promise<Link> => {
      opened++;
      if (isBroken) return Promise.reject(new ModbusError("CONNECT_FAILED", "no line"));
      open++;
      let isOpen = true;
      return Promise.resolve({
        isOpen: () => isOpen,
        read: () => Promise.resolve([]),
        write: () => Promise.resolve(),
        close: () => {
          if (isOpen) open--;
          isOpen = false;
          return Promise.resolve();
        },
      });
    };
    bus = createBus(connect, OPTIONS, clock);
  });

  const ok = (): Promise<string> => Promise.resolve("ok");
  const fail = (code: "NO_ANSWER" | "LINK_LOST" | "REFUSED_BY_SLAVE") => (): Promise<string> =>
    Promise.reject(new ModbusError(code, code));
  /** What became of it: its value, its error's code, or "waits". */
  const fate = async (result: Promise<string>): Promise<string> => {
    let end = "waits";
    result.then(
      (value) => (end = value),
      (error: unknown) => (end = (error as ModbusError).code),
    );
    await settle();
    return end;
  };

  it("is not opened before somebody asks, and then once", async () => {
    expect(opened).toBe(0);
    const results = [bus.run(1, never, ok), bus.run(2, never, ok)];
    await clock.advance(20);
    expect(await Promise.all(results)).toStrictEqual(["ok", "ok"]);
    expect(opened).toBe(1);
  });

  it("carries one request at a time, with a pause between", async () => {
    const begun: number[] = [];
    let end = (): void => undefined;
    const first = bus.run(1, never, async () => {
      begun.push(clock.monotonicMs());
      await new Promise<void>((resolve) => (end = resolve));
    });
    const second = bus.run(2, never, () => Promise.resolve(begun.push(clock.monotonicMs())));
    await clock.advance(50);
    expect(begun).toStrictEqual([0]);
    end();
    await first;
    await clock.advance(5);
    await second;
    expect(begun).toStrictEqual([0, 55]);
  });

  it("leaves a slave alone after its timeout, and serves others meanwhile", async () => {
    expect(await fate(bus.run(9, never, fail("NO_ANSWER")))).toBe("NO_ANSWER");
    const again = bus.run(9, never, ok);
    const other = bus.run(1, never, ok);
    await clock.advance(50);
    expect([await fate(again), await fate(other)]).toStrictEqual(["waits", "ok"]);
    await clock.advance(60);
    expect(await fate(again)).toBe("ok");
  });

  it("does not carry out what was given up while the line was opened", async () => {
    let connected: (link: Link) => void = () => undefined;
    const slow = createBus(() => new Promise<Link>((resolve) => (connected = resolve)), OPTIONS, clock);
    const giveUp = new AbortController();
    const carriedOut: string[] = [];
    const write = (what: string) => (): Promise<string> =>
      Promise.resolve(what).finally(() => carriedOut.push(what));
    const old = fate(slow.run(1, giveUp.signal, write("old")));
    giveUp.abort();
    expect(await old).toBe("ABORTED");
    const next = slow.run(1, never, write("new"));
    const close = (): Promise<void> => Promise.resolve();
    connected({ isOpen: () => true, read: () => Promise.resolve([]), write: close, close });
    await clock.advance(20);
    expect(await fate(next)).toBe("new");
    expect(carriedOut).toStrictEqual(["new"]);
  });

  it("is opened anew after it was lost, and after many timeouts, not after a refusal", async () => {
    const run = async (code: Parameters<typeof fail>[0]): Promise<void> => {
      const result = bus.run(1, never, fail(code)).catch(() => undefined);
      await clock.advance(200);
      await result;
    };
    await run("REFUSED_BY_SLAVE");
    await run("REFUSED_BY_SLAVE");
    expect(opened).toBe(1);
    await run("LINK_LOST");
    for (let i = 0; i < 3; i++) await run("NO_ANSWER");
    expect(opened).toBe(2);
    await run("REFUSED_BY_SLAVE");
    expect([opened, open]).toStrictEqual([3, 1]);
  });

  it("that cannot be opened fails requests at once for a while, and then tries again", async () => {
    isBroken = true;
    const results = [bus.run(1, never, ok), bus.run(2, never, ok)];
    for (const result of results) result.catch(() => undefined);
    await clock.advance(10);
    expect(await Promise.all(results.map(fate))).toStrictEqual(["CONNECT_FAILED", "CONNECT_FAILED"]);
    expect(opened).toBe(1);
    isBroken = false;
    await clock.advance(1_000);
    expect(await fate(bus.run(1, never, ok))).toBe("ok");
  });

  it("forgets a request that was given up while it waited, and no other", async () => {
    const aborter = new AbortController();
    let isRun = false;
    const stuck = bus.run(1, aborter.signal, () => new Promise<string>(() => undefined));
    const given = bus.run(1, aborter.signal, () => {
      isRun = true;
      return ok();
    });
    aborter.abort();
    expect([await fate(stuck), await fate(given)]).toStrictEqual(["ABORTED", "ABORTED"]);
    await clock.advance(100);
    expect(isRun).toBe(false);
  });

  it("takes no more requests than may wait", async () => {
    const stuck = (): Promise<string> => new Promise(() => undefined);
    for (let i = 0; i < 5; i++) void bus.run(1, never, stuck).catch(() => undefined);
    expect(await fate(bus.run(1, never, ok))).toBe("TOO_MANY_WAITING");
  });

  it("that was closed fails what waits and what comes, and leaves nothing open", async () => {
    void bus.run(1, never, ok).catch(() => undefined);
    await clock.advance(1);
    const waiting = bus.run(1, never, ok).catch((error: unknown) => (error as ModbusError).code);
    bus.close();
    expect(await waiting).toBe("CLOSED");
    expect(await fate(bus.run(1, never, ok))).toBe("CLOSED");
    await clock.advance(1_000);
    expect([open, clock.timers()]).toStrictEqual([0, 0]);
  });

  it("that is closed while it is being opened is not left open", async () => {
    const result = bus.run(1, never, ok);
    bus.close();
    expect(await fate(result)).toBe("CLOSED");
    expect(open).toBe(0);
  });
});
