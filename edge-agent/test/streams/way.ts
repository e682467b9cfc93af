// SPDX-License-Identifier: Apache-2.0
import {
  createMux,
  headerPairs,
  joinStreams,
  STREAM_LIMITS,
  StreamError,
  UPGRADE_HEADERS,
  type IncomingStream,
  type Mux,
  type StreamRequest,
} from "@longshore/crds/stream";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket } from "ws";
import { systemClock } from "../../src/clock.ts";

/** Two ends of a session without the network between them: what one opens, the other is asked. */
export function muxPair(onIncoming: (incoming: IncomingStream) => void): {
  readonly cloud: Mux;
  close(): void;
} {
  const carry =
    (to: () => Mux) =>
    (head: Buffer, payload: Buffer = Buffer.alloc(0)): void => {
      const message = Buffer.concat([head, payload]);
      setImmediate(() => to().receive(message));
    };
  const mux = (to: () => Mux, incoming: object): Mux =>
    createMux({
      socket: { send: carry(to), isWritable: () => true },
      limits: STREAM_LIMITS,
      onViolation: (reason) => {
        throw new Error(reason);
      },
      clock: systemClock,
      ...incoming,
    });
  const cloud: Mux = mux(() => edge, {});
  const edge: Mux = mux(() => cloud, { onIncoming });
  return { cloud, close: () => cloud.close(new StreamError("LOST", "the test is over")) };
}

type WithoutUpgrade<R> = R extends { upgrade: unknown } ? Omit<R, "upgrade"> : never;

/** A request without the upgrade, which comes from the client. */
export type Asked = WithoutUpgrade<StreamRequest>;

/** An HTTP server that hands upgrades on as a hub does: it answers nothing itself and reads none of the bytes. */
export async function startGate(mux: Mux): Promise<{
  dial(asked: Asked, protocol?: string): Promise<Client>;
  close(): void;
}> {
  const server = createServer();
  const asks = new Map<string, Asked>();
  server.on("upgrade", (request, socket, head) => {
    const headers = headerPairs(request.rawHeaders)
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => UPGRADE_HEADERS.has(name));
    const asked = { ...asks.get(request.url ?? ""), upgrade: { method: request.method, headers } };
    mux.open(asked).then(
      ({ stream }) => {
        if (head.length > 0) stream.write(head);
        joinStreams(socket, stream);
      },
      () => socket.destroy(), // the client sees that it was not answered
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    dial: (asked, protocol = "v4.channel.k8s.io") => {
      const path = `/${asks.size}`;
      asks.set(path, asked);
      return clientOf(
        new WebSocket(`ws://127.0.0.1:${port}${path}`, [protocol], { perMessageDeflate: false }),
      );
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A client of Kubernetes' WebSocket protocol: each message begins with the number of its channel. */
export interface Client {
  send(channel: number, data: string | Buffer): void;
  /** What came on a channel. */
  received(channel: number): Buffer;
  /** Resolves when a channel has brought this. */
  said(channel: number, text: string): Promise<void>;
  readonly ended: Promise<unknown>;
  end(): Promise<void>;
}

async function clientOf(socket: WebSocket): Promise<Client> {
  const channels = new Map<number, Buffer[]>();
  const received = (channel: number): Buffer => Buffer.concat(channels.get(channel) ?? []);
  // Before it is open: the first messages may come with the answer to the upgrade.
  socket.on("message", (data: Buffer) => {
    const channel = data[0] ?? -1;
    channels.set(channel, [...(channels.get(channel) ?? []), data.subarray(1)]);
  });
  const ended = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "open");
  return {
    send: (channel, data) => socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)])),
    received,
    said: async (channel, text) => {
      while (!received(channel).includes(text)) await once(socket, "message");
    },
    ended,
    end: async () => {
      socket.terminate();
      await ended;
    },
  };
}
