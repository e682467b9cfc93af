// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { createLocalApi, type LocalApi, type LocalApiOptions } from "../../src/local-api/index.ts";
import { isLoopback } from "../../src/local-api/access.ts";
import { fakeClock, fakeLog, until } from "../tunnel/fakes.ts";

const PATH = "/api/v1/taskupgrade/confirm-upgrade";
let api: LocalApi | undefined;
let other: Server | undefined;
afterEach(async () => {
  await api?.stop();
  other?.close();
  [api, other] = [undefined, undefined];
});

interface Bench {
  readonly call: (init?: RequestInit & { path?: string }) => Promise<{ status: number; text: string }>;
  readonly confirmed: string[];
  readonly rejects: string[];
  readonly lines: string[];
}

async function serve(
  jobs: string[],
  options: Partial<LocalApiOptions> = {},
  readToken: () => string | undefined = () => undefined,
): Promise<Bench> {
  const [confirmed, rejects, log]: [string[], string[], ReturnType<typeof fakeLog>] = [[], [], fakeLog()];
  api = createLocalApi({
    options: { address: "127.0.0.1:0", strict: false, ...options },
    confirmations: {
      confirm: () => {
        const job = jobs.shift();
        if (job !== undefined) confirmed.push(job);
        return job === "broken" ? Promise.reject(new Error("disk")) : Promise.resolve(job);
      },
    },
    readToken,
    onReject: (reason) => void rejects.push(reason),
    clock: fakeClock(),
    log,
  });
  api.start();
  await until(() => api?.port() !== undefined, "the local API");
  const call: Bench["call"] = async ({ path = PATH, ...init } = {}) => {
    const url = `http://127.0.0.1:${api?.port() ?? 0}${path}`;
    const response = await fetch(url, { method: "POST", ...init });
    return { status: response.status, text: (await response.text()).trim() };
  };
  return { call, confirmed, rejects, lines: log.lines };
}

describe("the local API", () => {
  it("A30 lets the upgrade that waits go on, and says so when none does, in KubeEdge's words", async () => {
    const { call, confirmed } = await serve(["up"]);
    expect(await call()).toEqual({ status: 200, text: "" });
    expect(confirmed).toEqual(["up"]);
    expect(await call()).toEqual({ status: 400, text: "there are no valid upgrade tasks to execute" });
  });

  it.each([
    ["another path", { path: "/api/v1/pods" }, 404],
    ["the path and more", { path: `${PATH}/x` }, 404],
    ["a query behind it", { path: `${PATH}?a=1` }, 404],
    ["another method", { method: "GET" }, 405],
    ["a body of 2 KiB", { body: "x".repeat(2_048) }, 413],
    ["a web page", { headers: { origin: "https://evil.example" } }, 403],
  ])("refuses %s and confirms nothing", async (_, init, status) => {
    const { call, confirmed } = await serve(["up"]);
    expect((await call(init)).status).toBe(status);
    expect(confirmed).toEqual([]);
  });

  it.each([
    ["no token", {}, () => "right"],
    ["a wrong one", { authorization: "Bearer wrong" }, () => "right"],
    ["another scheme", { authorization: "Basic right" }, () => "right"],
    ["an empty one where the file is empty", { authorization: "Bearer " }, () => ""],
    [
      "any token where the file cannot be read",
      { authorization: "Bearer right" },
      () => {
        throw new Error("mode 0644");
      },
    ],
  ])("S14 is closed in strict mode to %s", async (_, headers, readToken) => {
    const { call, confirmed, rejects, lines } = await serve(["up"], { strict: true }, readToken);
    expect((await call({ headers })).status).toBe(401);
    expect(confirmed).toEqual([]);
    expect(rejects).toEqual(["UNAUTHENTICATED"]);
    expect(lines.join()).not.toContain("right");
  });

  it("S14 is open in strict mode to who bears the token of the file as it is now", async () => {
    let token = "first";
    const { call, confirmed } = await serve(["up", "up2"], { strict: true }, () => token);
    expect((await call({ headers: { authorization: "Bearer first" } })).status).toBe(200);
    token = "second";
    expect((await call({ headers: { authorization: "Bearer first" } })).status).toBe(401);
    expect((await call({ headers: { authorization: "Bearer second" } })).status).toBe(200);
    expect(confirmed).toEqual(["up", "up2"]);
  });

  it("wants a token from everybody where others than this machine can reach it", async () => {
    const { call } = await serve(["up"], { address: "0.0.0.0:0" }, () => "right");
    expect((await call()).status).toBe(401);
    expect((await call({ headers: { authorization: "Bearer right" } })).status).toBe(200);
  });

  it("tells nobody what went wrong inside", async () => {
    const { call } = await serve(["broken"]);
    expect(await call()).toEqual({ status: 500, text: "the agent could not store it" });
  });

  it("confirms nothing for a caller that leaves in the middle, and takes it for no fault of its own", async () => {
    const { confirmed, rejects, lines } = await serve(["up"]);
    const socket = connect(api?.port() ?? 0, "127.0.0.1");
    socket.write(`POST ${PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf`, () => socket.destroy());
    await until(() => rejects.length > 0, "its end");
    expect([confirmed, rejects]).toEqual([[], ["ABORTED"]]);
    expect(lines.filter((line) => line.includes("failed"))).toEqual([]);
  });

  it("waits for an address that another program has, and says so once", async () => {
    other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const [clock, log] = [fakeClock(), fakeLog()];
    api = createLocalApi({
      options: { address: `127.0.0.1:${port}`, strict: false },
      confirmations: { confirm: () => Promise.resolve(undefined) },
      readToken: () => undefined,
      onReject: () => undefined,
      clock,
      log,
    });
    api.start();
    for (let time = 0; time < 2; time++) {
      await until(() => clock.waiting().length > 0, "the next try");
      clock.advance(10_000);
    }
    await until(() => clock.waiting().length > 0, "the next try");
    other.close();
    await once(other, "close");
    clock.advance(10_000);
    await until(() => api?.port() === port, "the address");
    expect(log.lines.filter((line) => line.includes("not served"))).toHaveLength(1);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.9.8.7", true],
    ["::1", true],
    ["localhost", true],
    ["0.0.0.0", false],
    ["10.0.0.1", false],
    ["::", false],
    ["127.evil.example", false],
  ])("knows that %s is this machine alone: %s", (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });
});
