// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { Socket } from "node:net";
import { Connections } from "../../src/dmi/connections.ts";

function open() {
  const now = { ms: 0 };
  const connections = new Connections({ maxConnections: 2, quietMs: 60_000 }, () => now.ms);
  const connect = (): { socket: Socket; isTaken: boolean } => {
    const socket = new Socket();
    return { socket, isTaken: connections.add(socket) };
  };
  return { now, connections, connect };
}

describe("connections of mappers", () => {
  it("beyond the limit are refused while the others were heard within a minute", () => {
    const { now, connect } = open();
    const [one, other] = [connect(), connect()];
    now.ms = 59_999;
    const third = connect();
    expect([third.isTaken, third.socket.destroyed]).toEqual([false, true]);
    expect([one.socket.destroyed, other.socket.destroyed]).toEqual([false, false]);
  });

  it("that were quiet for a minute make room, the quietest first", () => {
    const { now, connect } = open();
    const [one, other] = [connect(), connect()];
    now.ms = 60_000;
    one.socket.emit("data", Buffer.of(0));
    expect(connect().isTaken).toBe(true);
    expect([one.socket.destroyed, other.socket.destroyed]).toEqual([false, true]);
    expect(connect().isTaken).toBe(false);
  });

  it("that are closed make room at once", () => {
    const { connect } = open();
    const [one] = [connect(), connect()];
    one.socket.emit("close");
    expect([connect().isTaken, connect().isTaken]).toEqual([true, false]);
  });
});
