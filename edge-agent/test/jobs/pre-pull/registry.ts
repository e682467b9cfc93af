// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../../../../hack/free-port.ts";

/** A registry of this test alone, over plain HTTP, for one user. */
export interface Registry {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  stop(): Promise<void>;
}

const READY_MS = 15_000;

/** Starts Debian's docker-registry. */
export async function startRegistry(username: string, password: string): Promise<Registry> {
  const dir = mkdtempSync("/tmp/ls-registry-");
  const address = `127.0.0.1:${await freePort()}`;
  const htpasswd = join(dir, "htpasswd");
  writeFileSync(htpasswd, `${username}:${await bcrypt(password)}\n`);
  const config = {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, "images") } },
    http: { addr: address, secret: "of-this-test" },
    auth: { htpasswd: { realm: "test", path: htpasswd } },
  };
  // JSON is YAML.
  writeFileSync(join(dir, "config.yml"), JSON.stringify(config));
  const env = { ...process.env, OTEL_TRACES_EXPORTER: "none" };
  const child = spawn("docker-registry", ["serve", join(dir, "config.yml")], { env, stdio: "ignore" });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  await answers(address);
  return {
    address,
    stop: async () => {
      child.kill("SIGKILL");
      await gone;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The one form of password that the registry takes; every Debian has a perl, and Node has no bcrypt. */
async function bcrypt(password: string): Promise<string> {
  const program = "print crypt($ARGV[0], $ARGV[1])";
  const { stdout } = await promisify(execFile)("perl", [
    "-e",
    program,
    password,
    "$2y$05$0123456789abcdef012345",
  ]);
  return stdout;
}

async function answers(address: string): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    const status = await fetch(`http://${address}/v2/`).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 401) return;
    if (Date.now() > deadline) throw new Error(`the registry does not answer within ${READY_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
