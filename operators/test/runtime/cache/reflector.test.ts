// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { WatchEvent, WatchOptions } from "../../../src/runtime/api/watch.ts";
import { createInformer, type RunnableInformer } from "../../../src/runtime/cache/informer.ts";
import type { ListOptions, ListResult } from "../../../src/runtime/client.ts";
import { ApiError } from "../../../src/runtime/errors.ts";
import { silentLog } from "../../../src/runtime/log.ts";
import { createFakeClock, type FakeClock } from "../fake-clock.ts";
import { CONFIG_MAPS, type ConfigMap } from "../kinds.ts";

type Event = WatchEvent<ConfigMap>;
type Page = ListResult<ConfigMap> | ApiError;

/** A server that answers from a script, and a watch that the test feeds. */
interface Script {
  readonly lists: Page[];
  readonly watches: (ApiError | "open")[];
  readonly asked: string[];
  feed(...events: (Event | "end" | ApiError)[]): void;
}

interface World extends Script {
  readonly clock: FakeClock;
  readonly informer: RunnableInformer<ConfigMap>;
  readonly events: string[];
  readonly failures: string[];
  /** `level message` of each line but debug's, and the fields of the last one. */
  readonly lines: string[];
  lastFields(): object;
  names(): string[];
  go(ms?: number): Promise<void>;
}

const map = (name: string, resourceVersion: string, uid = name): ConfigMap => ({
  metadata: { name, namespace: "ns", uid, resourceVersion },
});
const page = (resourceVersion: string, items: ConfigMap[], more?: string): Page => ({
  resourceVersion,
  items,
  ...(more !== undefined && { continue: more }),
});
const refused = (code: number, reason: string): ApiError => new ApiError({ code, reason, message: reason });

const stops: AbortController[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop.abort()));

function start(script: Pick<Script, "lists"> & Partial<Pick<Script, "watches">>): World {
  const clock = createFakeClock();
  const asked: string[] = [];
  const watches = script.watches ?? [];
  let queue: (Event | "end" | ApiError)[] = [];
  let wake = (): void => undefined;
  const [events, failures, lines]: string[][] = [[], [], []];
  let lastFields: object = {};
  const line =
    (level: string) =>
    (fields: object, message: string): void => {
      lines!.push(`${level} ${message}`);
      lastFields = fields;
    };
  async function* watch(_: unknown, options: WatchOptions): AsyncGenerator<Event> {
    asked.push(`watch ${options.resourceVersion}`);
    const answer = watches.shift();
    if (answer instanceof ApiError) throw answer;
    options.opened?.();
    options.signal.addEventListener("abort", () => wake());
    while (!options.signal.aborted) {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        if (next === "end") return;
        if (next instanceof ApiError) throw next;
        yield next;
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const informer = createInformer<ConfigMap>({
    client: {
      list: (_: unknown, options?: ListOptions) => {
        asked.push(`list ${options?.limit ?? ""} ${options?.continue ?? ""}`.trim());
        const next = script.lists.shift() ?? refused(0, "ConnectionFailed");
        return next instanceof ApiError ? Promise.reject(next) : Promise.resolve(next as never);
      },
      watch: watch as never,
    },
    selection: { resource: CONFIG_MAPS },
    clock,
    log: { ...silentLog, info: line("info"), warn: line("warn"), error: line("error") },
    observer: {
      listed: () => undefined,
      watched: () => undefined,
      failed: (reason) => void failures!.push(reason),
      droppedStale: () => void failures!.push("stale"),
      handlerFailed: () => void failures!.push("handler"),
    },
  });
  informer.addHandler((event) => {
    const unknown = event.type === "delete" && event.stateUnknown ? " unseen" : "";
    events!.push(`${event.type} ${event.object.metadata.name}${unknown}`);
  });
  const stop = new AbortController();
  stops.push(stop);
  void informer.run(stop.signal);
  return {
    ...script,
    watches,
    asked,
    clock,
    informer,
    events: events!,
    failures: failures!,
    lines: lines!,
    lastFields: () => lastFields,
    feed(...more) {
      queue = [...queue, ...more];
      wake();
    },
    names: () =>
      informer
        .list()
        .map((o) => o.metadata.name)
        .sort(),
    async go(ms = 0) {
      for (let left = ms; left >= 0; left -= 500) {
        await clock.settle();
        clock.advance(Math.min(500, Math.max(0, left)));
        await clock.settle();
      }
    },
  };
}

describe("a reflector", () => {
  it("lists page by page and watches from there", async () => {
    const w = start({ lists: [page("9", [map("a", "1")], "next"), page("9", [map("b", "2")])] });
    await w.go();
    expect(w.asked).toEqual(["list 500", "list 500 next", "watch 9"]);
    expect(w.informer.hasSynced()).toBe(true);
    w.feed({ type: "ADDED", object: map("c", "10") });
    await w.go();
    expect(w.names()).toEqual(["a", "b", "c"]);
  });

  it("R28 continues where a bookmark was when the server ends the watch", async () => {
    const w = start({ lists: [page("9", [])] });
    await w.go(2000);
    w.feed({ type: "BOOKMARK", resourceVersion: "50" }, "end");
    await w.go();
    expect(w.asked).toEqual(["list 500", "watch 9", "watch 50"]);
    expect(w.failures).toEqual([]);
  });

  it("R28 derives deletions and recreations from the list after a 410", async () => {
    const w = start({
      lists: [
        page("9", [map("a", "1"), map("b", "2"), map("c", "3")]),
        page("99", [map("b", "2"), map("c", "50", "new")]),
      ],
    });
    await w.go(10_000);
    w.events.length = 0;
    w.feed(refused(410, "Expired"));
    await w.go(2000);
    expect(w.events).toEqual(["delete c unseen", "create c", "delete a unseen"]);
    expect(w.failures).toEqual(["expired"]);
    expect(w.asked.slice(-1)).toEqual(["watch 99"]);
  });

  it("R28 lists three times at once and then once in 10 s, however often the position is refused", async () => {
    const lists = Array.from({ length: 20 }, (_, i) => page(String(100 + i), []));
    const w = start({ lists, watches: Array.from({ length: 20 }, () => refused(410, "Expired")) });
    const listsSoFar = (): number => w.asked.filter((line) => line.startsWith("list")).length;
    await w.go(5000);
    expect(listsSoFar()).toBe(3);
    await w.go(55_000);
    expect(listsSoFar()).toBeGreaterThanOrEqual(7);
    expect(listsSoFar()).toBeLessThanOrEqual(9);
  });

  it("R28 lists again when events come out of order, for either could be the missing one", async () => {
    const w = start({ lists: [page("9", []), page("30", [map("a", "20"), map("b", "10")])] });
    await w.go(10_000);
    w.feed({ type: "ADDED", object: map("a", "20") }, { type: "ADDED", object: map("b", "10") });
    await w.go(2000);
    expect(w.failures).toEqual(["disordered"]);
    expect(w.names()).toEqual(["a", "b"]);
  });

  it("R28 gives a silent watch up within 60 s and continues where it was", async () => {
    const w = start({ lists: [page("9", [])] });
    await w.go(60_000);
    expect(w.failures).toEqual(["stalled"]);
    expect(w.asked).toEqual(["list 500", "watch 9", "watch 9"]);
  });

  it("R29 keeps what it holds while the server is away, backs off, and does not list again for that", async () => {
    const away = Array.from({ length: 6 }, () => refused(0, "ConnectionFailed"));
    const w = start({ lists: [page("9", [map("a", "1")])], watches: ["open", ...away] });
    await w.go(2000);
    w.feed(refused(0, "ConnectionFailed"));
    await w.go(120_000);
    expect(w.names()).toEqual(["a"]);
    expect(w.asked.filter((line) => line.startsWith("list"))).toHaveLength(1);
    expect(w.failures.filter((reason) => reason === "disconnected")).toHaveLength(7);
  });

  it("R29 finds a server within 3 s of its return, however long it was away", async () => {
    const away = Array.from({ length: 1000 }, () => refused(0, "ConnectionFailed"));
    const w = start({ lists: [page("9", []), page("50", [map("new", "50")])], watches: ["open", ...away] });
    await w.go(2000);
    w.feed(refused(0, "ConnectionFailed"));
    await w.go(600_000);
    expect(w.failures.length).toBeGreaterThan(200); // every 3 s at least
    expect(w.failures.length).toBeLessThan(800); // about every 1.5 s
    w.watches.splice(0, w.watches.length, refused(410, "Expired"));
    await w.go(3500);
    expect(w.names()).toEqual(["new"]);
    expect(w.asked.slice(-1)).toEqual(["watch 50"]);
  });

  it("R29 tells of an outage when it begins, every 5 minutes, and when it is over, and counts each failure", async () => {
    const away = Array.from({ length: 2000 }, () => refused(0, "ConnectionFailed"));
    const w = start({ lists: [page("9", []), page("50", [])], watches: ["open", ...away] });
    await w.go(2000);
    w.feed(refused(0, "ConnectionFailed"));
    await w.go(290_000);
    expect(w.lines).toEqual(["warn list or watch failed"]);
    expect(w.lastFields()).toMatchObject({ kind: "ConfigMap", reason: "disconnected", failures: 1 });
    await w.go(320_000);
    const lasting = [
      "warn list or watch failed",
      ...Array<string>(2).fill("warn list or watch still failing"),
    ];
    expect(w.lines).toEqual(lasting);
    w.watches.splice(0, w.watches.length, refused(503, "ServiceUnavailable"), refused(410, "Expired"));
    await w.go(10_000);
    expect(w.lines).toEqual([...lasting, "info listed again"]);
    const failures = w.failures.length;
    expect(w.lastFields()).toMatchObject({ kind: "ConfigMap", failures });
    expect(failures).toBeGreaterThan(200);
    await w.go(30_000);
    expect(w.lines).toHaveLength(4);
  });

  it.each([
    {
      after: "a short cut",
      feed: [refused(0, "ConnectionFailed")],
      want: ["warn list or watch failed", "info watching again"],
    },
    {
      after: "a position too old",
      feed: [refused(410, "Expired")],
      want: ["info watch position is too old", "info listed again"],
    },
  ])(
    "R28 tells that it is current again after $after, once the watch has lived a second",
    async ({ feed, want }) => {
      const w = start({ lists: [page("9", []), page("50", [])] });
      await w.go(2000);
      w.feed(...feed);
      await w.go(500);
      expect(w.lines).toEqual(want.slice(0, 1));
      await w.go(2000);
      expect(w.lines).toEqual(want);
    },
  );

  it("R28 waits as long as Retry-After says", async () => {
    const busy = new ApiError({
      code: 429,
      reason: "TooManyRequests",
      message: "storage is (re)initializing",
      details: { retryAfterSeconds: 20 },
    });
    const w = start({ lists: [page("9", [])], watches: [busy] });
    await w.go(19_000);
    expect(w.asked).toEqual(["list 500", "watch 9"]);
    await w.go(2500);
    expect(w.asked).toEqual(["list 500", "watch 9", "watch 9"]);
  });

  it("R28 gives a watch that falls silent after an event up within 58 s of its last sign of life", async () => {
    const w = start({ lists: [page("9", [])] });
    await w.go(40_000);
    w.feed({ type: "ADDED", object: map("a", "10") });
    await w.go(50_000);
    expect(w.failures).toEqual([]);
    await w.go(9000);
    expect(w.failures).toEqual(["stalled"]);
    expect(w.asked.slice(-1)).toEqual(["watch 10"]);
  });

  it("starts a list again from its first page when a page fails", async () => {
    const w = start({
      lists: [page("9", [map("a", "1")], "next"), refused(410, "Expired"), page("10", [map("b", "2")])],
    });
    await w.go(5000);
    expect(w.asked).toEqual(["list 500", "list 500 next", "list 500", "watch 10"]);
    expect(w.names()).toEqual(["b"]);
    expect(w.events).toContain("delete a unseen");
  });

  it("asks for a missing kind again every 10 s", async () => {
    const w = start({ lists: [refused(404, "NotFound"), refused(404, "NotFound"), page("9", [])] });
    await w.go(9000);
    expect(w.asked).toHaveLength(1);
    await w.go(15_000);
    expect(w.informer.hasSynced()).toBe(true);
  });

  it("ignores a deletion of another uid than the one it holds", async () => {
    const w = start({ lists: [page("9", [map("a", "5", "new")])] });
    await w.go();
    w.feed({ type: "DELETED", object: map("a", "10", "old") });
    await w.go();
    expect(w.names()).toEqual(["a"]);
    expect(w.failures).toEqual(["stale"]);
  });

  it("goes on when a handler throws", async () => {
    const w = start({ lists: [page("9", [map("a", "1"), map("b", "2")])] });
    w.informer.addHandler(() => {
      throw new Error("handler");
    });
    await w.go();
    expect(w.failures).toEqual(["handler", "handler"]);
    expect(w.informer.hasSynced()).toBe(true);
  });

  it("replays everything as unchanged about every ten hours", async () => {
    const w = start({ lists: [page("9", [map("a", "1")])] });
    await w.go();
    w.clock.advance(11.1 * 3_600_000);
    await w.clock.settle();
    expect(w.events).toEqual(["create a", "update a"]);
  });
});
