// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { createCipheriv, createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { createSessions, type KubectlSession } from "./kubectl-session.ts";
import { SLEEP } from "./manifests.ts";
import { activeStreams } from "./stream-metrics.ts";
import { eventually } from "./eventually.ts";
import { runPods } from "./stream-pods.ts";

jest.setTimeout(120_000);
const MB = 1024 * 1024;
const PIPED_BYTES = 100 * MB;
const COPIED_BYTES = 20 * MB;
const SCREEN = { rows: 33, columns: 111 };

/** Bytes that do not compress, made as they are read. */
function* noise(bytes: number): Generator<Buffer> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 7), Buffer.alloc(16));
  const zeros = Buffer.alloc(64 * 1024);
  for (let left = bytes; left > 0; left -= zeros.length)
    yield cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
}

function noiseDigest(bytes: number): string {
  const digest = createHash("sha256");
  for (const chunk of noise(bytes)) digest.update(chunk);
  return digest.digest("hex");
}

describe("into an edge pod, with the session at another hub", () => {
  let env: Environment;
  let ns: string;
  const sessions = createSessions(() => env.kubectl);
  const inShell = (...args: string[]): string[] => ["-n", ns, "exec", "shell", ...args];

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("exec");
    const interactive = { stdin: true };
    await runPods(
      env,
      { namespace: ns, name: "shell", script: SLEEP },
      {
        ...{ namespace: ns, name: "parrot", script: 'while read -r line; do echo "heard $line"; done' },
        container: interactive,
      },
      {
        ...{ namespace: ns, name: "screen", script: "exec sh" },
        container: { ...interactive, tty: true },
      },
    );
  }, 600_000);
  afterEach(() => sessions.stopAll());
  afterAll(cleanEnvironment, 90_000);

  describe("kubectl exec", () => {
    it.each([
      { protocol: "WebSocket", env: {} },
      { protocol: "SPDY", env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false" } },
    ])("runs a command over $protocol, and keeps its two outputs and its exit code apart", async (by) => {
      const script = "echo out; echo err >&2; cat; exit 7";
      const session = sessions.start([...inShell("-i", "--"), "sh", "-c", script], {
        env: by.env,
        stdin: Readable.from(["in\n"]),
      });
      expect(await session.ended).toBe(7);
      expect(session.stdout()).toBe("out\nin\n");
      expect(session.stderr()).toMatch(/^err\n/);
      expect(session.stderr()).toContain("command terminated with exit code 7");
    });

    it("hands arguments over word for word", async () => {
      const words = ["a b", ";id", "$(id)", "", "--", "*", "ü\n"];
      const script = 'for word in "$@"; do printf "<%s>" "$word"; done';
      const said = await env.kubectl.run(...inShell("--", "sh", "-c", script, "sh", ...words));
      expect(said).toBe(words.map((word) => `<${word}>`).join(""));
    });

    it("tells what is wrong with a command or container that is not there", async () => {
      const command = await env.kubectl.tryRun(...inShell("--", "/bin/nothing-such"));
      expect(command.code).not.toBe(0);
      expect(command.stderr).toContain("nothing-such");
      const container = await env.kubectl.tryRun(...inShell("-c", "other", "--", "true"));
      expect(container.code).toBe(1);
      expect(container.stderr).toContain("container");
      const target = await env.kubectl.tryRun("-n", ns, "exec", "nobody", "--", "true");
      expect(target.stderr).toContain("NotFound");
    });

    it("-it gives a terminal that knows its size, follows when it changes, and ends with the shell's exit code", async () => {
      const session = await sessions.onTerminal(inShell("-it", "--", "sh"), SCREEN);
      await session.says(/# /);
      session.write("stty size\n");
      await session.says(/33 111\r?\n/);
      await session.resize({ rows: 44, columns: 99 });
      await eventually(
        async () => {
          session.write("stty size\n");
          await session.says(/44 99\r?\n/, 500);
        },
        { timeoutMs: 5_000 },
      );
      session.write("exit 5\n");
      expect(await session.ended).toBe(5);
    });

    it("-it passes Ctrl-C to the process, not to kubectl", async () => {
      const session = await sessions.onTerminal(inShell("-it", "--", "sh"), SCREEN);
      await session.says(/# /);
      session.write("echo started; sleep 300\n");
      await session.says(/started\r\n/);
      session.write("\x03");
      await session.says(/# /, 5_000);
      session.write("echo code $?\n");
      await session.says(/code 130\r?\n/);
      session.write("\x04");
      await session.ended;
    });

    it("stops the command when kubectl goes away, and nothing is left open", async () => {
      const session = sessions.start(
        inShell("-i", "--", "sh", "-c", "echo here; cat > /tmp/left; echo done > /tmp/done"),
      );
      await session.says(/here/);
      await session.stop();
      await eventually(
        async () => expect(await env.kubectl.run(...inShell("--", "cat", "/tmp/done"))).toBe("done\n"),
        {
          timeoutMs: 10_000,
        },
      );
      for (const hub of ["hub", "hub-b"] as const)
        await eventually(async () => expect(await activeStreams(env.layout, hub)).toBe(0), {
          timeoutMs: 10_000,
        });
    });

    it("takes 100 MB from a pipe, and none of it is lost or changed", async () => {
      const session = sessions.start(inShell("-i", "--", "sha256sum"), {
        stdin: Readable.from(noise(PIPED_BYTES)),
      });
      expect(await session.ended).toBe(0);
      expect(session.stdout()).toContain(noiseDigest(PIPED_BYTES));
    });
  });

  describe("kubectl attach", () => {
    it("-i writes to the process's input and reads what it says from then on", async () => {
      const session = sessions.start(["-n", ns, "attach", "-i", "parrot"]);
      await eventually(
        async () => {
          session.write("one\n");
          await session.says(/heard one\n/, 1_000);
        },
        { timeoutMs: 10_000 },
      );
      session.write("two\n");
      await session.says(/heard two\n/);
    });

    it("-it takes the container's terminal, at the size of this one", async () => {
      const session = await sessions.onTerminal(["-n", ns, "attach", "-it", "screen"], SCREEN);
      await eventually(
        async () => {
          session.write("stty size\n");
          await session.says(/33 111\r?\n/, 1_000);
        },
        { timeoutMs: 10_000 },
      );
    });

    it("serves kubectl run -i --rm, which waits for the pod and removes it", async () => {
      const overrides = {
        apiVersion: "v1",
        spec: { nodeName: env.node, automountServiceAccountToken: false },
      };
      const session = sessions.start(
        [
          ...["-n", ns, "run", "once", "-i", "--rm", "--restart=Never", "--image=localhost/busybox:dev"],
          ...[
            `--overrides=${JSON.stringify(overrides)}`,
            "--",
            "sh",
            "-c",
            "read -r x; echo heard $x; exit 3",
          ],
        ],
        { stdin: Readable.from(["this\n"]) },
      );
      expect(await session.ended).toBe(3);
      expect(session.stdout()).toContain("heard this\n");
      await eventually(async () => expect(await env.pod(ns, "once")).toBeUndefined(), { timeoutMs: 20_000 });
    });
  });

  describe("kubectl debug", () => {
    const image = "--image=localhost/busybox:dev";

    /** What the shell said before kubectl was there is lost, as for a person, who presses Enter then. */
    const prompt = (session: KubectlSession): Promise<unknown> =>
      eventually(
        async () => {
          session.write("\n");
          await session.says(/# /, 500);
        },
        { timeoutMs: 15_000 },
      );

    it("node/… gives a terminal in a new pod that sees the node's files", async () => {
      const debug = ["-n", ns, "debug", `node/${env.node}`, "-it", image, "--profile=general"];
      const session = await sessions.onTerminal([...debug, "--", "sh"], SCREEN);
      await prompt(session);
      session.write("ls -d /host/etc\n");
      await session.says(/\r\n\/host\/etc\r\n/);
      session.write("exit\n");
      await session.ended;
    });

    it("of a pod gives a terminal in an ephemeral container that sees the processes of its target", async () => {
      const debug = [
        "-n",
        ns,
        "debug",
        "shell",
        "-it",
        image,
        "-c",
        "look",
        "--target=main",
        "--profile=general",
      ];
      const session = await sessions.onTerminal([...debug, "--", "sh"], SCREEN);
      await prompt(session);
      session.write("ps\n");
      await session.says(/sleep 3600/);
      session.write("exit 3\n");
      await session.ended;
      await eventually(
        async () => {
          const [look] = (await env.pod(ns, "shell"))?.status.ephemeralContainerStatuses ?? [];
          expect(look).toMatchObject({ name: "look", state: { terminated: { exitCode: 3 } } });
        },
        { timeoutMs: 10_000 },
      );
      expect(await env.kubectl.run("-n", ns, "logs", "shell", "-c", "look")).toContain("sleep 3600");
    });

    it("of a pod shows what one command says beside its target, ends with it, and leaves the pod as it was", async () => {
      const before = await env.pod(ns, "shell");
      const debug = ["-n", ns, "debug", "shell", "-i", image, "-c", "once", "--target=main"];
      // What it says before kubectl is there is lost, and all that it says after the end of kubectl's input.
      const session = sessions.start([...debug, "--profile=general", "--", "sh", "-c", "read -r go; ps"]);
      session.write("go\n");
      expect(await session.ended).toBe(0);
      expect(session.stdout()).toMatch(/^ +1 .*sleep 3600/m);
      const after = await eventually(
        async () => {
          const found = await env.pod(ns, "shell");
          const once = found?.status.ephemeralContainerStatuses?.find(({ name }) => name === "once");
          expect(once).toMatchObject({ restartCount: 0, state: { terminated: { exitCode: 0 } } });
          return found;
        },
        { timeoutMs: 10_000 },
      );
      expect(after?.status.phase).toBe("Running");
      expect(after?.status.containerStatuses).toEqual(before?.status.containerStatuses);
    });
  });

  describe("kubectl cp", () => {
    let dir: string;
    beforeAll(() => {
      dir = mkdtempSync(join(tmpdir(), "longshore-cp-"));
      mkdirSync(join(dir, "tree/sub folder"), { recursive: true });
      writeFileSync(join(dir, "tree/big"), Buffer.concat([...noise(COPIED_BYTES)]));
      writeFileSync(join(dir, "tree/sub folder/small"), "small\n");
    });
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    it("copies a folder into the pod and back, and no byte changes", async () => {
      await env.kubectl.run("-n", ns, "cp", join(dir, "tree"), "shell:/tmp/tree");
      const digests = await env.kubectl.run(...inShell("--", "sha256sum", "/tmp/tree/big"));
      expect(digests).toContain(noiseDigest(COPIED_BYTES));
      await env.kubectl.run("-n", ns, "cp", "shell:/tmp/tree", join(dir, "back"));
      for (const name of ["big", "sub folder/small"])
        expect(readFileSync(join(dir, "back", name)).equals(readFileSync(join(dir, "tree", name)))).toBe(
          true,
        );
    });
  });
});
