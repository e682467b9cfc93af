// SPDX-License-Identifier: Apache-2.0
import { StreamError, type OpenedStream, type StreamRequest } from "@longshore/crds/stream";
import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { CriError } from "../../src/cri/index.ts";
import { createOpener, type Verbs } from "../../src/streams/opener.ts";
import { fakeLog } from "../tunnel/fakes.ts";

const EXEC = {
  verb: "exec",
  namespace: "default",
  pod: "web",
  uid: "u",
  container: "main",
  command: ["cat", "hunter2"],
  stdin: true,
  stdout: true,
  stderr: false,
  tty: false,
  upgrade: { method: "GET", headers: [] },
} as const satisfies StreamRequest;
const READ = { verb: "read", what: "healthz" } as const;

const opened = (): OpenedStream => ({ head: {}, stream: new PassThrough() });

function make(open: (signal: AbortSignal) => Promise<OpenedStream>, maxLive = 256) {
  const log = fakeLog();
  const results: string[] = [];
  const counts: number[] = [];
  const serve = (_: unknown, signal: AbortSignal) => open(signal);
  const verbs: Verbs = { logs: serve, exec: serve, attach: serve, portForward: serve, read: serve };
  const metrics = {
    opened: (verb: string, result: string) => void results.push(`${verb} ${result}`),
    live: (count: number) => void counts.push(count),
  };
  return { opener: createOpener({ verbs, maxLive, log, metrics }), log, results, live: () => counts.at(-1) };
}

describe("the node's opener", () => {
  it("counts what is open, from the asking to the end of the stream", async () => {
    const t = make(() => Promise.resolve(opened()));
    const opening = t.opener.open(EXEC);
    expect(t.live()).toBe(1);
    const { stream } = await opening;
    expect([t.live(), t.results]).toEqual([1, ["exec ok"]]);
    stream.destroy();
    await once(stream, "close");
    expect(t.live()).toBe(0);
  });

  it("refuses more streams than it may have, those that are being opened among them", async () => {
    const t = make(() => Promise.resolve(opened()), 2);
    const first = t.opener.open(READ);
    const { stream } = await t.opener.open(READ);
    await expect(t.opener.open(READ)).rejects.toMatchObject({ code: "TOO_MANY", status: 429 });
    stream.destroy();
    await once(stream, "close");
    await t.opener.open(READ);
    await first;
    expect(t.results).toEqual(["read ok", "read ok", "read TOO_MANY", "read ok"]);
  });

  it("tells who entered which container, and never what was typed", async () => {
    const t = make(() => Promise.resolve(opened()));
    await t.opener.open(EXEC);
    expect(t.log.lines.join()).toContain(
      '{"verb":"exec","namespace":"default","pod":"web","container":"main"} stream opened',
    );
    expect(t.log.lines.join()).not.toContain("hunter2");
  });

  it.each([
    [new StreamError("NOT_FOUND", "no such pod"), "NOT_FOUND", "no such pod"],
    [new CriError("NOT_FOUND", "Exec", "container x"), "NOT_FOUND", "the container is gone"],
    [new CriError("UNAVAILABLE", "Exec", "x"), "INTERNAL", "the container runtime of this node is not there"],
    [new CriError("DEADLINE", "Exec", "x"), "INTERNAL", "the container runtime of this node does not answer"],
    [new CriError("RUNTIME", "Exec", "is paused"), "INTERNAL", "Exec: is paused"],
    [new DOMException("aborted", "AbortError"), "CANCELLED", "given up by the asker"],
    [new TypeError("x is undefined"), "INTERNAL", "the node failed"],
  ])("says what failed so that the asker can read it: %s", async (error, code, message) => {
    const t = make(() => Promise.reject(error));
    await expect(t.opener.open(EXEC)).rejects.toMatchObject({ name: "StreamError", code, message });
    expect([t.live(), t.results]).toEqual([0, [`exec ${code}`]]);
  });

  it("gives up what is being opened when the asker does", async () => {
    const t = make(untilAborted);
    const asker = new AbortController();
    const opening = t.opener.open(EXEC, asker.signal);
    asker.abort(new StreamError("CANCELLED", "gone"));
    await expect(opening).rejects.toMatchObject({ code: "CANCELLED" });
    expect(t.live()).toBe(0);
  });

  it("ends everything when it is closed: what is open, what is being opened, what comes", async () => {
    let isFirst = true;
    const t = make((signal) => {
      if (!isFirst) return untilAborted(signal);
      isFirst = false;
      return Promise.resolve(opened());
    });
    const { stream } = await t.opener.open(READ);
    const failed = once(stream, "error");
    const opening = t.opener.open(READ);
    t.opener.close();
    expect(await failed).toMatchObject([{ code: "LOST" }]);
    await expect(opening).rejects.toMatchObject({ code: "LOST" });
    await expect(t.opener.open(READ)).rejects.toMatchObject({ code: "LOST" });
    expect(t.live()).toBe(0);
  });

  it("ends a stream that came up while it was closed", async () => {
    let open: (stream: OpenedStream) => void = () => undefined;
    const t = make(() => new Promise((resolve) => (open = resolve)));
    const opening = t.opener.open(READ);
    t.opener.close();
    open(opened());
    const { stream } = await opening;
    await once(stream, "close").catch(() => undefined);
    expect([stream.destroyed, t.live()]).toEqual([true, 0]);
  });
});

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error));
  });
