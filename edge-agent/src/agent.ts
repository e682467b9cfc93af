// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join as joinPath } from "node:path";
import type { Registry } from "prom-client";
import type { EventBus } from "./bus/index.ts";
import type { Clock } from "./clock.ts";
import { readTokenFile, type AgentConfig } from "./config/index.ts";
import {
  ensureIdentity,
  renew,
  startRotation,
  writeBundle,
  type Identity,
  type JoinOptions,
} from "./join/index.ts";
import { createDeviceRoom, type DeviceRoom } from "./devices/index.ts";
import { createMapperClient, mapperAddress, openDmiServer, openMapperTokens } from "./dmi/index.ts";
import { createEventSender } from "./events.ts";
import { createFleetJobs } from "./fleet-jobs.ts";
import type { AgentLog } from "./log.ts";
import { createAgentMetrics, serveMetrics, type AgentMetrics } from "./metrics.ts";
import { AGENT_VERSION, createNodeReporter, readMachineFacts, readMachineState } from "./node/index.ts";
import { createRuntime } from "./runtime.ts";
import { createOutbox, createStore, type Store } from "./store/index.ts";
import { createStreaming } from "./streaming.ts";
import { createTunnel, DEFAULT_TUNNEL_OPTIONS, type Tunnel, type Uplink } from "./tunnel/index.ts";

/** What the composition root hands to the agent. */
export interface AgentDeps {
  readonly config: AgentConfig;
  /** The file that it was read from. */
  readonly configFile: string;
  /** Folder of the agent's slots; undefined: no launcher started it. */
  readonly agentDir: string | undefined;
  readonly log: AgentLog;
  readonly clock: Clock;
  readonly registry: Registry;
  /** Ends the process in order; whoever started it starts it again. */
  readonly restart: () => void;
  /** Ends the wait for a hub to join. */
  readonly signal: AbortSignal;
}

/** KubeEdge's installer leaves the token here for the first start. */
const BOOTSTRAP_TOKEN_FILE = "/etc/kubeedge/bootstrap-edgecore.conf";
const JOIN_TIMEOUT_MS = 30_000;

/**
 * Starts every part in order: store, identity (joining where there is none), tunnel, node, pods, devices, MQTT.
 *
 * @returns the function that stops all of it and leaves the containers running
 * @throws {ConfigError | StoreError | JoinError} when the agent cannot run on this machine as it is
 */
export async function startAgent(deps: AgentDeps): Promise<() => Promise<void>> {
  const metrics = createAgentMetrics(deps.registry);
  const store = createStore(deps.config.dataDir, { ...deps, metrics: metrics.store });
  try {
    const joinOptions: JoinOptions = {
      server: new URL(deps.config.hub.joinServer),
      node: deps.config.node.name,
      timeoutMs: JOIN_TIMEOUT_MS,
    };
    const identity = await join(deps, joinOptions);
    return await runParts(deps, store, metrics, { identity, joinOptions });
  } catch (error) {
    store.close();
    throw error;
  }
}

function join({ config, clock, log, signal }: AgentDeps, options: JoinOptions): Promise<Identity> {
  const token = (): string | undefined => readToken(config.identity);
  return ensureIdentity({ paths: config.identity, options, token, clock, log, random: Math.random, signal });
}

function readToken({ tokenFile, token }: AgentConfig["identity"]): string | undefined {
  if (tokenFile !== "") return readTokenFile(tokenFile);
  if (existsSync(BOOTSTRAP_TOKEN_FILE)) return readTokenFile(BOOTSTRAP_TOKEN_FILE);
  return token === "" ? undefined : token;
}

async function runParts(
  deps: AgentDeps,
  store: Store,
  metrics: AgentMetrics,
  joined: { identity: Identity; joinOptions: JoinOptions },
): Promise<() => Promise<void>> {
  const { config, log, clock } = deps;
  const { desired, records } = store;
  const facts = readMachineFacts();
  const readState = (): ReturnType<typeof readMachineState> =>
    readMachineState(config.pods.rootDirectory, config.node);
  let { identity } = joined;

  const { hub } = config;
  const times = { ...DEFAULT_TUNNEL_OPTIONS.times, heartbeatMs: hub.heartbeatMs };
  const { machineId, bootId } = facts;
  const tunnel = createTunnel({
    options: { ...DEFAULT_TUNNEL_OPTIONS, ...hub, times },
    facts: { node: config.node.name, agentVersion: AGENT_VERSION, machineId, bootId },
    identity: () => identity,
    desired,
    records,
    log,
    clock,
    metrics: metrics.tunnel,
    newId: randomUUID,
    random: Math.random,
    onIncoming: (incoming) => streaming.accept(incoming),
    onTaskOrder: (frame) => jobs.take(frame),
  });
  const runtime = createRuntime({
    config: config.pods,
    requestTimeoutMs: hub.requestTimeoutMs,
    store: desired,
    records,
    uplink: tunnel,
    isInventoryComplete: tunnel.isInventoryComplete,
    onInventoryComplete: tunnel.onComplete,
    node: { name: config.node.name, ip: readState().ip },
    log,
    clock,
    registry: deps.registry,
  });
  const streaming = createStreaming({
    config,
    cri: runtime.cri,
    pods: runtime.pods,
    clock,
    log,
    registry: deps.registry,
    session: tunnel,
    ip: readState().ip,
    identity: () => identity,
    onMalformed: metrics.malformedStream,
  });
  const node = createNodeReporter({
    config: config.node,
    facts,
    readState,
    runtimeVersion: runtime.version,
    runtimeHealthy: runtime.isHealthy,
    uplink: tunnel,
    desired,
    clock,
    log,
  });
  const jobs = createFleetJobs({ ...deps, store, uplink: tunnel, runtime, onReject: metrics.rejectedLocal });
  const devices = createDevices(deps, store, tunnel);
  const adopt = (next: Identity): void => {
    writeBundle(config.identity.bundle, next);
    identity = next;
    tunnel.reconnect();
  };
  const rotation = {
    identity: () => identity,
    renew: (old: Identity) => renew(joined.joinOptions, old),
    adopt,
  };
  const stopRotation = config.identity.rotate
    ? startRotation({ ...rotation, clock, log, random: Math.random })
    : (): void => undefined;
  const server =
    config.metricsAddress === "" ? undefined : serveMetrics(deps.registry, config.metricsAddress, log);
  // The pods first: they run from the store, with or without a cloud.
  await runtime.start();
  await devices?.start();
  const bus = await createBus(deps, { store, tunnel, devices, onReject: metrics.rejectedMqtt });
  await bus?.start();
  await jobs.start();
  node.start();
  tunnel.start();
  return async () => {
    stopRotation();
    server?.close();
    await jobs.stop();
    node.stop();
    await streaming.stop();
    runtime.stop();
    await bus?.stop();
    await devices?.stop();
    await tunnel.stop();
    store.close();
  };
}

/** Protocols that this node takes a mapper of, and tokens. */
const MAX_MAPPERS = 64;

/** Undefined where devices are switched off. */
function createDevices(deps: AgentDeps, store: Store, uplink: Uplink): DeviceRoom | undefined {
  const { config, clock, log, registry } = deps;
  if (!config.devices.enable) return undefined;
  const { socketPath, security, maxConnections, maxMapperCalls, unreachableAfterMs } = config.devices;
  const tokens = { folder: config.devices.tokenDir, max: MAX_MAPPERS };
  return createDeviceRoom({
    store: store.desired,
    records: store.records,
    uplink,
    openServer: openDmiServer,
    dial: createMapperClient,
    address: (bytes) => mapperAddress(bytes, config.devices.mapperSocketDir),
    callers: { security, tokens: openMapperTokens(tokens, { clock, log }) },
    emit: createEventSender({
      uplink,
      clock,
      log,
      nodeName: config.node.name,
      component: "devicetwin",
      enabled: config.pods.reportEvents,
    }),
    clock,
    log,
    registry,
    newId: randomUUID,
    random: Math.random,
    options: {
      socketPath,
      maxConnections,
      maxMapperCalls,
      unreachableAfterMs,
      maxMappers: MAX_MAPPERS,
      requestTimeoutMs: config.hub.requestTimeoutMs,
    },
  });
}

const OUTBOX_FILE = "outbox.db";

interface BusParts {
  readonly store: Store;
  readonly tunnel: Tunnel & Uplink;
  readonly devices: DeviceRoom | undefined;
  readonly onReject: (reason: string) => void;
}

/** Undefined where MQTT is switched off; then nothing of it is loaded. */
async function createBus(deps: AgentDeps, parts: BusParts): Promise<EventBus | undefined> {
  const { config, clock, log, registry } = deps;
  const { store, tunnel, devices, onReject } = parts;
  if (!config.bus.enable) return undefined;
  const { createEventBus } = await import("./bus/index.ts");
  const path = joinPath(config.dataDir, OUTBOX_FILE);
  const { outboxBytes: maxBytes, outboxMaxAgeMs: maxAgeMs } = config.bus;
  return createEventBus({
    config: config.bus,
    node: config.node.name,
    requestTimeoutMs: config.hub.requestTimeoutMs,
    book: devices?.book,
    records: store.records,
    openOutbox: (onDropped) => createOutbox(path, { clock, log, maxBytes, maxAgeMs, onDropped }),
    hasOutbox: () => existsSync(path),
    uplink: tunnel,
    isAnswered: () => tunnel.isNegotiated(),
    clock,
    log,
    registry,
    newId: randomUUID,
    random: Math.random,
    onReject,
  });
}
