// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Edge } from "./support/edge.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

let rig: Rig;
let other: Edge;
beforeEach(async () => {
  rig = await createRig();
  other = await rig.ours("other");
  rig.lines.length = 0;
});
afterEach(() => rig.stop());

/** Lines that tell of a refusal, not of the end of the session that may follow. */
const refusals = () => rig.lines.filter(({ level }) => level === "warn");
const rejects = () => rig.metric("edge_reject_total");
const frame = (resource: string) => ({ route: { operation: "update", resource, source: "edgecontroller" } });

/** The other session is served as before. */
async function expectOtherUnharmed(): Promise<void> {
  const handled = rig.handled.length;
  other.send(frame("default/pod/p"));
  await eventually(() => rig.handled.length === handled + 1, "the other session is served");
  expect(other.ws.readyState).toBe(other.ws.OPEN);
}

describe("a refusal is counted once, logged once in few words, and costs no other session", () => {
  it.each([
    { what: "B56 a malformed frame", text: "{hunter2", reason: "malformed", message: "frame not decoded" },
    {
      what: "B59 an unknown type",
      ...frame("default/unheardof/hunter2"),
      reason: "unsupported",
      message: "frame refused",
    },
    {
      what: "B61 a path that climbs",
      ...frame("default/pod/../../x"),
      reason: "invalid_resource",
      message: "frame refused",
    },
  ])("$what", async ({ reason, message, ...sent }) => {
    const edge = await rig.ours("n1");
    rig.lines.length = 0;
    if ("text" in sent) edge.ws.send(sent.text);
    else edge.send({ route: sent.route });
    await eventually(async () => (await rejects()) > 0, "the count");
    expect(await rig.metric("edge_reject_total", { surface: "tunnel", reason })).toBe(1);
    expect(await rejects()).toBe(1);
    expect(refusals().map((line) => line.message)).toEqual([message]);
    expect(JSON.stringify(refusals()).length).toBeLessThan(256);
    await expectOtherUnharmed();
  });

  it.each(["$hw/events/upload/x", "default/user/x", "default/pod/p", "a/b/c/d/user"])(
    "messages by MQTT to %s, which nothing here takes: each is answered and counted, the session's first is logged",
    async (resource) => {
      const edge = await rig.ours("n1");
      rig.lines.length = 0;
      const upload = { operation: "upload", resource, source: "bus", group: "user" };
      for (let i = 1; i <= 5; i++) {
        const id = edge.send({ route: upload, content: "hunter2" });
        const nack = await edge.frame((f) => f.header.parent_msg_id === id);
        expect(nack.content).toMatchObject({ id, code: "UNSUPPORTED" });
      }
      expect(await rig.metric("edge_reject_total", { surface: "tunnel", reason: "upload" })).toBe(5);
      expect(await rejects()).toBe(5);
      expect(refusals().map((line) => line.message)).toEqual(["nothing here takes messages by MQTT"]);
      expect(rig.handled).toEqual([]);
      await expectOtherUnharmed();
    },
  );

  it("B50 a frame over 1.25 MiB", async () => {
    const edge = await rig.ours("n1");
    rig.lines.length = 0;
    edge.ws.send("x".repeat(1.25 * 1024 * 1024 + 1));
    expect((await edge.closed).code).toBe(1009);
    await eventually(
      async () => (await rig.metric("longshore_hub_disconnects_total", { reason: "too_large" })) === 1,
    );
    const labels = { surface: "tunnel", reason: "unsupported_message_length" };
    expect(await rig.metric("edge_reject_total", labels)).toBe(1);
    expect(refusals().map((line) => line.message)).toEqual(["frame not taken"]);
    await expectOtherUnharmed();
  });

  it("B47 a certificate of another node", async () => {
    const identity = await rig.ca.issue({ subject: "O=system:nodes, CN=system:node:a" });
    const edge = await rig.edge("b", { identity });
    expect((await edge.closed).code).toBe(4401);
    expect(await rig.metric("edge_reject_total", { surface: "tunnel", reason: "identity_header" })).toBe(1);
    expect(refusals().map((line) => line.message)).toEqual(["connection refused"]);
    await expectOtherUnharmed();
  });
});
