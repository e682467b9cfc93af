// SPDX-License-Identifier: Apache-2.0
import { appendFile, mkdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Follower, LogNode, textOf } from "./runtime.ts";

let node: LogNode;
beforeEach(async () => {
  node = await LogNode.create();
});
afterEach(() => node.remove());

const follow = async (options: object = {}, deps = node.deps()): Promise<Follower> =>
  new Follower(await node.open({ ...options, follow: true }, { deps }));

it("prints each line soon after it is written, without waiting for a look", async () => {
  const writer = node.writer();
  writer.line("one");
  const follower = await follow({}, node.deps({ pollMs: 60_000 }));
  await follower.has("one\n");
  for (const text of ["two", "three", "four"]) {
    await sleep(30);
    const begun = performance.now();
    writer.line(text);
    await follower.has(`${text}\n`);
    expect(performance.now() - begun).toBeLessThan(10_000);
  }
  expect(follower.text).toBe("one\ntwo\nthree\nfour\n");
});

it("begins with the last lines and goes on", async () => {
  const writer = node.writer();
  for (const text of ["a", "b", "c"]) writer.line(text);
  const follower = await follow({ tailLines: 1 });
  await follower.has("c\n");
  writer.line("d");
  await follower.has("d\n");
  expect(follower.text).toBe("c\nd\n");
});

it("prints no line twice that is written in pieces", async () => {
  const writer = node.writer();
  writer.raw("2026-11-21T02:07:0");
  const follower = await follow({ timestamps: true });
  for (const piece of ["5Z std", "out F he", "llo", " world\n"]) {
    await sleep(20);
    writer.raw(piece);
  }
  await follower.has("world\n");
  expect(follower.text).toBe("2026-11-21T02:07:05.000000000Z hello world\n");
  expect(node.malformed).toBe(0);
});

describe("ends", () => {
  it("when the container is over and all of its log was printed", async () => {
    const writer = node.writer();
    writer.line("a");
    const follower = await follow({}, node.deps({ settleMs: 100 }));
    await follower.has("a\n");
    node.stopRun();
    writer.line("last words");
    await follower.ended;
    expect(follower.text).toBe("a\nlast words\n");
  });

  it("with its run, also when the container is started again", async () => {
    node.writer().line("first");
    const follower = await follow();
    await follower.has("first\n");
    node.runs = [
      { id: "id-1", podUid: "u", attempt: 1, isRunning: true },
      { ...node.runs[0]!, isRunning: false },
    ];
    node.writer(1).line("second");
    await follower.ended;
    expect(follower.text).toBe("first\n");
  });

  it("at once when the container was over before", async () => {
    node.writer().line("a");
    node.stopRun();
    const begun = performance.now();
    expect(await node.read({ follow: true }, node.deps({ pollMs: 60_000, settleMs: 60_000 }))).toBe("a\n");
    expect(performance.now() - begun).toBeLessThan(10_000);
  });

  it("when the pod was removed with its folder", async () => {
    const writer = node.writer();
    writer.line("a");
    const follower = await follow();
    await follower.has("a\n");
    await rm(dirname(dirname(node.path())), { recursive: true });
    writer.line("b");
    await follower.has("b\n");
    node.stopRun();
    await follower.ended;
    expect(follower.text).toBe("a\nb\n");
  });

  it("not when the runtime does not answer", async () => {
    const writer = node.writer();
    let asked = 0;
    const deps = node.deps({ pollMs: 5 });
    const isRunning = (): Promise<boolean> =>
      ++asked < 4 ? Promise.reject(new Error("no answer")) : Promise.resolve(false);
    const follower = await follow({}, { ...deps, lookup: { ...deps.lookup, isRunning } });
    writer.line("a");
    await follower.ended;
    expect([asked, follower.text]).toEqual([4, "a\n"]);
    expect(node.warnings).toEqual(["it is not known whether a followed container runs"]);
  });

  it("without waiting for a runtime that is slow to answer, while there is something to print", async () => {
    const writer = node.writer();
    const deps = node.deps({ pollMs: 5 });
    const never = { ...deps.lookup, isRunning: () => new Promise<boolean>(() => undefined) };
    const follower = await follow({}, { ...deps, lookup: never });
    for (const text of ["a", "b", "c"]) {
      await sleep(20);
      writer.line(text);
      await follower.has(`${text}\n`);
    }
  });
});

describe("a log that is not there yet", () => {
  it("is waited for while the container runs", async () => {
    await rm(dirname(dirname(node.path())), { recursive: true });
    const follower = await follow();
    await sleep(50);
    await mkdir(dirname(node.path()), { recursive: true });
    const writer = node.writer();
    writer.line("a");
    await follower.has("a\n");
    node.stopRun();
    await follower.ended;
  });

  it("is empty when the container ends without", async () => {
    const follower = await follow();
    node.stopRun();
    await follower.ended;
    expect(follower.text).toBe("");
  });

  it("is empty when it does not come in time", async () => {
    const follower = await follow({}, node.deps({ appearMs: 30 }));
    await follower.ended;
    expect(follower.text).toBe("");
  });
});

describe("across rotation nothing is lost and nothing is twice", () => {
  it("with lines that are written to the old file after its rename, and after the next was opened", async () => {
    const writer = node.writer();
    const want = ["a", "b", "c", "d", "e"].map((text) => `${text}\n`).join("");
    writer.line("a");
    const follower = await follow({}, node.deps({ settleMs: 300 }));
    await follower.has("a\n");
    await node.rotate(writer, async () => {
      writer.line("b");
      await follower.has("b\n");
      writer.line("c");
      // containerd opens the next file before it has written all that it has to the old one
      const next = node.writer();
      next.line("e");
      await sleep(50);
      writer.line("d");
    });
    await follower.has("e\n");
    expect(follower.text).toBe(want);
  });

  it("with several rotations between two looks, the oldest files removed already", async () => {
    const writer = node.writer();
    writer.line("0");
    const stream = await node.open({ follow: true });
    for (let i = 1; i <= 4; i++) {
      await node.rotate(writer, () => writer.reopen(), 4);
      writer.line(String(i));
    }
    // the first is removed, but it was open
    const follower = new Follower(stream);
    await follower.has("4\n");
    expect(follower.text).toBe("0\n1\n2\n3\n4\n");
    expect(node.gaps).toBe(1);
    // the reader's file and folder, the writer's file
    expect(node.openFiles()).toHaveLength(3);
  });

  it("when the runtime could not open the next, and the file got its name back", async () => {
    const writer = node.writer();
    writer.line("a");
    const follower = await follow();
    await follower.has("a\n");
    const failed = node.rotate(writer, async () => {
      writer.line("b");
      await sleep(120);
      throw new Error("not now");
    });
    await expect(failed).rejects.toThrow("not now");
    writer.line("c");
    await follower.has("c\n");
    await node.rotate(writer, () => writer.reopen());
    writer.line("d");
    await follower.has("d\n");
    expect(follower.text).toBe("a\nb\nc\nd\n");
  });

  it("when two rotations within a second gave one name to two files", async () => {
    const writer = node.writer();
    writer.line("a");
    const stream = await node.open({ follow: true });
    const aside = `${node.path()}.20261121-000000`;
    await rename(node.path(), aside);
    writer.reopen();
    writer.line("b");
    await rename(node.path(), aside);
    writer.reopen();
    writer.line("c");
    const follower = new Follower(stream);
    await follower.has("c\n");
    expect(follower.text).toBe("a\nb\nc\n");
  });

  it("when somebody empties the file in place", async () => {
    const writer = node.writer();
    writer.line("a".repeat(100));
    const follower = await follow();
    await follower.has("a\n");
    await truncate(node.path(), 0);
    await sleep(120);
    writer.line("b");
    await follower.has("b\n");
  });

  it("of what was rotated before, nothing is printed", async () => {
    await appendFile(`${node.path()}.20251121-000000`, "2026-11-21T02:07:05Z stdout F old\n");
    const writer = node.writer();
    writer.line("new");
    const follower = await follow();
    await follower.has("new\n");
    await node.rotate(writer, () => writer.reopen());
    writer.line("newer");
    await follower.has("newer\n");
    expect(follower.text).toBe("new\nnewer\n");
  });

  const act = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant("write" as const), lines: fc.integer({ min: 1, max: 40 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("rotate" as const), lines: fc.integer({ min: 0, max: 5 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("fail" as const), lines: fc.integer({ min: 0, max: 5 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("wait" as const), lines: fc.integer({ min: 0, max: 8 }) }),
    },
  );

  it("whatever happens in whatever order, before a reader that is fast or slow", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), fc.boolean(), async (acts, isSlow) => {
        const own = await LogNode.create();
        try {
          const writer = own.writer();
          let written = 0;
          const write = (lines: number): void => {
            for (let i = 0; i < lines; i++) writer.line(`line ${++written}`);
          };
          const stream = await own.open(
            { follow: true },
            { deps: own.deps({ pollMs: 20, blockBytes: 512 }) },
          );
          const text = isSlow ? undefined : textOf(stream);
          for (const { do: what, lines } of acts) {
            if (what === "write") write(lines);
            else if (what === "wait") await sleep(lines);
            else {
              const reopened = async (): Promise<void> => {
                write(lines);
                if (lines > 2) await sleep(lines);
                if (what === "fail") throw new Error("not now");
                writer.reopen();
              };
              await own.rotate(writer, reopened, 100).catch(() => undefined);
            }
          }
          write(1);
          own.stopRun();
          const all = Array.from({ length: written }, (_, i) => `line ${i + 1}\n`).join("");
          expect(await (text ?? textOf(stream))).toBe(all);
        } finally {
          await own.remove();
        }
      }),
      { numRuns: 60 },
    );
  });

  it("under a writer that never rests while its log is rotated again and again", async () => {
    const writer = node.writer();
    const text = textOf(await node.open({ follow: true }, { deps: node.deps({ settleMs: 5 }) }));
    let written = 0;
    const over = new AbortController();
    const writing = (async (): Promise<void> => {
      while (!over.signal.aborted) {
        for (let i = 0; i < 200; i++) writer.line(`line ${++written}`);
        await sleep(1);
      }
    })();
    for (let i = 0; i < 25; i++) {
      await sleep(10);
      await node.rotate(writer, () => writer.reopen(), 100);
    }
    over.abort();
    await writing;
    node.stopRun();
    const lines = (await text).split("\n");
    expect(lines.length - 1).toBe(written);
    expect(lines.slice(0, -1).every((line, i) => line === `line ${i + 1}`)).toBe(true);
  });
});

it("a follower that many share the folder with prints its own run only", async () => {
  const writer = node.writer(1);
  await writeFile(node.path(11), await readFile(node.path(1)));
  node.runs = [{ id: "id-1", podUid: "u", attempt: 1, isRunning: true }];
  const follower = await follow();
  await appendFile(node.path(11), "2026-11-21T02:07:05Z stdout F another's\n");
  writer.line("mine");
  await follower.has("mine\n");
  expect(follower.text).toBe("mine\n");
});
