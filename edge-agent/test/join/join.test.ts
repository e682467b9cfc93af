// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { readIdentity, writeBundle, type BundleFs, type IdentityPaths } from "../../src/join/bundle.ts";
import { createSigningRequest } from "../../src/join/csr.ts";
import { ensureIdentity, type EnsureDeps } from "../../src/join/ensure.ts";
import { checkIdentity } from "../../src/join/identity.ts";
import { renew } from "../../src/join/join.ts";
import { renewAtMs, renewRetryMs, startRotation } from "../../src/join/rotation.ts";
import { parseToken } from "../../src/join/token.ts";
import { fakeClock, fakeLog, thrown, until } from "../tunnel/fakes.ts";
import { createAuthority, type Authority } from "./authority.ts";
import { startCloud, type Cloud } from "./cloud.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2VjcmV0";
let authority: Authority;
let clouds: Cloud[] = [];
beforeAll(async () => {
  authority = await createAuthority();
});
afterEach(() => {
  clouds.forEach((cloud) => cloud.close());
  clouds = [];
});

async function cloudWith(handlers: Parameters<typeof startCloud>[1] = {}): Promise<Cloud> {
  const cloud = await startCloud(authority, handlers);
  clouds.push(cloud);
  return cloud;
}

function pathsIn(directory = mkdtempSync(join(tmpdir(), "edge-join-"))): IdentityPaths {
  const at = (name: string): string => join(directory, name);
  return {
    bundle: at("certs/identity.json"),
    caFile: at("rootCA.crt"),
    certFile: at("server.crt"),
    keyFile: at("server.key"),
  };
}

function deps(cloud: Cloud, overrides: Partial<EnsureDeps> = {}) {
  const [clock, log] = [fakeClock(), fakeLog()];
  const made: EnsureDeps = {
    paths: pathsIn(),
    options: { server: cloud.url, node: "edge-1", timeoutMs: 2_000 },
    token: () => `${authority.caSha256}.${JWT}`,
    clock,
    log,
    random: () => 0.5,
    signal: new AbortController().signal,
    ...overrides,
  };
  return { ...made, clock, log };
}

describe("joining", () => {
  it("gets a certificate by the token and keeps key, certificate and CA in one file of the owner's", async () => {
    const cloud = await cloudWith();
    const how = deps(cloud);
    const identity = await ensureIdentity(how);
    expect(cloud.seen.map(({ path, node }) => [path, node])).toEqual([
      ["/ca.crt", undefined],
      ["/edge.crt", "edge-1"],
    ]);
    expect(cloud.seen[0]?.authorization).toBeUndefined();
    expect(cloud.seen[1]?.authorization).toBe(`Bearer ${JWT}`);
    const { subject } = new X509Certificate(identity.cert);
    expect(subject.split("\n")).toEqual(["O=system:nodes", "CN=system:node:edge-1"]);
    expect(statSync(how.paths.bundle).mode & 0o777).toBe(0o600);
    expect(readIdentity(how.paths)).toEqual(identity);
    expect(how.log.lines.join()).not.toContain(JWT);
  });

  it("uses what is stored without asking anybody", async () => {
    const cloud = await cloudWith();
    const how = deps(cloud);
    const identity = await ensureIdentity(how);
    expect(await ensureIdentity({ ...how, token: () => undefined })).toEqual(identity);
    expect(cloud.seen).toHaveLength(2);
  });

  it("takes over the files of an EdgeCore", async () => {
    const cloud = await cloudWith();
    const how = deps(cloud, { token: () => undefined });
    const pair = await authority.node("edge-1");
    writeFileSync(how.paths.caFile, authority.caPem);
    writeFileSync(how.paths.certFile, pair.cert);
    writeFileSync(how.paths.keyFile, pair.key, { mode: 0o600 });
    expect((await ensureIdentity(how)).cert).toBe(pair.cert);
    expect(cloud.seen).toEqual([]);
  });

  it("joins anew when the stored identity is another node's", async () => {
    const cloud = await cloudWith();
    const how = deps(cloud);
    await ensureIdentity(how);
    const renamed = { ...how, options: { ...how.options, node: "edge-2" } };
    checkIdentity(await ensureIdentity(renamed), "edge-2");
  });

  it("B94 sends no token to a server whose CA is not the pinned one", async () => {
    const cloud = await cloudWith();
    const token = `${"0".repeat(64)}.${JWT}`;
    await expect(ensureIdentity(deps(cloud, { token: () => token }))).rejects.toMatchObject({
      code: "PIN",
      exitCode: 78,
    });
    expect(cloud.seen.map(({ path }) => path)).toEqual(["/ca.crt"]);
  });

  it.each([
    { what: "10 MiB", send: Buffer.alloc(10 * 1024 * 1024, "x") },
    { what: "a web page", send: Buffer.from("<html>hello</html>") },
  ])("B95 stops when the CA is $what", async ({ send }) => {
    const cloud = await cloudWith({ "/ca.crt": (_request, response) => void response.end(send) });
    await expect(ensureIdentity(deps(cloud))).rejects.toMatchObject({ code: "ANSWER", exitCode: 65 });
  });

  it("names the token's expiry when it is not accepted", async () => {
    const cloud = await cloudWith({
      "/edge.crt": (_request, response) => void response.writeHead(401).end("no"),
    });
    const failed = ensureIdentity(deps(cloud));
    await expect(failed).rejects.toMatchObject({ code: "REFUSED", exitCode: 77 });
    await expect(failed).rejects.toThrow(/expired/);
  });

  it("does not keep a certificate that is for another node or another key", async () => {
    const other = createSigningRequest("edge-1").csr;
    for (const sign of [
      (body: Buffer) => authority.sign(body, "O=system:nodes, CN=system:node:edge-2"),
      () => authority.sign(other),
    ]) {
      const cloud = await cloudWith({
        "/edge.crt": async ({ body }, response) => void response.end(await sign(body)),
      });
      const how = deps(cloud);
      await expect(ensureIdentity(how)).rejects.toMatchObject({ code: "IDENTITY" });
      expect(existsSync(how.paths.bundle)).toBe(false);
    }
  });

  it("tries again while nobody answers, and while the hub is broken", async () => {
    let failures = 2;
    const cloud = await cloudWith({
      "/edge.crt": async ({ body }, response) => {
        if (failures-- > 0) response.writeHead(503).end();
        else response.end(await authority.sign(body));
      },
    });
    const how = deps(cloud);
    const joined = ensureIdentity(how);
    await until(() => how.clock.waiting().length === 1, "the first pause");
    expect(how.clock.waiting()).toEqual([500]);
    how.clock.advance(500);
    await until(() => how.clock.waiting().length === 1, "the second pause");
    expect(how.clock.waiting()).toEqual([1000]);
    how.clock.advance(1000);
    checkIdentity(await joined, "edge-1");
  });

  it("ends its wait when the agent is told to stop", async () => {
    const controller = new AbortController();
    const how = deps(
      { url: new URL("https://127.0.0.1:1"), seen: [], close: () => undefined },
      { signal: controller.signal },
    );
    const joined = ensureIdentity(how);
    await until(() => how.clock.waiting().length === 1, "the pause");
    controller.abort();
    await expect(joined).rejects.toMatchObject({ name: "AbortError" });
  });

  it("says so when there is neither identity nor token", async () => {
    await expect(ensureIdentity(deps(await cloudWith(), { token: () => undefined }))).rejects.toMatchObject({
      code: "TOKEN",
      exitCode: 78,
    });
  });

  it.each([
    "",
    "abc",
    `${"0".repeat(64)}.a.b`,
    `${"g".repeat(64)}.${JWT}`,
    `${"0".repeat(64)}.${JWT}.x`,
    `${"0".repeat(64)}.a b.c.d`,
  ])("refuses the token %j without repeating it", (text) => {
    const error = thrown(() => parseToken(text)) as Error;
    expect(error).toMatchObject({ code: "TOKEN" });
    if (text.length > 10) expect(error.message).not.toContain(text);
  });
});

describe("the identity file", () => {
  const identity = (mark: string) => ({ ca: `ca-${mark}`, cert: `cert-${mark}`, key: `key-${mark}` });
  const real: BundleFs = { writeSync: (fd, text) => writeSync(fd, text), fsyncSync, closeSync, renameSync };
  const broken = (): never => {
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  };

  it.each([
    { step: "writing", fs: { ...real, writeSync: broken } },
    { step: "a short write", fs: { ...real, writeSync: () => 3 } },
    { step: "fsync", fs: { ...real, fsyncSync: broken } },
    {
      step: "close",
      fs: {
        ...real,
        closeSync: (fd: number) => {
          closeSync(fd);
          broken();
        },
      },
    },
    { step: "rename", fs: { ...real, renameSync: broken } },
  ])("S15 S33 R23 in part: is the old one, whole, when $step fails, and the failure is told", ({ fs }) => {
    const paths = pathsIn();
    writeBundle(paths.bundle, identity("old"));
    expect(thrown(() => writeBundle(paths.bundle, identity("new"), fs))).toBeInstanceOf(Error);
    expect(readIdentity(paths)).toMatchObject(identity("old"));
    expect(existsSync(`${paths.bundle}.new`)).toBe(false);
    writeBundle(paths.bundle, identity("new"));
    expect(readIdentity(paths)).toMatchObject(identity("new"));
  });

  it("R23 in part: is written again after a kill that left a part of the next one", () => {
    const paths = pathsIn();
    writeBundle(paths.bundle, identity("old"));
    writeFileSync(`${paths.bundle}.new`, '{"version":1,"ca":"half');
    expect(readIdentity(paths)).toMatchObject(identity("old"));
    writeBundle(paths.bundle, identity("new"));
    expect(readIdentity(paths)).toMatchObject(identity("new"));
  });

  it("B164 is refused when others can read the key", () => {
    const paths = pathsIn();
    writeBundle(paths.bundle, identity("a"));
    chmodSync(paths.bundle, 0o644);
    expect(thrown(() => readIdentity(paths))).toMatchObject({ code: "PERMISSION", exitCode: 77 });
  });

  it("B164 is refused when key and certificate are not a pair", async () => {
    const [a, b] = [await authority.node("edge-1"), await authority.node("edge-1")];
    const mixed = { ca: authority.caPem, cert: a.cert, key: b.key };
    expect(thrown(() => checkIdentity(mixed, "edge-1"))).toMatchObject({ code: "IDENTITY", exitCode: 78 });
    expect(thrown(() => checkIdentity({ ...mixed, key: a.key }, "edge-1"))).toBeUndefined();
  });

  it("is refused when it is no JSON", () => {
    const paths = pathsIn();
    writeBundle(paths.bundle, identity("a"));
    writeFileSync(paths.bundle, readFileSync(paths.bundle).subarray(0, 20));
    expect(thrown(() => readIdentity(paths))).toMatchObject({ code: "IDENTITY" });
  });
});

describe("renewal", () => {
  const DAY_MS = 86_400_000;

  it("is due between 70 and 90 % of life, and is tried again within 32 s", () => {
    const validity = { notBeforeMs: 0, notAfterMs: 1000 };
    expect([renewAtMs(validity, 0), renewAtMs(validity, 1)]).toEqual([700, 900]);
    expect([0, 1, 2, 3, 4, 5].map((failures) => renewRetryMs(failures, 1) / 1000)).toEqual([
      2, 4, 8, 16, 32, 32,
    ]);
  });

  it("proves the old key over mTLS and sends no token", async () => {
    const cloud = await cloudWith();
    const old = { ca: authority.caPem, ...(await authority.node("edge-1")) };
    const next = await renew({ server: cloud.url, node: "edge-1", timeoutMs: 2_000 }, old);
    expect(next.key).not.toBe(old.key);
    expect(cloud.seen).toMatchObject([
      { path: "/edge.crt", peer: "system:node:edge-1", authorization: undefined },
    ]);
  });

  it("R22 in part: is tried until it works, then used, then planned again", async () => {
    const clock = fakeClock();
    const notBefore = new Date(clock.nowMs());
    const pair = async (days: number) => ({
      ca: authority.caPem,
      ...(await authority.node("edge-1", {
        notBefore: new Date(clock.nowMs()),
        notAfter: new Date(notBefore.getTime() + days * DAY_MS),
      })),
    });
    let held = await pair(10);
    const next = await pair(100);
    let attempts = 0;
    const renewing = async () => {
      if (++attempts === 1) throw new Error("hub away");
      return Promise.resolve(next);
    };
    const adopted: string[] = [];
    const stop = startRotation({
      identity: () => held,
      renew: renewing,
      adopt: (identity) => {
        held = identity;
        adopted.push(identity.cert);
      },
      clock,
      log: fakeLog(),
      random: () => 0.5,
    });
    clock.advance(7.9 * DAY_MS);
    expect(attempts).toBe(0);
    clock.advance(0.2 * DAY_MS);
    await until(() => attempts === 1 && clock.waiting().length === 1, "the retry");
    clock.advance(2_000);
    await until(() => adopted.length === 1, "the renewal");
    expect(adopted).toEqual([next.cert]);
    clock.advance(60 * DAY_MS);
    expect(attempts).toBe(2);
    stop();
    expect(clock.waiting()).toEqual([]);
  });
});
