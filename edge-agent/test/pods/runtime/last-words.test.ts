// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ContainerState } from "@longshore/crds/cri";
import type { Cri } from "../../../src/cri/index.ts";
import { logTail, tailOf } from "../../../src/pods/runtime/last-words.ts";
import { createObserver } from "../../../src/pods/runtime/observe.ts";

const line = (text: string, kind = "F", stream = "stdout"): string =>
  `2026-11-21T02:07:05.123456789Z ${stream} ${kind} ${text}\n`;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "words-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("tailOf", () => {
  it("takes the stamps off and joins lines that the runtime cut", () => {
    const log = line("one") + line("tw", "P", "stderr") + line("o", "F", "stderr") + line("");
    expect(tailOf(log, true)).toBe("one\ntwo\n\n");
  });
  it("keeps 80 lines", () => {
    const log = Array.from({ length: 100 }, (_, i) => line(String(i))).join("");
    const said = tailOf(log, true).split("\n");
    expect([said.length, said[0], said[79]]).toEqual([81, "20", "99"]);
  });
  it("keeps 2048 bytes and cuts no character", () => {
    const said = tailOf(line("ü".repeat(2_000)), true);
    expect(said).toBe(`${"ü".repeat(1_023)}\n`);
  });
  it("leaves out what has no stamp, and a first line that is not whole", () => {
    expect(tailOf(`garbage\n${line("a")}`, true)).toBe("a\n");
    expect(tailOf(`stdout F x\n${line("a")}`, false)).toBe("a\n");
  });
});

describe("logTail", () => {
  it("reads the end of a long log", async () => {
    const path = join(dir, "0.log");
    await writeFile(path, line("x".repeat(16_000)).repeat(20) + line("the end"));
    const said = await logTail(path);
    expect(said).toMatch(/^x+\nthe end\n$/);
    expect(Buffer.byteLength(said)).toBe(2_048);
  });
  it("says nothing of a log that is not there or is a link", async () => {
    await symlink("/etc/passwd", join(dir, "link"));
    expect([await logTail(""), await logTail(join(dir, "none")), await logTail(join(dir, "link"))]).toEqual([
      "",
      "",
      "",
    ]);
  });
});

describe("the message of a container that ended", () => {
  const seen = async (over: { policy?: string; exitCode?: number; words?: string; message?: string }) => {
    const { policy = "FallbackToLogsOnError", exitCode = 1, words = "", message = "" } = over;
    await writeFile(join(dir, "words"), words);
    await writeFile(join(dir, "0.log"), line("so it ended", "F", "stderr"));
    const labels = { "io.kubernetes.pod.uid": "u", "io.kubernetes.container.name": "c" };
    const annotations = {
      "io.kubernetes.container.terminationMessagePath": "/dev/termination-log",
      "io.kubernetes.container.terminationMessagePolicy": policy,
    };
    const cri = {
      listPodSandbox: () => Promise.resolve([]),
      listContainers: () =>
        Promise.resolve([{ id: "1", podSandboxId: "s", labels, state: ContainerState.CONTAINER_EXITED }]),
      containerStatus: () =>
        Promise.resolve({
          state: ContainerState.CONTAINER_EXITED,
          createdAt: 0n,
          startedAt: 0n,
          finishedAt: 0n,
          exitCode,
          reason: "",
          message,
          annotations,
          mounts: [{ containerPath: "/dev/termination-log", hostPath: join(dir, "words") }],
          logPath: join(dir, "0.log"),
          imageRef: "",
        }),
    } as unknown as Cri;
    return (await createObserver(cri).relist()).get("u")?.containers[0]?.message;
  };
  it.each([
    ["the end of its log after a failure", {}, "so it ended\n"],
    ["its own words before its log", { words: "mine" }, "mine"],
    ["nothing after a success", { exitCode: 0 }, ""],
    ["no log without the policy", { policy: "File" }, ""],
    ["what the runtime says where there is nothing else", { policy: "File", message: "oops" }, "oops"],
  ])("is %s", async (_title, over, want) => expect(await seen(over)).toBe(want));
});
