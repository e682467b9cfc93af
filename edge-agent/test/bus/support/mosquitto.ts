// SPDX-License-Identifier: Apache-2.0
import { spawn, execFile, type ChildProcess } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../../../hack/free-port.ts";

const run = promisify(execFile);

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });

/** A real mosquitto, which keeps its sessions on disk. */
export class Mosquitto {
  readonly port: number;
  readonly #config: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, config: string) {
    this.port = port;
    this.#config = config;
  }

  static async create(extra: readonly string[] = ["allow_anonymous true"]): Promise<Mosquitto> {
    const dir = mkdtempSync(join(tmpdir(), "mosquitto-"));
    const port = await freePort();
    const config = join(dir, "mosquitto.conf");
    const lines = [
      `listener ${port} 127.0.0.1`,
      `persistence true`,
      `persistence_location ${dir}/`,
      `autosave_on_changes true`,
      `autosave_interval 1`,
      ...(process.getuid?.() === 0 ? ["user root"] : []),
      ...extra,
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    return new Mosquitto(port, config);
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    const child = spawn("/usr/sbin/mosquitto", ["-c", this.#config], { stdio: "ignore" });
    this.#process = child;
    const endMs = performance.now() + 10_000;
    while (!(await accepts(this.port))) {
      if (child.exitCode !== null || performance.now() > endMs) throw new Error("mosquitto does not start");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** It is there and does nothing, until it is killed. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  /** As a person types it. */
  async publish(topic: string, payload: string, ...more: string[]): Promise<void> {
    await run("mosquitto_pub", [
      "-h",
      "127.0.0.1",
      "-p",
      String(this.port),
      "-t",
      topic,
      "-m",
      payload,
      ...more,
    ]);
  }
}

/** Messages that mosquitto_sub prints, one a line as `topic payload`. */
export class Subscriber {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly ready: Promise<void>;

  constructor(port: number, ...topics: string[]) {
    const filters = topics.flatMap((topic) => ["-t", topic]);
    const child = spawn("stdbuf", [
      "-oL",
      "mosquitto_sub",
      "-h",
      "127.0.0.1",
      "-p",
      String(port),
      "-d",
      "-v",
      "-q",
      "1",
      ...filters,
    ]);
    this.#child = child;
    let rest = "";
    let isReady: () => void = () => undefined;
    this.ready = new Promise((resolve) => {
      isReady = resolve;
    });
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      if (lines.some((line) => /^Subscribed/.test(line))) isReady();
      this.lines.push(...lines.filter((line) => /^[$\w]+\/\S* /.test(line)));
    });
  }

  /** Payloads of one topic. */
  of(topic: string): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.startsWith(`${topic} `))
      .map((line) => JSON.parse(line.slice(topic.length + 1)) as Record<string, unknown>);
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}
