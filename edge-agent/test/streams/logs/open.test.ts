// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { appendFile, link, mkdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { StreamError } from "@longshore/crds/stream";
import { Follower, LogNode, textOf } from "./runtime.ts";

let node: LogNode;
beforeEach(async () => {
  node = await LogNode.create();
});
afterEach(() => node.remove());

const openFiles = (): readonly string[] => node.openFiles();
/** Without those that the test writes with. */
const noneIsLeft = (): void => expect(openFiles()).toEqual([]);

const T = "2026-11-21T02:07:05Z";
const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => `${T} stdout F line ${from + i}\n`).join("");
const printed = (from: number, to: number): string => numbered(from, to).replaceAll(`${T} stdout F `, "");

describe("a log that is not followed", () => {
  it("is printed as it is, and its files are closed", async () => {
    await writeFile(node.path(), numbered(1, 5000));
    expect(await node.read()).toBe(printed(1, 5000));
    noneIsLeft();
  });

  it.each([
    { tailLines: 0, from: 6 },
    { tailLines: 1, from: 5 },
    { tailLines: 4, from: 2 },
    { tailLines: 5, from: 1 },
    { tailLines: 6, from: 1 },
    { tailLines: Number.MAX_SAFE_INTEGER, from: 1 },
  ])("of five lines, the last $tailLines begin with line $from", async ({ tailLines, from }) => {
    await writeFile(node.path(), numbered(1, 5));
    for (const blockBytes of [1, 34, 35, 36, 65_536]) {
      const deps = node.deps({ blockBytes });
      expect(await node.read({ tailLines }, deps)).toBe(from > 5 ? "" : printed(from, 5));
    }
  });

  it("counts the parts of a line in the tail, and not what is being written", async () => {
    await writeFile(
      node.path(),
      `${T} stdout F a\n${T} stdout P b\n${T} stdout P c\n${T} stdout F d\n${T} stdout F e`,
    );
    expect(await node.read({ tailLines: 1 })).toBe("d\n");
    expect(await node.read({ tailLines: 2 })).toBe("cd\n");
    expect(await node.read({ tailLines: 9 })).toBe("a\nbcd\ne");
  });

  it("prints what was written since", async () => {
    const at = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();
    await writeFile(node.path(), `${at(100)} stdout F old\n${at(20)} stdout F new\n`);
    expect(await node.read({ sinceSeconds: 60 })).toBe("new\n");
    expect(await node.read({ sinceTime: at(200) })).toBe("old\nnew\n");
  });

  it("is empty when there is none", async () => {
    node.runs = [{ id: "x", podUid: "u", attempt: 7, isRunning: true }];
    expect(await node.read()).toBe("");
    node.runs = [{ id: "x", podUid: "another", attempt: 7, isRunning: true }];
    expect(await node.read({ tailLines: 3 })).toBe("");
    expect(await node.read({}, { ...node.deps(), podLogsDir: join(node.root, "nowhere") })).toBe("");
    noneIsLeft();
  });

  it("is read from the file that had its name last, while the runtime opens the next", async () => {
    await writeFile(`${node.path()}.20261121-000001`, numbered(1, 2));
    await writeFile(`${node.path()}.20261121-000002`, numbered(3, 4));
    expect(await node.read()).toBe(printed(3, 4));
  });

  it("is that of the run before when it is asked for", async () => {
    node.runs = [
      { id: "b", podUid: "u", attempt: 1, isRunning: true },
      { id: "a", podUid: "u", attempt: 0, isRunning: false },
    ];
    await writeFile(node.path(0), numbered(1, 1));
    await writeFile(node.path(1), numbered(2, 2));
    expect(await node.read({ previous: true })).toBe(printed(1, 1));
    expect(await node.read({ previous: true, follow: true })).toBe(printed(1, 1));
    expect(await node.read()).toBe(printed(2, 2));
  });

  it("may have its folder behind a link that the administrator has made", async () => {
    await writeFile(node.path(), numbered(1, 1));
    await symlink(node.logs, join(node.root, "moved"));
    expect(await node.read({}, { ...node.deps(), podLogsDir: join(node.root, "moved") })).toBe(printed(1, 1));
  });

  it("tells once of lines that are malformed, and counts each", async () => {
    await writeFile(node.path(), `bad\n${numbered(1, 1)}bad\nbad\n`);
    expect(await node.read()).toBe(printed(1, 1));
    expect([node.malformed, node.warnings]).toEqual([3, ["a line of a log is malformed"]]);
  });

  it("waits for its reader: no more is read than fits", async () => {
    await writeFile(node.path(), numbered(1, 200_000));
    const stream = await node.open();
    stream.read(0);
    for (let last = -1; last !== stream.readableLength; await new Promise((r) => setTimeout(r, 20))) {
      last = stream.readableLength;
    }
    expect(stream.readableLength).toBeLessThanOrEqual(2 * 65_536);
    expect(await textOf(stream)).toBe(printed(1, 200_000));
  });
});

describe("B149 a log that is not what the runtime put there is refused", () => {
  const secret = (): string => join(node.root, "secret");
  const folder = (): string => dirname(node.path());
  beforeEach(() => writeFile(secret(), numbered(1, 1)));

  it.each<[string, () => Promise<unknown>]>([
    ["a link to a file outside", () => symlink(secret(), node.path())],
    ["a link to a file inside", () => symlink("1.log", node.path())],
    ["a link to nothing", () => symlink("/nowhere", node.path())],
    ["a link to itself", () => symlink("0.log", node.path())],
    ["a folder", () => mkdir(node.path())],
    ["a pipe that nobody writes", () => promisify(execFile)("mkfifo", [node.path()])],
    [
      "a link in place of the container's folder",
      async () => {
        await mkdir(join(node.root, "elsewhere"));
        await writeFile(join(node.root, "elsewhere", "0.log"), numbered(1, 1));
        await rm(folder(), { recursive: true });
        await symlink(join(node.root, "elsewhere"), folder());
      },
    ],
    [
      "a link in place of the pod's folder",
      async () => {
        await writeFile(node.path(), numbered(1, 1));
        await rename(dirname(folder()), join(node.root, "elsewhere"));
        await symlink(join(node.root, "elsewhere"), dirname(folder()));
      },
    ],
    [
      "a file in place of a folder",
      async () => {
        await rm(folder(), { recursive: true });
        await writeFile(folder(), "");
      },
    ],
  ])("%s", async (_, prepare) => {
    await prepare();
    for (const follow of [false, true]) {
      const error: unknown = await node.open({ follow, tailLines: 1 }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(StreamError);
      expect(error).toMatchObject({ code: "FORBIDDEN", status: 403 });
    }
    noneIsLeft();
  });

  it("even when it is swapped while the log is followed", async () => {
    const writer = node.writer();
    writer.line("before");
    const stream = await node.open({ follow: true });
    await rename(node.path(), `${node.path()}.old`);
    await symlink(secret(), node.path());
    await expect(textOf(stream)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  it.each([
    { container: "../c" },
    { container: "a/b" },
    { container: ".." },
    { container: "" },
    { container: "c\0" },
    { pod: "../p" },
    { namespace: "/" },
  ])("a name that leaves its folder: %p", async (request) => {
    await expect(node.open({}, { request })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  });
});

describe("no file stays open", () => {
  const endings: [string, (abort: AbortController) => Promise<unknown>][] = [
    ["at its end", async () => node.read()],
    ["at the last byte that was asked for", async () => node.read({ limitBytes: 10, follow: true })],
    [
      "when it is given up before it is open",
      async (abort) => {
        abort.abort();
        await expect(node.open({ follow: true }, abort)).rejects.toMatchObject({ code: "CANCELLED" });
      },
    ],
    [
      "when its reader gives up while it waits",
      async (abort) => {
        const stream = await node.open({ follow: true }, abort);
        const text = textOf(stream);
        setTimeout(() => abort.abort(), 60);
        await expect(text).rejects.toMatchObject({ code: "CANCELLED" });
      },
    ],
    [
      "when its reader gives up while the tail of a file of holes is sought",
      async (abort) => {
        await truncate(node.path(), 2 ** 42);
        setTimeout(() => abort.abort(), 20);
        await expect(node.open({ tailLines: 1 }, abort)).rejects.toMatchObject({ code: "CANCELLED" });
      },
    ],
    [
      "when its reader gives up at once",
      async (abort) => {
        const stream = await node.open({ follow: true }, abort);
        stream.resume();
        abort.abort();
        await new Promise((resolve) => stream.once("close", resolve));
      },
    ],
    [
      "when it is destroyed while it is read",
      async () => {
        const stream = await node.open({ follow: true });
        stream.once("data", () => stream.destroy());
        await new Promise((resolve) => stream.once("close", resolve));
      },
    ],
    [
      "when it is destroyed before it is read",
      async () => {
        const stream = await node.open();
        stream.destroy();
        await new Promise((resolve) => stream.once("close", resolve));
      },
    ],
    [
      "when it fails",
      async () => {
        const stream = await node.open({ follow: true });
        await rm(node.path());
        await symlink("/etc/hostname", node.path());
        await expect(textOf(stream)).rejects.toMatchObject({ code: "FORBIDDEN" });
        await rm(node.path());
        await writeFile(node.path(), numbered(1, 10_000));
      },
    ],
  ];

  it.each(endings)("%s", async (_, end) => {
    await writeFile(node.path(), numbered(1, 10_000));
    const watchers = readdirSync("/proc/self/fd").length;
    for (let i = 0; i < 5; i++) await end(new AbortController());
    noneIsLeft();
    // one more may be there: what the process watches all folders with
    expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(watchers + 1);
  });

  it("but the one that is read, however often the log is rotated", async () => {
    const writer = node.writer();
    const follower = new Follower(await node.open({ follow: true }));
    for (let i = 0; i < 10; i++) {
      writer.line(`line ${i}`);
      await follower.has(`line ${i}\n`);
      // the runtime takes its time to open the next file
      await node.rotate(writer, () => sleep(i % 2 ? 0 : 60).then(() => writer.reopen()));
    }
    writer.line("last");
    await follower.has("last\n");
    // the reader's file and folder, the writer's file
    expect(openFiles()).toHaveLength(3);
    node.stopRun();
    await follower.ended;
    await once(follower.stream, "close");
    expect(openFiles()).toEqual([node.path()]);
  });

  it("after a hundred that were opened and given up at random", async () => {
    await writeFile(node.path(), numbered(1, 10_000));
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const abort = new AbortController();
        setTimeout(() => abort.abort(), i % 20);
        const stream = await node.open({ follow: true, tailLines: i }, abort).catch(() => undefined);
        if (!stream) return;
        await textOf(stream).catch(() => undefined);
        if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
      }),
    );
    noneIsLeft();
  });
});

it("a hard link is read: nothing makes one but who may read the file", async () => {
  await writeFile(join(node.root, "file"), numbered(1, 1));
  await link(join(node.root, "file"), node.path());
  await appendFile(node.path(), numbered(2, 2));
  expect(await node.read()).toBe(printed(1, 2));
});
