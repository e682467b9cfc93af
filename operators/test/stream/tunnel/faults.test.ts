// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { Pauses, TUNNEL_TYPE, type ExecRequest, type LogsRequest } from "@longshore/crds/stream";
import { once } from "node:events";
import { connect } from "node:net";
import { TunnelStream } from "../../../src/stream/tunnel/stream.ts";
import { createRig, until, type Rig } from "./edge-core.ts";

const OF = { namespace: "default", pod: "web", uid: "u-1", container: "app" };
const LOGS: LogsRequest = { verb: "logs", ...OF, options: { follow: true } };
const EXEC: ExecRequest = {
  verb: "exec",
  ...OF,
  command: ["x".repeat(30_000)],
  ...{ stdin: false, stdout: true, stderr: true, tty: false },
  upgrade: { method: "POST", headers: [] },
};

describe("a stream tunnel server", () => {
  let rig: Rig;
  afterEach(() => rig.stop());

  it("stops at once, though somebody connected and said nothing", async () => {
    rig = await createRig();
    const socket = connect(rig.tunnel.port, "127.0.0.1").on("error", () => undefined);
    await once(socket, "connect");
    const gone = once(socket, "close");
    await rig.edge("n1");
    const startedMs = performance.now();
    await rig.tunnel.close();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await gone;
  });

  it("stops at once, though a tunnel is not read for a slow reader", async () => {
    rig = await createRig({ options: { pauseBytes: 64 * 1024, resumeBytes: 1024 } });
    const edge = await rig.edge("n1");
    const opening = rig.tunnel.openerOf("n1")!.open(LOGS);
    const { connection } = await edge.next(TUNNEL_TYPE.logs);
    edge.data(connection, "x".repeat(128 * 1024));
    const { stream } = await opening;
    await until(() => stream.readableLength > 64 * 1024, "bytes that wait");
    const startedMs = performance.now();
    await rig.tunnel.close();
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(stream.errored).toMatchObject({ code: "LOST", message: "this hub stops" });
  });

  it("cuts off a node that reads nothing of what is asked", async () => {
    rig = await createRig({ options: { maxStreamsPerTunnel: 1 } });
    (await rig.edge("n1")).ws.pause();
    for (let i = 0; i < 2_000 && rig.events.length === 1; i++) {
      const gone = new AbortController();
      const opening = rig.tunnel.openerOf("n1")?.open(EXEC, gone.signal);
      gone.abort();
      await expect(opening).rejects.toThrow();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(rig.events).toEqual(["opened n1", "closed n1"]);
  });
});

describe("what waits in a stream tunnel", () => {
  it("is none of a stream that is over, whatever is still read of it", () => {
    const total = { bytes: 0 };
    let pauses = 0;
    const held = new Pauses({
      total,
      limits: {
        ...{ maxStreamBytes: 4_000, maxBytes: 8_000, pauseBytes: 2_000, resumeBytes: 1_000 },
        ...{ stallMs: 1_000, maxPauseMs: 10_000 },
      },
      clock: { schedule: () => () => undefined },
      socket: { pause: () => pauses++, resume: () => pauses-- },
    });
    const link = {
      chunkBytes: 1_024,
      sendData: () => undefined,
      onHeld: (slow: TunnelStream, bytes: number, before: number) => held.onHeld(slow, bytes, before),
      onAnswer: () => undefined,
      onOver: (slow: TunnelStream) => held.onOver(slow),
    };
    const stream = new TunnelStream(link, 1, { isUpgrade: false, needsAnswer: false });
    stream.receive(Buffer.alloc(3_000));
    expect({ total, pauses }).toEqual({ total: { bytes: 3_000 }, pauses: 1 });
    stream.destroy();
    stream.read(0);
    expect({ total, pauses }).toEqual({ total: { bytes: 0 }, pauses: 0 });
  });
});
