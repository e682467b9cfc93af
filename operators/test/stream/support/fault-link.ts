// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP connection's way through the test, which can go dead without a word. */
export interface FaultLink {
  readonly address: string;
  /** Connections that were made so far. */
  readonly count: number;
  /** Nothing passes any more, and nobody is told. */
  freeze(): void;
  cut(): void;
  stop(): void;
}

export async function createFaultLink(port: number): Promise<FaultLink> {
  const sockets = new Set<Socket>();
  let count = 0;
  let isFrozen = false;
  const server = createServer((from) => {
    count++;
    const to = connect({ port, host: "127.0.0.1" });
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        if (!isFrozen) other.destroy();
      });
      socket.on("data", (chunk: Buffer) => {
        if (!isFrozen) other.write(chunk);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get count() {
      return count;
    },
    freeze: () => {
      isFrozen = true;
    },
    cut,
    stop: () => {
      cut();
      server.close();
    },
  };
}
