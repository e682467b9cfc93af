// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createSecrets, secretFileName } from "../../src/data/secrets.ts";

const endpoint = { isTls: false, host: "db.local", port: 8086 };
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "secrets-"));
});
afterEach(() => rm(dir, { recursive: true }));

describe("secrets", () => {
  it("reads the file of the server each time anew, without its last newline", async () => {
    const secrets = createSecrets({ dir, env: { LONGSHORE_INFLUXDB2_TOKEN: "other" } });
    await writeFile(join(dir, "influxdb2.db.local_8086.token"), "one\n");
    expect(await secrets.read("influxdb2", endpoint, "token")).toBe("one");
    await writeFile(join(dir, secretFileName("influxdb2", endpoint, "token")), " two ");
    expect(await secrets.read("influxdb2", endpoint, "token")).toBe(" two ");
    expect(await secrets.read("influxdb2", { ...endpoint, port: 8087 }, "token")).toBe("other");
  });

  it.each([
    { env: { LONGSHORE_REDIS_PASSWORD: "ours", PASSWORD: "theirs" }, want: "ours" },
    { env: { PASSWORD: "theirs" }, want: "theirs" },
    { env: { TOKEN: "theirs" }, want: undefined },
  ])("falls back to variables: $want", async ({ env, want }) => {
    expect(await createSecrets({ dir, env }).read("redis", endpoint, "password")).toBe(want);
    expect(await createSecrets({ dir: undefined, env }).read("redis", endpoint, "password")).toBe(want);
  });

  it("gives no server a secret that KubeEdge's mappers would not give it", async () => {
    const secrets = createSecrets({ dir: undefined, env: { TOKEN: "t", PASSWORD: "p" } });
    expect(await secrets.read("http", endpoint, "token")).toBeUndefined();
    expect(await secrets.read("mqtt", endpoint, "password")).toBeUndefined();
  });

  it("fails rather than take another secret when the file cannot be read", async () => {
    const secrets = createSecrets({ dir, env: { TOKEN: "other" } });
    const path = join(dir, "influxdb2.db.local_8086.token");
    await mkdir(path);
    const want = { code: "SECRET_UNREADABLE", retryable: true };
    await expect(secrets.read("influxdb2", endpoint, "token")).rejects.toMatchObject(want);
    await rm(path, { recursive: true });
    await writeFile(path, "x".repeat(70_000));
    await expect(secrets.read("influxdb2", endpoint, "token")).rejects.toMatchObject(want);
  });
});
