// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Config } from "../config/index.ts";
import { createHubDelivery, type HubDelivery } from "../delivery/index.ts";
import { createPullSecrets, createSessionGrants, identifyPeer } from "../hub/auth/index.ts";
import { createHub, type Hub } from "../hub/index.ts";
import {
  createJoinServer,
  openAuthority,
  openTokenKeeper,
  SecretStore,
  type Authority,
  type JoinServer,
  type TokenKeeper,
} from "../hub/join/index.ts";
import {
  createUplinkHandlers,
  type DeviceOptions,
  type DeviceOwners,
  type NodeEndpoint,
  watchDeviceOwners,
} from "../hub/uplink/index.ts";
import {
  pause,
  systemClock,
  type KubeClient,
  type Log,
  type Manager,
  type Runnable,
} from "../runtime/index.ts";
import { redisTarget } from "./redis-target.ts";
import { streamAddresses, type Machine } from "./stream-address.ts";
import { startStreams } from "./streams.ts";

export interface HubDeps {
  readonly config: Config;
  readonly client: KubeClient;
  readonly manager: Manager;
  readonly registry: Registry;
  readonly log: Log;
  readonly machine: Machine;
  /** CA of the API server's certificate, PEM */
  readonly clusterCa: string | undefined;
}

/** The hub as a part of the manager: tunnel, join port and delivery; on every replica. */
export function createHubRunnable(deps: HubDeps): Runnable {
  const { config, manager, registry } = deps;
  const log = deps.log.child({ part: "hub" });
  const id = config.hub.id === "" ? deps.machine.hostname : config.hub.id;
  const delivery = createHubDelivery({
    hub: id,
    scopes: ["workload", "device", "job"],
    redis: redisTarget(config.redis.url),
    prefix: config.redis.keyPrefix,
    log,
    registry,
  });
  let isListening = false;
  // Redis is left out: a hub without it still serves its edges, and taking it away would be worse.
  manager.addReadyCheck("hub", () => {
    if (!isListening) throw new Error("the hub does not listen yet");
  });
  return {
    needsLeaderElection: false,
    async start(signal) {
      warnOfNames(config, log);
      const keys = await untilOpened(() => openKeys(deps, id), log, signal);
      if (keys === undefined) return;
      const stops: (() => Promise<void>)[] = [() => delivery.stop()];
      try {
        await startAll({ ...deps, log, id, delivery, keys, signal }, stops);
        isListening = true;
        await aborted(signal);
      } finally {
        isListening = false;
        for (const stop of stops.reverse()) await stop();
      }
    },
  };
}

interface Parts extends HubDeps {
  readonly id: string;
  readonly delivery: HubDelivery;
  readonly keys: Keys;
  readonly signal: AbortSignal;
}

/** Each port when what it stands on is there. */
async function startAll(parts: Parts, stops: (() => Promise<void>)[]): Promise<void> {
  const { config, delivery, keys, log, machine } = parts;
  const { authority } = keys;
  const { stream, joinPort } = config.hub;
  const addresses = stream.enabled ? streamAddresses(config, machine) : undefined;
  const owners = watchDeviceOwners({ client: parts.client, clock: systemClock, log });
  // Its end is its own: a hub that cannot start is not told to stop by anybody.
  const watch = new AbortController();
  const watching = owners.run(AbortSignal.any([parts.signal, watch.signal]));
  stops.push(() => {
    watch.abort();
    return watching;
  });
  const hub = createHubOf(parts, delivery, { authority, owners, nodeEndpoint: addresses?.endpoint });
  const join = createJoin(parts, delivery, keys);
  delivery.onReplaced(() => {
    hub.resync().catch((error: unknown) => log.error({ err: error }, "sessions did not start over"));
  });
  await hub.start();
  stops.push(() => hub.stop());
  await join.start();
  stops.push(() => join.stop());
  if (stream.enabled) {
    if (addresses === undefined) warnOfAddress(log);
    const { directory } = delivery;
    stops.push(await startStreams({ ...parts, authority, directory, hub, addresses }));
  }
  log.info({ tunnelPort: hub.tunnelPort, joinPort, advertised: addresses?.endpoint }, "hub listens");
}

function warnOfAddress(log: Log): void {
  log.warn(
    { set: ["hub.stream.advertiseAddress"] },
    "no address of this host is known, so Nodes do not lead kubectl logs and the like to this hub",
  );
}

function warnOfNames({ hub }: Config, log: Log): void {
  if (hub.advertiseAddresses.length + hub.dnsNames.length > 0) return;
  log.warn(
    { set: ["hub.advertiseAddresses", "hub.dnsNames"] },
    "the hub's certificate names only this host: set the addresses or names under which edges reach the hub",
  );
}

const OPEN_RETRY_MS = 2000;

/** What the hubs share in Secrets: the CA, the hub's own certificate, and the key that signs join tokens. */
interface Keys {
  readonly authority: Authority;
  readonly tokens: TokenKeeper;
}

async function openKeys(deps: HubDeps, id: string): Promise<Keys> {
  const { advertiseAddresses, dnsNames, tokenHours } = deps.config.hub;
  const hosts = [...new Set([...advertiseAddresses, ...dnsNames])];
  const store = new SecretStore(deps.client, deps.config.namespace);
  const authority = await openAuthority(store, systemClock, {
    hub: id,
    hosts: hosts.length > 0 ? hosts : [deps.machine.hostname, "localhost", "127.0.0.1"],
  });
  const ttlMs = tokenHours * 3_600_000;
  const tokens = await openTokenKeeper(store, authority.ca.certificate, systemClock, { ttlMs });
  return { authority, tokens };
}

/** The API server may come up after us, and go away again. @returns undefined when stopped meanwhile */
async function untilOpened<T>(open: () => Promise<T>, log: Log, signal: AbortSignal): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await open();
    } catch (error) {
      log.warn({ err: error, delayMs: OPEN_RETRY_MS }, "CA and join key not opened");
      await pause(systemClock, OPEN_RETRY_MS, signal);
    }
  }
  return undefined;
}

function createHubOf(
  deps: HubDeps,
  delivery: HubDelivery,
  {
    authority,
    owners,
    nodeEndpoint,
  }: { authority: Authority; owners: DeviceOwners; nodeEndpoint: NodeEndpoint | undefined },
): Hub {
  const { config, client, log, registry } = deps;
  const { hub } = config;
  const pulls = createPullSecrets({ client, mailbox: delivery.mailbox, clock: systemClock });
  return createHub({
    client,
    mailbox: delivery.mailbox,
    wakeups: delivery.wakeups,
    uplinkHandlers: createUplinkHandlers({
      ...{ client, log, registry, nodeEndpoint },
      devices: deviceOptions(hub.devices),
      deviceOwners: owners,
    }),
    createGrants: (node) => createSessionGrants({ client, node, clock: systemClock, pulls }),
    identify: (socket, headers, nowMs) =>
      identifyPeer(socket, headers, nowMs, { allowLegacySubject: config.security === "compatible" }),
    tls: authority.tls,
    onTlsChange: (listener) => authority.onChange(listener),
    nodeEndpoint,
    log,
    registry,
    options: {
      host: hub.bindAddress,
      port: hub.tunnelPort,
      minTlsVersion: hub.minTlsVersion,
      maxSessions: hub.maxSessions,
      admissionPerSecond: hub.acceptPerSecond,
      admissionBurst: hub.acceptPerSecond * 2,
      windowFrames: hub.windowFrames,
      windowBytes: hub.windowBytes,
      pingIntervalMs: hub.pingIntervalMs,
      keepaliveIntervalMs: hub.keepaliveIntervalMs,
      legacyKeepaliveTimeoutMs: hub.legacyKeepaliveTimeoutMs,
      streams: hub.stream.enabled,
      maxStreams: hub.stream.maxStreamsPerNode,
    },
  });
}

/** A fifth of a second's writes may go at once, so that what comes now and then never waits. */
const deviceOptions = (devices: Config["hub"]["devices"]): Partial<DeviceOptions> => ({
  writesPerSecond: devices.writesPerSecond,
  burst: Math.max(1, Math.ceil(devices.writesPerSecond / 5)),
  cacheBytes: devices.cacheBytes,
  maxDevices: devices.maxWaiting,
});

function createJoin(deps: HubDeps, delivery: HubDelivery, { authority, tokens }: Keys): JoinServer {
  const { config, client, log, registry } = deps;
  const { hub, security } = config;
  return createJoinServer(
    {
      authority,
      tokens,
      client,
      clock: systemClock,
      log,
      registry,
      onIssuedByToken: (node) => delivery.mailbox.clearAcked(node),
    },
    {
      host: hub.bindAddress,
      port: hub.joinPort,
      minTlsVersion: hub.minTlsVersion,
      nodeDays: hub.certificateDays,
      allowLegacySubject: security === "compatible",
    },
  );
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
