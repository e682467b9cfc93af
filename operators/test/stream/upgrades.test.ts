// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { StreamError } from "@longshore/crds/stream";
import { closed, createRig, nextText, readAll, until, type Rig } from "./support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

const EXEC = "/exec/default/web/main?command=sh&command=-c&command=%3Bid&input=1&output=1&error=1";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n";

describe.each([
  { where: "here", hubs: 1 },
  { where: "at another hub", hubs: 2 },
])("an upgrade to a node that is $where", ({ hubs }) => {
  const start = async (options = {}) => {
    rig = await createRig({ hubs, options });
    rig.cluster.pod("web", "n1");
    return rig.hubs[hubs - 1]!.node("n1");
  };

  it.each([
    { path: EXEC, want: { verb: "exec", command: ["sh", "-c", ";id"], stdin: true, container: "main" } },
    { path: "/attach/default/web/main?output=1&tty=1", want: { verb: "attach", tty: true, stdin: false } },
    { path: "/portForward/default/web", want: { verb: "portForward", ports: [] } },
  ])("B147 hands $want.verb on with every byte of both sides", async ({ path, want }) => {
    const node = await start();
    const socket = await rig.upgrade(path);
    const asked = await node.next();
    expect(asked.request).toMatchObject({
      ...want,
      pod: "web",
      uid: "uid-of-web",
      upgrade: { method: "POST" },
    });
    const stream = asked.accept();
    stream.write(SWITCHING);
    expect(await nextText(socket)).toBe(SWITCHING);
    const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
    socket.write(bytes);
    expect(await nextBytes(stream)).toEqual(bytes);
    stream.write(bytes);
    expect(await nextBytes(socket)).toEqual(bytes);
    expect(await rig.hub.metric("longshore_stream_active", { verb: want.verb })).toBe(1);
    socket.end();
    stream.end();
    await closed(stream);
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
    const counted = await rig.hub.metric("longshore_stream_bytes_total", { direction: "to_edge" });
    expect(counted).toBe(bytes.length);
  });

  it("takes what came right behind the request", async () => {
    const node = await start();
    const socket = await rig.dial();
    socket.write(
      `POST ${EXEC} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n` +
        "Content-Length: 0\r\n\r\nearly",
    );
    const asked = await node.next();
    socket.write(" bird");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stream = asked.accept();
    let got = "";
    stream.on("data", (chunk: Buffer) => (got += chunk.toString()));
    await until(() => got === "early bird");
  });

  it("ends one direction without the other", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    const stream = (await node.next()).accept();
    stream.write(SWITCHING);
    await nextText(socket);
    socket.end("that was all");
    expect(await readAll(stream)).toBe("that was all");
    const answered = readAll(socket);
    stream.end("and this is the answer");
    expect(await answered).toBe("and this is the answer");
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
  });

  it("moves 16 MiB in, past many windows, unharmed", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    const stream = (await node.next()).accept();
    const size = 16 * 1024 * 1024;
    let got = 0;
    let isRight = true;
    stream.on("data", (chunk: Buffer) => {
      for (let i = 0; i < chunk.length; i += 997) isRight &&= chunk[i] === (got + i) % 251;
      got += chunk.length;
    });
    socket.end(Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251)));
    await until(() => stream.readableEnded, 30_000);
    expect({ got, isRight }).toEqual({ got: size, isRight: true });
  });

  it("tells the node when whoever asked goes away, at the latest when it has something to say", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    const stream = (await node.next()).accept();
    stream.write(SWITCHING);
    await nextText(socket);
    socket.destroy();
    expect(await readAll(stream)).toBe("");
    const talk = setInterval(() => stream.write("are you there?"), 10);
    await closed(stream);
    clearInterval(talk);
    expect(stream.errored).toMatchObject({ code: "CANCELLED" });
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
  });

  it("gives up on a silent node some time after whoever asked went away", async () => {
    const node = await start({ halfClosedMs: 100 });
    const socket = await rig.upgrade(EXEC);
    const stream = (await node.next()).accept();
    stream.write(SWITCHING);
    await nextText(socket);
    socket.destroy();
    await closed(stream.resume());
    expect(stream.errored).toMatchObject({ code: "CANCELLED" });
  });

  it.each(["destroy", "end"])("gives up when whoever asked goes away before the answer (%s)", async (how) => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    const asked = await node.next();
    if (how === "destroy") socket.destroy();
    else socket.end();
    await until(() => asked.signal.aborted);
    expect(node.live).toBe(0);
    await until(
      async () => (await rig.hub.metric("longshore_stream_opens_total", { result: "cancelled" })) === 1,
    );
  });

  it("cuts the connection when the session is lost in the middle", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    (await node.next()).accept().write(SWITCHING);
    await nextText(socket);
    const ended = readAll(socket);
    node.lose();
    expect(await ended).toBe("");
  });

  it("cuts the connection when the node fails after its end, with all that it said", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    const stream = (await node.next()).accept();
    const said = SWITCHING + "x".repeat(200_000);
    stream.end(said);
    let got = "";
    socket.on("data", (chunk: Buffer) => (got += chunk.toString()));
    await until(() => got.length === said.length);
    const gone = closed(socket);
    stream.destroy(new StreamError("LOST", "it failed"));
    const talk = setInterval(() => socket.write("are you there?"), 10);
    await gone;
    clearInterval(talk);
    expect(got).toBe(said);
  });

  it.each(["asked", "owner"])(
    "tells a command that it failed when the hub that was %s stops",
    async (which) => {
      const node = await start();
      const socket = await rig.upgrade(EXEC);
      const stream = (await node.next()).accept();
      const switching = `${SWITCHING.slice(0, -2)}X-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n`;
      stream.write(switching);
      await nextText(socket);
      const last = readAll(socket).finally(() => socket.end());
      const startedMs = performance.now();
      await (which === "asked" ? rig.hub : rig.hubs[hubs - 1]!).server.stop();
      expect(performance.now() - startedMs).toBeLessThan(900);
      expect(await last).toContain('the connection to node \\"n1\\" was lost');
      await until(() => node.live === 0);
    },
  );

  it("stops though a reader has stalled", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    (await node.next()).accept().write(SWITCHING + "x".repeat(200_000));
    await until(() => socket.readableLength > 0);
    const startedMs = performance.now();
    await rig.hub.server.stop();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await until(() => node.live === 0);
  });

  it("answers a refusal in whole, and closes", async () => {
    const node = await start();
    const socket = await rig.upgrade(EXEC);
    (await node.next()).refuse(new StreamError("NOT_FOUND", "no container “main”"));
    const answer = await readAll(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}\r\n`);
    expect(head).toMatch(/connection: close$/);
    expect(JSON.parse(body)).toMatchObject({ reason: "NotFound", message: "no container “main”" });
  });
});

describe("what is no upgrade", () => {
  it.each([
    { path: "/exec/default/web/main?command=ls&output=1", why: "upgrade" },
    { path: "/attach/default/web/main?output=1", why: "upgrade" },
    { path: "/portForward/default/web", why: "upgrade" },
  ])("is answered 400 under $path", async ({ path, why }) => {
    rig = await createRig();
    rig.cluster.pod("web", "n1");
    rig.hub.node("n1");
    const { status, text } = await rig.get(path);
    expect(status).toBe(400);
    expect(text).toContain(why);
  });

  it.each(["Connection: Upgrade\r\nUpgrade: h2c", "Connection: Upgrade"])(
    "gets no log in the name of another node's proxy (%j)",
    async (headers) => {
      rig = await createRig();
      rig.cluster.pod("web", "n1");
      const node = rig.hub.node("n1");
      const socket = await rig.dial();
      const forged = "X-Forwarded-Uri: /api/v1/nodes/n1/proxy/\r\n";
      socket.write(`GET /containerLogs/default/web/main HTTP/1.1\r\nHost: x\r\n${headers}\r\n${forged}\r\n`);
      expect(await nextText(socket)).toMatch(/^HTTP\/1\.1 400 /);
      expect(node.asked).toHaveLength(0);
    },
  );

  it("B147 is answered 400 with too many arguments, and reaches no node", async () => {
    rig = await createRig();
    rig.cluster.pod("web", "n1");
    const node = rig.hub.node("n1");
    const socket = await rig.upgrade(`/exec/default/web/main?output=1${"&command=a".repeat(1025)}`);
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 400 /);
    expect(node.asked).toHaveLength(0);
  });
});

const nextBytes = (stream: NodeJS.ReadableStream): Promise<Buffer> =>
  new Promise((resolve) => stream.once("data", resolve));
