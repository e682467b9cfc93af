// SPDX-License-Identifier: Apache-2.0
import type { StreamOpener } from "@longshore/crds/stream";
import type { Registry } from "prom-client";
import type { Config } from "../config/index.ts";
import type { Directory } from "../delivery/index.ts";
import { identifyPeer } from "../hub/auth/index.ts";
import { Limiter, type Hub } from "../hub/index.ts";
import type { Authority } from "../hub/join/index.ts";
import { advertiseNode } from "../hub/uplink/index.ts";
import { systemClock, type Client, type Log } from "../runtime/index.ts";
import { createStreamServer, type StreamServer } from "../stream/index.ts";
import { createStreamTunnel, type StreamTunnel } from "../stream/tunnel/index.ts";
import type { StreamAddresses } from "./stream-address.ts";
import { openStreamTls } from "./stream-tls.ts";

export interface StreamsDeps {
  readonly config: Config;
  /** this hub's id */
  readonly id: string;
  readonly client: Client;
  readonly directory: Directory;
  readonly authority: Authority;
  readonly hub: Pick<Hub, "streamsOf" | "hasSession">;
  readonly addresses: StreamAddresses | undefined;
  /** CA of the API server's certificate, PEM */
  readonly clusterCa: string | undefined;
  readonly log: Log;
  readonly registry: Registry;
  /** Aborted when the hub stops. */
  readonly signal: AbortSignal;
}

/** What is to be undone, in reverse. */
type Stop = () => Promise<void>;

/** Nodes that are looked at a time, when many EdgeCores come at once. */
const LOOKS = 8;

/**
 * Opens the ports of streams: that of KubeEdge's tunnels, then the kubelet API.
 *
 * @returns closes them again
 * @throws Error when one of them cannot be listened on, naming its setting
 */
export async function startStreams(deps: StreamsDeps): Promise<Stop> {
  const { config, hub } = deps;
  const stops: Stop[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
  };
  try {
    const tunnel = createTunnel(deps);
    await listening("hub.stream.tunnelPort", config.hub.stream.tunnelPort, () => tunnel.listen());
    stops.push(() => tunnel.close());
    const untell = deps.authority.onChange((tls) => tunnel.setTls(tls));
    stops.push(() => {
      untell();
      return Promise.resolve();
    });
    const openerOf = (node: string): StreamOpener | undefined => hub.streamsOf(node) ?? tunnel.openerOf(node);
    const server = await createServer(deps, openerOf);
    await listening("hub.stream.port", config.hub.stream.port, () => server.start());
    stops.push(() => server.stop());
  } catch (error) {
    await stop();
    throw error;
  }
  if (deps.addresses !== undefined) deps.directory.announce(deps.addresses.peers);
  return stop;
}

async function listening(setting: string, port: number, start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (cause) {
    throw new Error(`${setting} ${port} cannot be listened on: ${String(cause)}`, { cause });
  }
}

async function createServer(
  deps: StreamsDeps,
  openerOf: (node: string) => StreamOpener | undefined,
): Promise<StreamServer> {
  const { id, config, client, directory, authority, clusterCa, log, registry } = deps;
  const { bindAddress, minTlsVersion, stream } = config.hub;
  const source = await openStreamTls({ config, authority, clock: systemClock, log });
  return createStreamServer({
    ...{ hub: id, client, directory, clusterCa, log, registry, openerOf },
    hasSession: (node) => deps.hub.hasSession(node),
    tls: source.tls,
    onTlsChange: (listener) => source.onChange(listener),
    peer: () => authority.peer(),
    options: {
      ...{ host: stream.bindAddress || bindAddress, port: stream.port, minTlsVersion },
      apiServerNames: stream.apiServerNames,
      scraperNames: stream.scraperNames,
      clientCaFile: stream.clientCaFile,
      maxStreams: stream.maxStreams,
      maxStreamsPerNode: stream.maxStreamsPerNode,
    },
  });
}

function createTunnel(deps: StreamsDeps): StreamTunnel {
  const { config, authority, directory, log, registry } = deps;
  const { bindAddress, minTlsVersion, maxSessions, stream } = config.hub;
  const allowLegacySubject = config.security === "compatible";
  const looks = new Limiter(LOOKS);
  const told = (what: string, node: string, call: Promise<unknown>): void =>
    void call.catch((err: unknown) => log.warn({ err, node, what }, "stream tunnel not told everywhere"));
  return createStreamTunnel({
    ...{ tls: authority.tls, log, registry },
    identify: (socket, headers) =>
      // The tunnel has another name for what a session calls node_id.
      identifyPeer(socket, { node_id: headers["sessionhostnameoverride"] }, Date.now(), {
        allowLegacySubject,
      }),
    options: {
      ...{ host: bindAddress, port: stream.tunnelPort, minTlsVersion, maxTunnels: maxSessions },
      maxStreams: stream.maxStreams,
      maxStreamsPerTunnel: stream.maxStreamsPerNode,
    },
    onOpened: (node, connection) => {
      told("directory", node, directory.holdTunnel(node, connection));
      told(
        "node",
        node,
        looks.run(() => advertise(deps, node)),
      );
    },
    onClosed: (node, connection) => told("directory", node, directory.releaseTunnel(node, connection)),
  });
}

/** An EdgeCore from before reports no address that has not changed, so its Node would not lead here. */
async function advertise({ client, addresses, signal }: StreamsDeps, node: string): Promise<void> {
  if (addresses === undefined || signal.aborted) return;
  const { endpoint } = addresses;
  await advertiseNode(client, { name: node }, { endpoint, signal, isAnyHubFine: true });
}
