// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Server, ServerCredentials, status, type UntypedHandleCall } from "@grpc/grpc-js";
import { ImageService, RuntimeService } from "@longshore/crds/cri";
import { chownSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkSocket, createCri, socketPath, type Cri, type CriAttach } from "../../src/cri/index.ts";

let dir: string;
let server: Server | undefined;
let cri: Cri | undefined;
beforeEach(() => {
  dir = mkdtempSync("/tmp/cri-");
});
afterEach(() => {
  cri?.close();
  server?.forceShutdown();
  cri = server = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const ENDS: CriAttach = { containerId: "c", stdin: true, stdout: true, stderr: false, tty: true };

type Handlers = Partial<Record<keyof typeof RuntimeService, UntypedHandleCall>>;

async function runtime(handlers: Handlers): Promise<string> {
  const path = join(dir, "c.sock");
  const own = new Server();
  own.addService(RuntimeService, handlers as never);
  await new Promise<void>((resolve, reject) => {
    own.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  server = own;
  return `unix://${path}`;
}

describe("the runtime's socket", () => {
  it("is found in any form of endpoint", () => {
    expect(["unix:///run/c.sock", "unix:/run/c.sock", "/run/c.sock"].map(socketPath)).toEqual(
      Array(3).fill("/run/c.sock"),
    );
  });
  it("B128 is refused when it is a link, no socket, not root's or not there", async () => {
    const path = socketPath(await runtime({}));
    expect(() => checkSocket(path)).not.toThrow();
    symlinkSync(path, join(dir, "link"));
    writeFileSync(join(dir, "file"), "");
    expect(() => checkSocket(join(dir, "link"))).toThrow(
      expect.objectContaining({ code: "SYMLINK", retryable: false }),
    );
    expect(() => checkSocket(join(dir, "file"))).toThrow(expect.objectContaining({ code: "NOT_A_SOCKET" }));
    expect(() => checkSocket(join(dir, "none"))).toThrow(
      expect.objectContaining({ code: "MISSING", retryable: true }),
    );
    chownSync(path, 1234, 0);
    expect(() => createCri({ endpoint: path })).toThrow(expect.objectContaining({ code: "NOT_ROOT_OWNED" }));
  });
});

describe("the CRI client", () => {
  it("B127 gives up on a runtime that hangs, at its deadline", async () => {
    cri = createCri({ endpoint: await runtime({ listContainers: () => undefined }), timeoutMs: 50 });
    await expect(cri.listContainers()).rejects.toMatchObject({
      code: "DEADLINE",
      method: "ListContainers",
      retryable: true,
    });
  });
  it("gives up a pull that was given up before it was asked for", async () => {
    const endpoint = await runtime({});
    server?.addService(ImageService, { pullImage: () => undefined });
    cri = createCri({ endpoint, pullTimeoutMs: 1_000 });
    const pull = cri.pullImage("busybox", { signal: AbortSignal.abort() });
    await expect(pull).rejects.toMatchObject({ code: "CANCELLED" });
  });
  it("types what the runtime refuses, in the runtime's own words", async () => {
    const refuse: UntypedHandleCall = ((_call: unknown, done: (error: object) => void) =>
      done({ code: status.NOT_FOUND, details: "no such container" })) as never;
    cri = createCri({
      endpoint: await runtime({ containerStatus: refuse, removeContainer: refuse, stopContainer: refuse }),
    });
    await expect(cri.containerStatus("x")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "ContainerStatus: no such container",
    });
    await expect(cri.removeContainer("x")).resolves.toBeUndefined();
    await expect(cri.stopContainer("x", 1)).resolves.toBeUndefined();
    await expect(cri.listPodSandbox()).rejects.toMatchObject({ code: "UNIMPLEMENTED", retryable: false });
  });
  it.each([
    {
      method: "exec" as const,
      ask: (own: Cri) => own.exec({ ...ENDS, command: ["sh", "-c", "a b"] }),
      got: { ...ENDS, cmd: ["sh", "-c", "a b"] },
    },
    { method: "attach" as const, ask: (own: Cri) => own.attach(ENDS), got: ENDS },
    {
      method: "portForward" as const,
      ask: (own: Cri) => own.portForward({ sandboxId: "s", ports: [80, 443] }),
      got: { podSandboxId: "s", port: [80, 443] },
    },
  ])("asks for the URL of $method and takes no empty one", async ({ method, ask, got }) => {
    const seen: unknown[] = [];
    const urls = ["http://127.0.0.1:1/x", ""];
    const answer: UntypedHandleCall = ((
      call: { request: unknown },
      done: (e: null, answer: object) => void,
    ) => {
      seen.push(call.request);
      done(null, { url: urls.shift() });
    }) as never;
    const own = (cri = createCri({ endpoint: await runtime({ [method]: answer }) }));
    await expect(ask(own)).resolves.toBe("http://127.0.0.1:1/x");
    await expect(ask(own)).rejects.toMatchObject({
      code: "RUNTIME",
      message: expect.stringContaining("answer without a URL"),
    });
    expect(seen).toEqual([got, got]);
  });
  it("lists statistics, and types that a runtime has none for sandboxes", async () => {
    const list: UntypedHandleCall = ((_call: unknown, done: (error: null, answer: object) => void) =>
      done(null, {
        stats: [{ cpu: { timestamp: 1n, usageCoreNanoSeconds: { value: 1n << 60n } } }],
      })) as never;
    cri = createCri({ endpoint: await runtime({ listContainerStats: list }) });
    expect(await cri.listContainerStats()).toMatchObject([
      { cpu: { usageCoreNanoSeconds: { value: 1n << 60n } } },
    ]);
    await expect(cri.listPodSandboxStats()).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
  });
  it("works again after the runtime came back", async () => {
    const list: UntypedHandleCall = ((_call: unknown, done: (error: null, answer: object) => void) =>
      done(null, { items: [] })) as never;
    const endpoint = await runtime({ listPodSandbox: list });
    const own = (cri = createCri({ endpoint, timeoutMs: 2_000 }));
    expect(await own.listPodSandbox()).toEqual([]);
    server?.forceShutdown();
    await expect(own.listPodSandbox()).rejects.toMatchObject({ name: "CriError" });
    await runtime({ listPodSandbox: list });
    const deadline = Date.now() + 5_000;
    let answer: unknown;
    while (answer === undefined && Date.now() < deadline)
      answer = await own.listPodSandbox().catch(() => undefined);
    expect(answer).toEqual([]);
  });
});
