// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { createTestCa, SERVER_AUTH } from "./support/pki.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

const header = (over: object = {}): string => JSON.stringify({ msg_id: "m1", timestamp: 1, ...over });
const frameText = (over: { header?: object; route?: object; content?: string } = {}): string =>
  `{"header":${header(over.header)},"route":${JSON.stringify(over.route ?? { operation: "update", resource: "default/pod/p" })},"content":${over.content ?? "null"}}`;

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
  ])("$row refuses $what in TLS", async ({ over }) => {
    rig = await createRig();
    const identity = await rig.ca.issue({ subject: "O=system:nodes, CN=system:node:a", ...over });
    const edge = await rig.edge("a", { identity });
    const { code } = await edge.closed;
    expect([1006, 4403]).toContain(code);
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

  it("B40 speaks TLS 1.3 only, unless told otherwise", async () => {
    rig = await createRig();
    const edge = await rig.edge("a", { socket: { maxVersion: "TLSv1.2" } });
    await expect(edge.opened).rejects.toThrow();
  });

  it("S21 closes a connection over the limit with 4503, but lets a connected node come back", async () => {
    rig = await createRig({ options: { maxSessions: 1 } });
    await rig.ours("a");
    const over = await rig.edge("b", { negotiate: true });
    expect(await over.closed).toEqual({ code: 4503, reason: "full retryAfter=30" });
    const again = await rig.ours("a");
    expect(again.ws.readyState).toBe(again.ws.OPEN);
  });

  it("R12 answers a herd with 503 and a time to come back", async () => {
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
      text: frameText({ content: "[".repeat(40) + "]".repeat(40) }),
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
    { row: "B56", what: "no JSON", text: "{", reason: "malformed" },
    { row: "S4", what: "null", text: "null", reason: "malformed" },
  ])("$row closes $what with 4400", async ({ text, reason }) => {
    rig = await createRig();
    const other = await rig.ours("other");
    const edge = await rig.ours("n1");
    edge.ws.send(text);
    expect((await edge.closed).code).toBe(4400);
    expect(await rig.metric("edge_reject_total", { surface: "tunnel", reason })).toBe(1);
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

  it("B49 closes a binary frame with 1003; B51 more than 64 fragments with 1008", async () => {
    rig = await createRig();
    const binary = await rig.ours("n1");
    binary.ws.send(Buffer.from(frameText()), { binary: true });
    expect((await binary.closed).code).toBe(1003);
    const split = await rig.ours("n2");
    for (let i = 0; i < 70; i += 1) split.ws.send("x", { fin: false });
    expect((await split.closed).code).toBe(1008);
  });

  it("B52 B53 closes a broken WebSocket frame and bad UTF-8", async () => {
    rig = await createRig();
    const broken = await rig.ours("n1");
    (broken.ws as unknown as { _socket: { write(b: Buffer): void } })._socket.write(
      Buffer.from([0x8b, 0x80, 0, 0, 0, 0]),
    );
    expect((await broken.closed).code).toBe(1002);
    const utf8 = await rig.ours("n2");
    utf8.ws.send(Buffer.from([0xff, 0xfe]), { binary: false });
    expect((await utf8.closed).code).toBe(1007);
  });

  it("B54 closes a peer that floods pings with 4429", async () => {
    rig = await createRig();
    const edge = await rig.ours("n1");
    for (let i = 0; i < 200; i += 1) edge.ws.ping();
    expect((await edge.closed).code).toBe(4429);
  });

  it("B55 does not negotiate compression", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { socket: { perMessageDeflate: true } });
    await edge.opened;
    expect(edge.ws.extensions).toBe("");
  });

  it("B46 closes 4408 without a hello, B48 4400 on a second, B76 4413 on 20,001 references", async () => {
    rig = await createRig({ options: { helloTimeoutMs: 50 } });
    const silent = await rig.edge("n1", { negotiate: true });
    expect((await silent.closed).code).toBe(4408);
    const twice = await rig.ours("n2");
    twice.session("hello", {});
    expect((await twice.closed).code).toBe(4400);
    const big = await rig.edge("n3", { negotiate: true });
    await big.opened;
    const items = Array.from({ length: 20_001 }, (_, i) => [`pod/default/p${i}`, "u", "1", "d"] as const);
    await big.greet(items);
    // The scan of the frame may refuse it first; either way it is not taken.
    expect((await big.closed).code).toBe(4413);
  });

  it("S31 leaves out inventory items with a bad version", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { negotiate: true });
    await edge.opened;
    await edge.greet([
      ["pod/default/a", "u", "abc", "d"],
      ["pod/default/b", "u", "5", "d"],
      ["pod/default/c", "u", "9".repeat(30), "d"],
    ]);
    await eventually(() => rig.mailbox.box("n1").acked.size === 1);
    expect(await rig.metric("edge_reject_total", { reason: "bad_inventory_item" })).toBe(2);
  });

  it("B78 reads a flood at 50 frames a second and loses none of it", async () => {
    rig = await createRig({ options: { uplinkPerSecond: 500, uplinkBurst: 10 } });
    const edge = await rig.ours("n1");
    const startMs = performance.now();
    for (let i = 0; i < 400; i += 1) {
      edge.send({
        route: { operation: "update", resource: `default/pod/p${i}` },
        content: "x".repeat(2_000),
      });
    }
    await eventually(() => rig.handled.length === 400);
    expect(performance.now() - startMs).toBeGreaterThan(300);
  });
});
