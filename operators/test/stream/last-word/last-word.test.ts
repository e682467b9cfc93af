// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { StreamError } from "@longshore/crds/stream";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { closed, createRig, nextText, readAll, until, type Rig } from "../support/rig.ts";
import { channel, SPDY_HEAD, spdyData, WEBSOCKET_HEAD } from "./frames.ts";

let rig: Rig;
afterEach(() => rig.stop());

const EXEC = "/exec/default/web/main?command=backup&output=1";
const OUTPUT = spdyData(3, Buffer.from("half of it\n"));

/** What the last word in SPDY says. */
function wordOf(bytes: Buffer): { status?: string; message?: string; isLast?: boolean } {
  if (bytes.length === 0) return {};
  expect(bytes.readUInt32BE(0)).toBe(1);
  expect(bytes.readUIntBE(5, 3)).toBe(bytes.length - 8);
  const { status, message } = JSON.parse(bytes.toString("utf8", 8)) as { status: string; message: string };
  return { status, message, isLast: bytes[4] === 1 };
}
const readBytes = async (socket: AsyncIterable<unknown>): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  return Buffer.concat(parts);
};
const LOST = { status: "Failure", message: 'the connection to node "n1" was lost', isLast: true };

describe.each([
  { where: "here", hubs: 1 },
  { where: "at another hub", hubs: 2 },
])("when a command breaks off on a node that is $where", ({ hubs }) => {
  const nodeOf = () => rig.hubs[hubs - 1]!.nodes.get("n1") as ReturnType<Rig["hub"]["node"]>;
  const start = async (path = EXEC, head = SPDY_HEAD): Promise<{ socket: TLSSocket; stream: Duplex }> => {
    rig = await createRig({ hubs });
    rig.cluster.pod("web", "n1");
    const node = rig.hubs[hubs - 1]!.node("n1");
    const socket = await rig.upgrade(path);
    const stream = (await node.next()).accept();
    stream.write(head);
    expect(await nextText(socket)).toBe(head);
    return { socket, stream };
  };

  it.each([
    { what: "its session", breakOff: () => nodeOf().lose(), want: LOST },
    {
      what: "its runtime",
      breakOff: (stream: Duplex) => stream.destroy(new StreamError("INTERNAL", "read ECONNRESET")),
      want: { ...LOST, message: 'the stream of node "n1" failed: read ECONNRESET' },
    },
  ])("with $what, the API server is told so after the last whole frame", async ({ breakOff, want }) => {
    const { socket, stream } = await start();
    const said = readBytes(socket);
    stream.write(Buffer.concat([OUTPUT, OUTPUT.subarray(0, -1)]));
    await until(
      async () =>
        (await rig.hub.metric("longshore_stream_bytes_total")) === SPDY_HEAD.length + 2 * OUTPUT.length - 1,
    );
    breakOff(stream);
    expect((await said).subarray(0, OUTPUT.length)).toEqual(OUTPUT);
    expect(wordOf((await said).subarray(OUTPUT.length))).toEqual(want);
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
  });

  it("is told so in WebSocket too", async () => {
    const { socket } = await start("/attach/default/web/main?output=1", WEBSOCKET_HEAD);
    const said = readBytes(socket);
    nodeOf().lose();
    expect((await said).toString()).toContain(
      '"status":"Failure","message":"the connection to node \\"n1\\" was lost"',
    );
  });

  it("is told so when it has finished sending", async () => {
    const { socket, stream } = await start();
    socket.end("all of the input");
    expect(await readAll(stream)).toBe("all of the input");
    const said = readBytes(socket);
    nodeOf().lose();
    expect(wordOf(await said)).toEqual(LOST);
  });

  it("is told so while it sends", async () => {
    const { socket } = await start();
    const said = readBytes(socket);
    const sending = setInterval(() => socket.write(Buffer.alloc(64 * 1024)), 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    nodeOf().lose();
    expect(wordOf(await said)).toEqual(LOST);
    clearInterval(sending);
  });

  it("is told so however late it reads", async () => {
    const { socket, stream } = await start();
    socket.pause();
    const frame = spdyData(3, Buffer.alloc(10_000));
    const talk = setInterval(() => stream.write(frame), 0);
    await until(() => stream.writableNeedDrain);
    clearInterval(talk);
    nodeOf().lose();
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
    const said = await readBytes(socket);
    const word = said.subarray(said.length - (said.length % frame.length));
    expect(wordOf(word)).toEqual(LOST);
  });

  it.each([
    { when: "the command had its own status", said: spdyData(1, Buffer.from('{"status":"Success"}'), 1) },
    { when: "the other side said goodbye", said: Buffer.from([0x80, 3, 0, 7, 0, 0, 0, 0]) },
  ])("nothing is added when $when", async ({ said }) => {
    const { socket, stream } = await start();
    stream.write(said);
    await once(socket, "data");
    const rest = readBytes(socket);
    nodeOf().lose();
    expect(await rest).toHaveLength(0);
  });

  it("nothing is added when it ended well, half a frame included", async () => {
    const { socket, stream } = await start();
    const said = readBytes(socket);
    const wanted = Buffer.concat([
      spdyData(1, Buffer.from('{"status":"Success"}'), 1),
      OUTPUT.subarray(0, 5),
    ]);
    stream.end(wanted);
    expect(await said).toEqual(wanted);
    socket.end();
    await closed(stream.resume());
  });

  it.each([
    { when: "with whole frames", half: 0 },
    { when: "in the middle of a frame", half: 5 },
  ])(
    "with its runtime, which ends it $when and says no more, the API server is told so",
    async ({ half }) => {
      const { socket, stream } = await start();
      const said = readBytes(socket);
      stream.end(Buffer.concat([OUTPUT, OUTPUT.subarray(0, half)]));
      expect((await said).subarray(0, OUTPUT.length)).toEqual(OUTPUT);
      expect(wordOf((await said).subarray(OUTPUT.length))).toEqual({
        ...LOST,
        message: 'the container runtime of node "n1" did not say how the command ended',
      });
      socket.end();
      await closed(stream.resume());
    },
  );

  it("nothing is added to a port's bytes", async () => {
    const { socket } = await start("/portForward/default/web", WEBSOCKET_HEAD);
    const said = readBytes(socket);
    nodeOf().lose();
    expect(await said).toHaveLength(0);
  });

  it("before it had an answer, it is answered with a failure", async () => {
    rig = await createRig({ hubs });
    rig.cluster.pod("web", "n1");
    const node = rig.hubs[hubs - 1]!.node("n1");
    const socket = await rig.upgrade(EXEC);
    (await node.next()).accept();
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 1);
    const said = readBytes(socket);
    node.lose();
    const [head = "", body = ""] = (await said).toString().split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 500 /);
    expect(JSON.parse(body)).toMatchObject({ status: "Failure", message: LOST.message });
  });

  it("passes 16 MiB out, past many windows, unharmed", async () => {
    const { socket, stream } = await start();
    const frames = Array.from({ length: 500 }, (_, i) => spdyData(3, Buffer.alloc(33_000 + i, i % 251)));
    const all = Buffer.concat([...frames, spdyData(1, Buffer.from('{"status":"Success"}'), 1)]);
    stream.end(all);
    expect((await readBytes(socket)).equals(all)).toBe(true);
  });
});

it("is told so when the hub that has the node stops", async () => {
  rig = await createRig({ hubs: 2 });
  rig.cluster.pod("web", "n1");
  const node = rig.hubs[1]!.node("n1");
  const socket = await rig.upgrade(EXEC);
  const stream = (await node.next()).accept();
  stream.write(SPDY_HEAD);
  await nextText(socket);
  stream.write(channel(1, "x").subarray(0, 3)); // not whole, whatever it is
  const said = readBytes(socket);
  await rig.hubs[1]!.server.stop();
  expect(wordOf(await said)).toEqual(LOST);
});
