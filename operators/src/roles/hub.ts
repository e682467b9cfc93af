// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Config } from "../config/index.ts";
import { createHubDelivery, type HubDelivery } from "../delivery/index.ts";
import { createSessionGrants, identifyPeer } from "../hub/auth/index.ts";
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
import { createUplinkHandlers } from "../hub/uplink/index.ts";
import { pause, systemClock, type Client, type Log, type Manager, type Runnable } from "../runtime/index.ts";
import { redisTarget } from "./redis-target.ts";

export interface HubDeps {
  readonly config: Config;
  readonly client: Client;
  readonly manager: Manager;
  readonly registry: Registry;
  readonly log: Log;
  readonly hostname: string;
}

/** The hub as a part of the manager: tunnel, join port and delivery; on every replica. */
export function createHubRunnable(deps: HubDeps): Runnable {
  const { config, manager, registry } = deps;
  const log = deps.log.child({ part: "hub" });
  const delivery = createHubDelivery({
    hub: config.hub.id === "" ? deps.hostname : config.hub.id,
    scopes: ["workload", "device"],
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
      const keys = await untilOpened(() => openKeys(deps), log, signal);
      if (keys === undefined) return;
      const hub = createHubOf({ ...deps, log }, delivery, keys.authority);
      const join = createJoin({ ...deps, log }, delivery, keys);
      delivery.onReplaced(() => {
        hub.resync().catch((error: unknown) => log.error({ err: error }, "sessions did not start over"));
      });
      await hub.start();
      await join.start();
      isListening = true;
      log.info({ tunnelPort: hub.tunnelPort, joinPort: config.hub.joinPort }, "hub listens");
      await aborted(signal);
      isListening = false;
      await join.stop();
      await hub.stop();
      await delivery.stop();
    },
  };
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

async function openKeys(deps: HubDeps): Promise<Keys> {
  const { advertiseAddresses, dnsNames, tokenHours } = deps.config.hub;
  const hosts = [...new Set([...advertiseAddresses, ...dnsNames])];
  const store = new SecretStore(deps.client, deps.config.namespace);
  const authority = await openAuthority(store, systemClock, {
    hosts: hosts.length > 0 ? hosts : [deps.hostname, "localhost", "127.0.0.1"],
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

function createHubOf(deps: HubDeps, delivery: HubDelivery, authority: Authority): Hub {
  const { config, client, log, registry } = deps;
  const { hub } = config;
  return createHub({
    client,
    mailbox: delivery.mailbox,
    wakeups: delivery.wakeups,
    uplinkHandlers: createUplinkHandlers({ client, log, registry }),
    createGrants: (node) => createSessionGrants({ client, node, clock: systemClock }),
    identify: (socket, headers, nowMs) =>
      identifyPeer(socket, headers, nowMs, { allowLegacySubject: config.security === "compatible" }),
    tls: authority.tls,
    onTlsChange: (listener) => authority.onChange(listener),
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
    },
  });
}

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
