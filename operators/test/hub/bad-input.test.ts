// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { get } from "node:https";
import type { Edge } from "./support/edge.ts";
import { ManualClock } from "./support/manual-clock.ts";
import { createTestCa, SERVER_AUTH } from "./support/pki.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

const header = (over: object = {}): string => JSON.stringify({ msg_id: "m1", timestamp: 1, ...over });
const frameText = (over: { header?: object; route?: object; content?: string } = {}): string =>
  `{"header":${header(over.header)},"route":${JSON.stringify(over.route ?? { operation: "update", resource: "default/pod/p" })},"content":${over.content ?? "null"}}`;

/** Writes bytes past the edge's own WebSocket, which would not send them. */
function writeRaw(edge: Edge, ...bytes: number[]): void {
  const { _socket: socket } = edge.ws as unknown as { _socket: { write(b: Buffer): void } };
  socket.write(Buffer.from(bytes));
}

describe("identity of a connection", () => {
  it.each([
    {
      row: "S20 B47",
      what: "a header that names another node",
      subject: "O=system:nodes, CN=system:node:a",
      node: "b",
      code: 4401,
    },
    {
      row: "B42",
      what: "another organisation",
      subject: "O=system:masters, CN=system:node:a",
      node: "a",
      code: 4403,
    },
    {
      row: "B43",
      what: "two common names",
      subject: "O=system:nodes, CN=system:node:a, CN=system:node:b",
      node: "a",
      code: 4403,
    },
    {
      row: "B43",
      what: "an empty node name",
      subject: "O=system:nodes, CN=system:node:",
      node: "",
      code: 4403,
    },
  ])("$row closes $what with $code, and reads nothing of it", async ({ subject, node, code }) => {
    rig = await createRig();
    const edge = await rig.edge(node, { identity: await rig.ca.issue({ subject }) });
    await edge.opened;
    edge.send({ route: { operation: "patch", resource: "null/nodepatch/a" } });
    expect((await edge.closed).code).toBe(code);
    expect(rig.handled).toEqual([]);
    expect(rig.hub.connectedSessions).toBe(0);
    expect(await rig.metric("longshore_hub_connections_total", { result: "identity" })).toBe(1);
  });

  it.each([
    { row: "B38", what: "an expired certificate", over: { notAfter: new Date(Date.now() - 1000) } },
    { row: "B38", what: "one that is not valid yet", over: { notBefore: new Date(Date.now() + 3_600_000) } },
    { row: "B38", what: "one for servers", over: { usage: SERVER_AUTH } },
  ])("$row refuses $what in TLS: there never is a WebSocket", async ({ over }) => {
    rig = await createRig();
    const identity = await rig.ca.issue({ subject: "O=system:nodes, CN=system:node:a", ...over });
    const edge = await rig.edge("a", { identity });
    await expect(edge.opened).rejects.toThrow();
    expect((await edge.closed).code).toBe(1006);
    expect(rig.hub.connectedSessions).toBe(0);
  });

  it("B37 B38 refuses no certificate, and one of another authority", async () => {
    rig = await createRig();
    const foreign = await (await createTestCa()).edge("a");
    for (const identity of [foreign, { cert: "", key: "" }]) {
      const socket = identity.cert === "" ? { cert: undefined, key: undefined } : {};
      const edge = await rig.edge("a", { identity, socket });
      await expect(edge.opened).rejects.toThrow();
    }
    expect(rig.hub.connectedSessions).toBe(0);
  });

  it.each([
    { row: "B44", what: "an Origin", headers: { Origin: "https://evil" }, status: 403 },
    { row: "B44", what: "a sub-protocol", headers: { "Sec-WebSocket-Protocol": "chat" }, status: 400 },
    { row: "B44", what: "another version", socket: { protocolVersion: 8 }, status: 426 },
  ])("$row answers $what with $status", async ({ headers = {}, socket = {}, status }) => {
    rig = await createRig();
    const edge = await rig.edge("a", { headers, socket });
    await expect(edge.opened).rejects.toThrow(`Unexpected server response: ${status}`);
  });

  it("B44 answers an upgrade without a version with 426", async () => {
    rig = await createRig();
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    };
    const call = get({
      ...(await rig.ca.edge("a")),
      host: "127.0.0.1",
      port: rig.hub.tunnelPort,
      ca: rig.ca.cert,
      headers,
      agent: false,
    });
    const [response] = (await once(call, "response")) as [{ statusCode: number; resume(): void }];
    expect(response.statusCode).toBe(426);
    response.resume();
  });

  it.each(["TLSv1.1", "TLSv1.2"] as const)(
    "B40 refuses a peer that speaks %s at most",
    async (maxVersion) => {
      rig = await createRig();
      const edge = await rig.edge("a", {
        socket: { minVersion: "TLSv1.1", maxVersion, ciphers: "DEFAULT@SECLEVEL=0" },
      });
      await expect(edge.opened).rejects.toThrow();
      expect(rig.hub.connectedSessions).toBe(0);
    },
  );

  it("B40 takes TLS 1.2 where the options allow it, and nothing older", async () => {
    rig = await createRig({ options: { minTlsVersion: "TLSv1.2" } });
    const edge = await rig.edge("a", { socket: { maxVersion: "TLSv1.2" } });
    await edge.opened;
    const older = await rig.edge("b", {
      socket: { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
    });
    await expect(older.opened).rejects.toThrow();
  });

  it("S21 closes a connection over the limit with 4503, but lets a connected node come back", async () => {
    rig = await createRig({ options: { maxSessions: 1 } });
    await rig.ours("a");
    const over = await rig.edge("b", { negotiate: true });
    await over.opened;
    over.send({ route: { operation: "patch", resource: "null/nodepatch/b" } });
    expect(await over.closed).toEqual({ code: 4503, reason: "full retryAfter=30" });
    expect(rig.handled).toEqual([]);
    const again = await rig.ours("a");
    expect(again.ws.readyState).toBe(again.ws.OPEN);
  });

  it("R12 in part: answers a herd with 503 and a time to come back", async () => {
    rig = await createRig({ options: { admissionPerSecond: 1, admissionBurst: 2 } });
    await rig.ours("a");
    await rig.ours("b");
    const third = await rig.edge("c");
    const answer = new Promise((resolve) => {
      third.ws.on("unexpected-response", (_request, response: { statusCode: number; headers: object }) => {
        resolve([response.statusCode, (response.headers as Record<string, string>)["retry-after"]]);
      });
    });
    expect(await answer).toEqual([503, "1"]);
  });
});

describe("bad frames on a negotiated session", () => {
  it.each([
    {
      row: "B56",
      what: "depth 33",
      text: frameText({ content: "[".repeat(32) + "]".repeat(32) }),
      reason: "too_deep",
    },
    {
      row: "B56",
      what: "depth 10,000",
      text: frameText({ content: "[".repeat(10_000) }),
      reason: "too_deep",
    },
    {
      row: "B56",
      what: "10,001 keys",
      text: frameText({ content: `{${Array.from({ length: 10_001 }, (_, i) => `"k${i}":1`).join(",")}}` }),
      reason: "too_many_keys",
    },
    {
      row: "B56",
      what: "a key of 64 KiB",
      text: frameText({ content: `{"${"k".repeat(70_000)}":1}` }),
      reason: "key_too_long",
    },
    {
      row: "B57",
      what: "__proto__",
      text: frameText({ content: '{"a":{"__proto__":{"x":1}}}' }),
      reason: "forbidden_key",
    },
    {
      row: "B57",
      what: "constructor.prototype",
      text: frameText({ content: '{"a":[{"constructor":{"prototype":{"x":1}}}]}' }),
      reason: "forbidden_key",
    },
    { row: "B56", what: "no JSON", text: "{", reason: "malformed" },
    { row: "S4", what: "null", text: "null", reason: "malformed" },
    { row: "S4", what: "an array", text: "[]", reason: "malformed" },
    { row: "S4", what: "a number", text: "1", reason: "malformed" },
    { row: "S4", what: "a text", text: '""', reason: "malformed" },
    { row: "S4", what: "an empty object", text: "{}", reason: "bad_field" },
  ])("$row closes $what with 4400", async ({ text, reason }) => {
    rig = await createRig();
    const other = await rig.ours("other");
    const edge = await rig.ours("n1");
    rig.lines.length = 0;
    edge.ws.send(text);
    expect((await edge.closed).code).toBe(4400);
    expect(await rig.metric("edge_reject_total", { surface: "tunnel", reason })).toBe(1);
    expect(rig.lines.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
      "frame not decoded",
    ]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(other.ws.readyState).toBe(other.ws.OPEN);
  });

  it.each(["0x10", "1e3", " 5", "", "-1", "1".repeat(21)])(
    "B58 nacks the version %j, and closes after three",
    async (resourceversion) => {
      rig = await createRig();
      const edge = await rig.ours("n1");
      edge.ws.send(frameText({ header: { resourceversion } }));
      const nack = await edge.frame((f) => f.route.operation === "nack");
      expect(nack.content).toMatchObject({ id: "m1", code: "BAD" });
      edge.ws.send(frameText({ header: { resourceversion } }));
      edge.ws.send(frameText({ header: { resourceversion } }));
      expect((await edge.closed).code).toBe(4400);
    },
  );

  it("B59 B61 B60 nacks unknown types, bad paths and reused ids, and goes on", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    const cases: [string, string][] = [
      ["default/unheardof/x", "UNSUPPORTED"],
      ["default/pod/../../node/b/secret/x", "INVALID_RESOURCE"],
      ["default/%2e%2e/x", "INVALID_RESOURCE"],
      ["default//x", "INVALID_RESOURCE"],
      ["a/b/c/d/e", "INVALID_RESOURCE"],
    ];
    for (const [resource, code] of cases) {
      const id = edge.send({ route: { operation: "update", resource, source: "edgecontroller" } });
      const nack = await edge.frame((f) => f.header.parent_msg_id === id);
      expect(nack.content).toMatchObject({ id, code });
    }
    edge.send({ route: { operation: "update", resource: "default/pod/p" }, content: "first" }, "same");
    edge.send({ route: { operation: "update", resource: "default/pod/p" }, content: "other" }, "same");
    const nack = await edge.frame((f) => f.header.parent_msg_id === "same");
    expect(nack.content).toMatchObject({ code: "DUPLICATE_ID" });
    expect(rig.handled.map((f) => f.content)).toEqual(["first"]);
    expect(edge.ws.readyState).toBe(edge.ws.OPEN);
  });

  it("B59 takes a frame with fields that it does not know, and leaves them out", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    edge.ws.send(
      `{"later":1,"header":${header({ later: 1 })},"route":{"operation":"update","resource":"default/pod/p","later":1},"content":"c"}`,
    );
    await eventually(() => rig.handled.length === 1);
    expect(await rig.metric("edge_reject_total")).toBe(0);
  });

  it("B50 closes a frame that claims 2^63 - 1 bytes with 1009 before a byte of it came", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    writeRaw(edge, 0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);
    expect((await edge.closed).code).toBe(1009);
  });

  it("B50 closes a frame over 1.25 MiB with 1009, but takes 2 MiB of a KubeEdge edge", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    edge.ws.send("x".repeat(1.25 * 1024 * 1024 + 1));
    expect((await edge.closed).code).toBe(1009);
    const legacy = await rig.edge("n2");
    await legacy.opened;
    legacy.ws.send(frameText({ content: `"${"x".repeat(2 * 1024 * 1024)}"` }));
    await eventually(() => rig.handled.length === 1);
  });

  it("B49 closes a binary frame with 1003", async () => {
    rig = await createRig();
    const other = await rig.ours("other");
    const binary = await rig.ours("n1");
    rig.lines.length = 0;
    binary.ws.send(Buffer.from(frameText()), { binary: true });
    expect((await binary.closed).code).toBe(1003);
    await eventually(() => rig.lines.some(({ message }) => message === "session ended"));
    expect(rig.lines.map(({ message, fields }) => [message, fields["reason"]])).toEqual([
      ["session ended", "bad_message"],
    ]);
    expect(await rig.metric("edge_reject_total", { reason: "binary" })).toBe(1);
    expect(rig.handled).toEqual([]);
    expect(other.ws.readyState).toBe(other.ws.OPEN);
  });

  it("B51 in part: closes a message of 65 fragments with 1008", async () => {
    rig = await createRig();
    const split = await rig.ours("n1");
    for (let i = 0; i < 65; i += 1) split.ws.send("x", { fin: false });
    expect((await split.closed).code).toBe(1008);
  });

  it.each([
    { row: "B52", what: "an unmasked frame", bytes: [0x81, 0x01, 0x78], code: 1002 },
    { row: "B52", what: "a frame with RSV2", bytes: [0xa1, 0x81, 0, 0, 0, 0, 0x78], code: 1002 },
    { row: "B52 B55", what: "a frame with RSV1", bytes: [0xc1, 0x81, 0, 0, 0, 0, 0x78], code: 1002 },
    { row: "B52", what: "the opcode 0xB", bytes: [0x8b, 0x80, 0, 0, 0, 0], code: 1002 },
    {
      row: "B53",
      what: "a closing frame whose reason is no UTF-8",
      bytes: [0x88, 0x84, 0, 0, 0, 0, 0x03, 0xe8, 0xff, 0xfe],
      code: 1007,
    },
    { row: "B53", what: "a text that is no UTF-8", bytes: [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe], code: 1007 },
  ])("$row closes $what with $code, counted and told once", async ({ bytes, code }) => {
    rig = await createRig();
    const other = await rig.ours("other");
    const edge = await rig.ours("n1");
    rig.lines.length = 0;
    writeRaw(edge, ...bytes);
    expect((await edge.closed).code).toBe(code);
    await eventually(() => rig.hub.connectedSessions === 1);
    expect(await rig.metric("edge_reject_total")).toBe(1);
    expect(rig.lines.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
      "frame not taken",
    ]);
    expect(other.ws.readyState).toBe(other.ws.OPEN);
  });

  it("B54 closes a peer that floods pings with 4429", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    for (let i = 0; i < 10_000 && edge.ws.readyState === edge.ws.OPEN; i += 1) edge.ws.ping();
    expect((await edge.closed).code).toBe(4429);
  });

  it("B55 does not negotiate compression", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { socket: { perMessageDeflate: true } });
    await edge.opened;
    expect(edge.ws.extensions).toBe("");
  });

  it("B46 closes 4408 without a hello", async () => {
    rig = await createRig({ options: { helloTimeoutMs: 50 } });
    const silent = await rig.edge("n1", { negotiate: true });
    expect((await silent.closed).code).toBe(4408);
  });

  it("B48 closes 4400 on a second hello", async () => {
    rig = await createRig();
    const twice = await rig.ours("n2");
    twice.session("hello", {});
    expect((await twice.closed).code).toBe(4400);
  });

  it("B76 closes 4413 on an inventory of 20,001 references", async () => {
    rig = await createRig();
    const big = await rig.edge("n3", { negotiate: true });
    await big.opened;
    const items = Array.from({ length: 20_001 }, (_, i) => [`pod/default/p${i}`, "u", "1", "d"] as const);
    await big.greet(items);
    expect((await big.closed).code).toBe(4413);
    expect(rig.mailbox.box("n3").acked.size).toBe(0);
  });

  it("S31 leaves out inventory items with a bad version", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    await edge.greet([
      ["pod/default/a", "u", "abc", "d"],
      ["pod/default/b", "u", "5", "d"],
      ["pod/default/c", "u", "9".repeat(30), "d"],
      ["pod/default/d", "u", "", "d"],
      ["pod/default/e", "u", "-1", "d"],
    ]);
    await eventually(() => rig.mailbox.box("n1").acked.size === 1);
    expect(await rig.metric("edge_reject_total", { reason: "bad_inventory_item" })).toBe(4);
    expect(edge.ws.readyState).toBe(edge.ws.OPEN);
  });

  it("B78 in part: takes a burst of 100 and then 50 frames a second of a flood, and loses none of it", async () => {
    const clock = new ManualClock();
    rig = await createRig({ clock, options: { sweepMs: 250 } });
    const other = await rig.ours("other");
    const edge = await rig.ours("n1");
    // What one read of the socket held is handed over whole: with frames of 2 kB that is 33 at most.
    const chunk = Math.ceil((64 * 1024) / 2_000);
    for (let i = 0; i < 400; i += 1) {
      edge.send({
        route: { operation: "update", resource: `default/pod/p${i}` },
        content: "x".repeat(2_000),
      });
    }
    await eventually(() => rig.handled.length >= 100);
    let seconds = 0;
    for (; rig.handled.length < 400 && seconds < 20; seconds += 1) {
      await settle();
      expect(rig.handled.length).toBeLessThanOrEqual(100 + 50 * seconds + chunk);
      clock.advance(1_000);
    }
    expect(seconds).toBeGreaterThanOrEqual(5);
    await eventually(() => rig.handled.length === 400, "all of the flood");
    expect(other.ws.readyState).toBe(other.ws.OPEN);
  });
});

/** Lets the sockets catch up with the clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
