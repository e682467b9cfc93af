// SPDX-License-Identifier: Apache-2.0
import { duration, flag, httpUrl, integer, list, oneOf, port, redisUrl, text, type Field } from "./fields.ts";

/** Every setting of the operators, once: type, default, limits and meaning. Flags, variables and docs follow from it. */
export const schema = {
  role: oneOf(["controllers", "hub", "all"], "all", "What this process does."),
  kubeconfig: text("", "Path of a kubeconfig; empty: the ServiceAccount of the pod."),
  namespace: text("kubeedge", "Namespace of our own Leases and Secrets."),
  logLevel: oneOf(["debug", "info", "warn", "error"], "info", "Least level that is logged."),
  security: oneOf(
    ["compatible", "strict"],
    "compatible",
    "Whether what unmodified KubeEdge clients do is accepted where it is less safe.",
  ),
  redis: {
    url: redisUrl("redis://127.0.0.1:6379", "Where Redis is: redis://, rediss:// or unix://."),
    keyPrefix: text("longshore", "Put before every key, so that installations can share a Redis."),
  },
  hub: {
    id: text("", "Stable and unique name of this hub; empty: the host's name."),
    bindAddress: text("0.0.0.0", "Address that the tunnel and join ports listen on."),
    tunnelPort: port(10_000, "Port of the edges' WebSocket."),
    joinPort: port(10_002, "Port where edges join."),
    advertiseAddresses: list([], "Addresses under which edges reach the hub; they go into its certificate."),
    dnsNames: list([], "Names under which edges reach the hub; they go into its certificate."),
    certificateDays: integer(365, { min: 1, max: 3650 }, "Lifetime of the certificates that edges get."),
    tokenHours: integer(24, { min: 1, max: 8760 }, "Lifetime of a join token."),
    maxSessions: integer(20_000, { min: 1, max: 1_000_000 }, "Edges that may be connected at once."),
    acceptPerSecond: integer(300, { min: 1, max: 100_000 }, "New connections a second."),
    windowFrames: integer(64, { min: 1, max: 1024 }, "Unacknowledged frames of one session."),
    windowBytes: integer(262_144, { min: 4096, max: 16_777_216 }, "Unacknowledged bytes of one session."),
    pingIntervalMs: duration("10s", { min: "1s", max: "5m" }, "Time between WebSocket pings."),
    keepaliveIntervalMs: duration(
      "10s",
      { min: "1s", max: "5m" },
      "Time between keepalives that edges are told.",
    ),
    legacyKeepaliveTimeoutMs: duration(
      "30s",
      { min: "5s", max: "10m" },
      "An EdgeCore silent for so long is gone.",
    ),
    minTlsVersion: oneOf(["TLSv1.3", "TLSv1.2"], "TLSv1.3", "Oldest TLS that is spoken with edges."),
    stream: {
      enabled: flag(
        true,
        "Whether the hub serves the kubelet API, for kubectl logs, exec, attach, port-forward, cp and top.",
      ),
      port: integer(
        10_003,
        { min: 1, max: 65_535 },
        "Port of the kubelet API, for API servers and for the other hubs.",
      ),
      bindAddress: text(
        "",
        "Address that the kubelet API listens on, apart from what edges connect to; empty: hub.bindAddress.",
      ),
      tunnelPort: integer(10_004, { min: 1, max: 65_535 }, "Port of the stream tunnels of EdgeCores."),
      advertiseAddress: text(
        "",
        "Where API servers reach the stream port; it goes into each Node's status. Empty: the first IP of hub.advertiseAddresses, else of this host.",
      ),
      peerAddress: text(
        "",
        "Where the other hubs reach this one, when hub.stream.advertiseAddress is one for all hubs; empty: that.",
      ),
      advertisePort: port(0, "Port that the Nodes tell API servers, where it is mapped; 0: hub.stream.port."),
      addressType: oneOf(
        ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "Hostname"],
        "InternalIP",
        "Type of that address in a Node's status: the one that the API server prefers (its --kubelet-preferred-address-types).",
      ),
      apiServerNames: list(
        ["kube-apiserver-kubelet-client"],
        "Common names of the client certificates that API servers show kubelets; they may ask for everything.",
      ),
      scraperNames: list(
        [],
        "Common names of client certificates that may read metrics, and nothing else, past the API server.",
      ),
      clientCaFile: text(
        "",
        "CA of those client certificates, PEM; empty: what the API server publishes in kube-system/extension-apiserver-authentication.",
      ),
      certFile: text(
        "",
        "Certificate of the stream port, PEM, where API servers verify kubelets; empty: the hub's own. Needs keyFile.",
      ),
      keyFile: text("", "Its private key, PEM."),
      maxStreams: integer(
        2048,
        { min: 1, max: 1_000_000 },
        "Streams of this hub at once; one whose reader stands still holds up to 256 KiB.",
      ),
      maxStreamsPerNode: integer(256, { min: 1, max: 65_536 }, "Streams of one node at once."),
    },
    devices: {
      writesPerSecond: integer(
        100,
        { min: 1, max: 100_000 },
        "DeviceStatuses that this hub writes a second; of a device that reports more often only the newest values are written.",
      ),
      cacheBytes: integer(
        67_108_864,
        { min: 1_048_576, max: 17_179_869_184 },
        "Memory for the DeviceStatuses that this hub wrote last, about 4 KiB each; one that is not held costs a read.",
      ),
      maxWaiting: integer(
        50_000,
        { min: 1, max: 10_000_000 },
        "Devices whose newest report may wait to be written.",
      ),
    },
  },
  controllers: {
    leaderElect: flag(true, "Whether one of several processes leads; without it there must be only one."),
    leaseName: text("longshore-controllers", "Name of the leader's Lease."),
    identity: text(
      "",
      "Unique name of this process in the election, the same after a restart, which then leads again at once; empty: a random one.",
    ),
    objectSync: {
      enabled: flag(
        true,
        "Whether ObjectSyncs tell what each node has acked; without them EdgeCores get everything again after Redis was emptied.",
      ),
      intervalSeconds: integer(
        5,
        { min: 1, max: 3600 },
        "An ObjectSync is written at most once in this time.",
      ),
      writesPerSecond: integer(
        200,
        { min: 1, max: 10_000 },
        "Calls a second that write ObjectSyncs, to spare the API server.",
      ),
    },
    devices: {
      moveHoldSeconds: integer(
        10,
        { min: 0, max: 600 },
        "How long a device whose spec.nodeName changed waits for its old node to let go of it; 0: not at all.",
      ),
      confirmPollSeconds: integer(
        30,
        { min: 1, max: 3600 },
        "How often is looked whether a node that is away, or does not answer, has confirmed a device.",
      ),
    },
    jobs: {
      statusWritesPerSecond: integer(
        1,
        { min: 1, max: 20 },
        "Writes a second of one fleet job's status, which begin and end its nodes; a job of more than 1,000 nodes is written less often.",
      ),
      presencePollSeconds: integer(
        15,
        { min: 1, max: 3600 },
        "How often nodes that are not Ready, and that a fleet job waits for, are looked for among the connected ones.",
      ),
    },
    rollouts: {
      prometheusUrl: httpUrl(
        "Where the Prometheus is that the checks of rollouts ask; empty: checks give no value.",
      ),
      prometheusCaFile: text("", "CA of its certificate, PEM; empty: those of Node.js."),
      prometheusTokenFile: text(
        "",
        "Bearer token that it is shown, read anew for each query; sent over https only. Empty: none.",
      ),
      queryTimeoutSeconds: integer(10, { min: 1, max: 120 }, "How long a query may take."),
    },
    resyncHours: integer(6, { min: 1, max: 168 }, "Each object is looked at again about this often."),
  },
  metrics: {
    bindAddress: text("0.0.0.0", "Address that metrics are served on."),
    hubPort: port(9091, "Port of the hub's metrics."),
    controllersPort: port(9092, "Port of the controllers' metrics, also of role all."),
  },
  probes: {
    bindAddress: text("0.0.0.0", "Address that probes are served on."),
    port: port(9440, "Port of /healthz and /readyz."),
  },
} as const satisfies Section;

export interface Section {
  readonly [key: string]:
    Field<never> | Field<string> | Field<number> | Field<boolean> | Field<readonly string[]> | Section;
}

type ValueOf<S> = S extends Field<infer T> ? T : { readonly [K in keyof S]: ValueOf<S[K]> };

/** The effective configuration. Durations in milliseconds. */
export type Config = ValueOf<typeof schema>;

export interface Setting {
  /** Keys in code, `hub.pingIntervalMs` cut at the dots. */
  readonly path: readonly string[];
  /** As users write it: `hub.pingInterval`, `--hub-ping-interval`, `LONGSHORE_HUB_PING_INTERVAL`. */
  readonly key: string;
  readonly flag: string;
  readonly variable: string;
  readonly field: Field<unknown>;
}

/** All settings in the order of the schema. */
export const settings: readonly Setting[] = settingsOf(schema, []);

function settingsOf(section: Section, above: readonly string[]): Setting[] {
  return Object.entries(section).flatMap(([name, entry]) => {
    const path = [...above, name];
    return isField(entry) ? [settingOf(path, entry)] : settingsOf(entry, path);
  });
}

// A section has no key named "kind".
function isField(entry: Section[string]): entry is Exclude<Section[string], Section> {
  return entry.kind === "field";
}

function settingOf(path: readonly string[], field: unknown): Setting {
  const outside = path.map((part) => part.replace(/Ms$/, ""));
  const words = outside
    .map((part) => part.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`))
    .join("-");
  return {
    path,
    key: outside.join("."),
    flag: `--${words}`,
    variable: `LONGSHORE_${words.replaceAll("-", "_").toUpperCase()}`,
    field: field as Field<unknown>,
  };
}
