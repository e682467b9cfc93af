import { once, type EventEmitter } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { defineMapper } from "@longshore/mapper";

interface Lamp {
  readonly socket: Socket;
  /** Sends one line and gives back the one that answers it. */
  ask(line: string, signal: AbortSignal): Promise<string>;
}

/** Lamps that take `get brightness` and `set brightness 70`, a line each, over TCP. */
export const lampMapper = defineMapper<Lamp>({
  protocol: "__PROTOCOL__", // Devices with this protocolName come to this mapper.
  name: "__NAME__",
  version: "v0.1.0",

  // device.config is what the user wrote below spec.protocol.configData.
  open: async ({ config }, { signal }) => {
    const socket = connect(Number(config["port"] ?? 7000), String(config["host"] ?? "127.0.0.1"));
    socket.setNoDelay(true);
    const lines = createInterface(socket);
    // Both tell of errors, which would end the program if nobody listened; the next call finds out.
    for (const source of [socket, lines]) source.on("error", () => socket.destroy());
    const closed = new AbortController();
    socket.once("close", () => closed.abort());
    // What fails ends the connection: nothing is left open, and no late answer is taken for the next one.
    const waitFor = async (emitter: EventEmitter, event: string, until: AbortSignal): Promise<unknown[]> => {
      try {
        return (await once(emitter, event, { signal: AbortSignal.any([until, closed.signal]) })) as unknown[];
      } catch (error) {
        socket.destroy();
        throw error;
      }
    };
    await waitFor(socket, "connect", signal);
    const ask = async (line: string, until: AbortSignal): Promise<string> => {
      if (socket.destroyed) throw new Error("the lamp hung up");
      socket.write(`${line}\n`);
      const [answer] = await waitFor(lines, "line", until);
      return String(answer);
    };
    return { socket, ask };
  },

  read: async (lamp, { name, type }, { signal }) => {
    const text = await lamp.ask(`get ${name}`, signal);
    return type === "INT" ? Number(text) : text;
  },

  // Called with values that fit the DeviceModel, once for each change.
  write: async (lamp, { name }, value, { signal }) => {
    const answer = await lamp.ask(`set ${name} ${String(value)}`, signal);
    if (answer !== "ok") throw new Error(`the lamp says: ${answer}`);
  },

  close: ({ socket }) => void socket.destroy(),
});
