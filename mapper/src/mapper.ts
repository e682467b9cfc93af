// SPDX-License-Identifier: Apache-2.0
import { systemClock, type Clock } from "./clock.ts";
import { createCounters, type CounterName } from "./counters.ts";
import { createPusher, createSecrets, createSinkOpener } from "./data/index.ts";
import type { DataPlane, PushCounterName, PushOptions } from "./data/index.ts";
import type { Driver } from "./driver.ts";
import { createEdgeClient } from "./edge/client.ts";
import { createEdgeReports } from "./edge/reports.ts";
import { createEdgeSession } from "./edge/session.ts";
import { readToken } from "./edge/token.ts";
import { MapperError } from "./errors.ts";
import { createFleet } from "./fleet/fleet.ts";
import type { MapperLog } from "./log.ts";
import { metricsText } from "./metrics.ts";
import { withDefaults, type MapperOptions } from "./options.ts";
import type { FleetApi } from "./rest/port.ts";
import { listen, type Listener } from "./server/listen.ts";
import { createService } from "./server/service.ts";
import { DMI_VERSION } from "./version.ts";

/** What a mapper is made of. */
export interface MapperConfig {
  readonly name: string;
  /** Devices whose `spec.protocol.protocolName` is this one belong to this mapper. */
  readonly protocol: string;
  readonly version: string;
  /** Path of the mapper's own unix socket, in the folder of the edge's. */
  readonly address: string;
  /** Path of the edge's socket; `/etc/kubeedge/dmi.sock` at KubeEdge. */
  readonly dmiSocket: string;
  /** File with the token that the agent made for this mapper; default: none, which an agent that is strict refuses. */
  readonly tokenFile?: string;
  readonly driver: Driver;
  readonly log: MapperLog;
  readonly options?: Partial<MapperOptions>;
  /** Limits and times of the pushes to applications and databases. */
  readonly pushOptions?: Partial<PushOptions>;
  /** Folder of the files with their credentials; default: environment variables alone. */
  readonly secretsDir?: string;
  /** Where credentials are looked for beside the files. Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Called with every event that `counters()` counts, to feed a metrics library. */
  readonly onCount?: (name: CounterName) => void;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
}

export interface Mapper {
  /**
   * Serves the own socket and registers at the edge, for as long as it takes: resolves when the socket is served.
   *
   * @throws {MapperError} SOCKET_UNUSABLE
   */
  start(): Promise<void>;
  /**
   * Closes every device and the socket, and sends what waits to be pushed for at most `flushTimeoutMs`. A stopped
   * mapper does not start again.
   */
  stop(): Promise<void>;
  isRegistered(): boolean;
  /** `namespace/name` of every device that runs, sorted. */
  devices(): readonly string[];
  counters(): Readonly<Record<CounterName, number>>;
  pushCounters(): Readonly<Record<PushCounterName, number>>;
  /** All figures in Prometheus's text format 0.0.4. */
  metrics(): string;
  /** What programs beside the mapper may ask of its devices. */
  readonly api: FleetApi;
}

const CLOSE_GRACE_MS = 2_000;

/** @throws {MapperError} OPTION_INVALID */
export function createMapper(config: MapperConfig): Mapper {
  const { address, dmiSocket, driver, log, name, protocol, version } = config;
  const { clock = systemClock, random = Math.random } = config;
  if (name === "" || protocol === "") throw new MapperError("OPTION_INVALID", "name and protocol are needed");
  const options = withDefaults(config.options);
  const counters = createCounters(config.onCount);
  const client = createEdgeClient({
    socket: dmiSocket,
    maxMessageBytes: options.maxMessageBytes,
    token: () => (config.tokenFile === undefined ? undefined : readToken(config.tokenFile)),
  });
  const edge = createEdgeReports({
    client,
    isReady: () => session.isRegistered(),
    onAway: () => session.lost(),
    timeoutMs: options.reportTimeoutMs,
    maxInFlight: options.maxReportsInFlight,
  });
  const dataPlane = dataPlaneOf(config, { clock, random });
  const fleet = createFleet({ driver, edge, dataPlane, options, counters, clock, log, random }, protocol);
  const session = createEdgeSession({
    ...{ client, options, clock, counters, log, random },
    info: { name, version, apiVersion: DMI_VERSION, protocol, address: Buffer.from(address), state: "ok" },
    onRegister: () => {
      const snapshot = fleet.snapshot();
      return ({ modelList: models, deviceList: devices }) => {
        fleet.replaceAll({ models, devices }, snapshot);
        fleet.edgeReady();
      };
    },
  });
  let listener: Listener | undefined;
  let isStopped = false;
  return {
    start: async () => {
      const opened = await listen(address, createService({ fleet, counters, log }), options.maxMessageBytes);
      if (isStopped) return opened.close(CLOSE_GRACE_MS);
      listener = opened;
      session.start();
    },
    stop: async () => {
      isStopped = true;
      session.stop();
      const closed = fleet.stop(); // from here on no device pushes
      await Promise.all([closed, finishPushes(), listener?.close(CLOSE_GRACE_MS)]);
      client.close();
    },
    isRegistered: session.isRegistered,
    devices: fleet.running,
    counters: counters.read,
    pushCounters: () => dataPlane.counters(),
    metrics: () =>
      metricsText({
        counters: counters.read(),
        pushCounters: dataPlane.counters(),
        devices: fleet.figures(),
        isRegistered: session.isRegistered(),
      }),
    api: fleet.api,
  };

  async function finishPushes(): Promise<void> {
    const isAllSent = await dataPlane.flush(options.flushTimeoutMs);
    if (!isAllSent) log.warn({}, "the mapper stops before all samples are pushed: the rest is dropped");
    dataPlane.close();
  }
}

function dataPlaneOf(
  { env = process.env, log, pushOptions = {}, secretsDir }: MapperConfig,
  time: { readonly clock: Clock; readonly random: () => number },
): DataPlane {
  const openSink = createSinkOpener(createSecrets({ dir: secretsDir, env }));
  return createPusher({ ...time, openSink, log, options: pushOptions });
}
