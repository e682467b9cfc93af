// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP proxy on loopback that can misbehave. */
export interface TcpProxy {
  readonly port: number;
  /** Bytes and new connections pass. */
  pass(): void;
  /** Connections stay open, but nothing passes any more, on new ones neither. */
  swallow(): void;
  /** New connections are closed at once. */
  refuse(): void;
  /** Ends all open connections. @returns how many there were */
  cut(): number;
  close(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  let mode: "pass" | "swallow" | "refuse" = "pass";
  const pairs = new Set<{ readonly client: Socket; readonly target: Socket }>();
  const server = createServer((client) => {
    if (mode === "refuse") {
      client.destroy();
      return;
    }
    const target = connect(targetPort, "127.0.0.1");
    const pair = { client, target };
    pairs.add(pair);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.on("data", (bytes) => mode === "pass" && to.write(bytes));
      from.on("error", () => undefined);
      from.on("close", () => {
        // While it swallows, neither side may learn of the other's end.
        if (mode !== "swallow") to.destroy();
        if (client.destroyed && target.destroyed) pairs.delete(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): number => {
    const count = pairs.size;
    for (const { client, target } of pairs) {
      client.destroy();
      target.destroy();
    }
    return count;
  };
  return {
    port: (server.address() as AddressInfo).port,
    pass: () => void (mode = "pass"),
    swallow: () => void (mode = "swallow"),
    refuse: () => void (mode = "refuse"),
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
