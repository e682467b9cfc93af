// SPDX-License-Identifier: Apache-2.0
import type { Registry } from "prom-client";
import type { Config } from "../config/index.ts";
import { createHubDelivery, type HubDelivery, type Wakeups } from "../delivery/index.ts";
import { createSessionGrants, identifyPeer } from "../hub/auth/index.ts";
import { createHub, type Hub } from "../hub/index.ts";
import {
  createJoinServer,
  openAuthority,
  openTokenKeeper,
  SecretStore,
  type Authority,
  type JoinServer,
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
    scopes: ["workload"],
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
      const authority = await opened(deps, log, signal);
      if (authority === undefined) return;
      const hub = createHubOf({ ...deps, log }, delivery, authority);
      const join = await createJoin({ ...deps, log }, delivery, authority);
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

const OPEN_RETRY_MS = 2000;

/** The CA is in the API server, which may come up after us. @returns undefined when stopped meanwhile */
async function opened(deps: HubDeps, log: Log, signal: AbortSignal): Promise<Authority | undefined> {
  const { advertiseAddresses, dnsNames } = deps.config.hub;
  const hosts = [...new Set([...advertiseAddresses, ...dnsNames])];
  while (!signal.aborted) {
    try {
      return await openAuthority(storeOf(deps), systemClock, {
        hosts: hosts.length > 0 ? hosts : [deps.hostname, "localhost", "127.0.0.1"],
      });
    } catch (error) {
      log.warn({ err: error, delayMs: OPEN_RETRY_MS }, "CA not opened");
      await pause(systemClock, OPEN_RETRY_MS, signal);
    }
  }
  return undefined;
}

const storeOf = ({ client, config }: HubDeps): SecretStore => new SecretStore(client, config.namespace);

function createHubOf(deps: HubDeps, delivery: HubDelivery, authority: Authority): Hub {
  const { config, client, log, registry } = deps;
  const { hub } = config;
  return createHub({
    client,
    mailbox: delivery.mailbox,
    wakeups: soonStarted(delivery.wakeups),
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

const WAKEUPS_START_MS = 2000;

/** Without Redis the edges are served all the same: wake-ups start when it comes, and the rescan delivers until then. */
function soonStarted(wakeups: Wakeups): Wakeups {
  const soon = (): Promise<void> => pause(systemClock, WAKEUPS_START_MS, new AbortController().signal);
  return {
    start: (handlers) => Promise.race([wakeups.start(handlers), soon()]),
    stop: () => wakeups.stop(),
  };
}

async function createJoin(deps: HubDeps, delivery: HubDelivery, authority: Authority): Promise<JoinServer> {
  const { config, client, log, registry } = deps;
  const { hub, security } = config;
  const tokens = await openTokenKeeper(storeOf(deps), authority.ca.certificate, systemClock, {
    ttlMs: hub.tokenHours * 3_600_000,
  });
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
