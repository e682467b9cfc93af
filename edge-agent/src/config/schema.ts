// SPDX-License-Identifier: Apache-2.0
import {
  duration,
  flag,
  hostPort,
  httpsUrl,
  integer,
  labels,
  oneOf,
  path,
  section,
  taints,
  text,
  textList,
  type Settings,
} from "./fields.ts";

const NODE_NAME = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$/;
const IP = /^([0-9.]{7,15}|[0-9a-fA-F:.]{2,45})?$/;
const UNIX_ENDPOINT = /^(unix:\/\/)?\/[^\0]+$/;
const DAY_MS = 86_400_000;

const edgeHub = section(
  {
    heartbeat: integer("Seconds between keepalives towards a CloudCore.", 15, 1, 3600),
    httpServer: httpsUrl("Where this node gets its certificate.", "https://127.0.0.1:10002"),
    messageQPS: integer("Messages a second to the cloud.", 30, 1, 10_000),
    messageBurst: integer("Messages at once to the cloud.", 60, 1, 10_000),
    projectID: text(
      "Part of the tunnel's path.",
      "e632aba927ea4ac2b575ec1603d56f10",
      /^[\w.-]{1,128}$/,
      "letters and digits",
    ),
    rotateCertificates: flag("Renew the certificate before it expires.", true),
    tlsCaFile: path(
      "KubeEdge's CA file, read where this node has no identity file.",
      "/etc/kubeedge/ca/rootCA.crt",
    ),
    tlsCertFile: path("KubeEdge's certificate file, likewise.", "/etc/kubeedge/certs/server.crt"),
    tlsPrivateKeyFile: path("KubeEdge's key file, likewise.", "/etc/kubeedge/certs/server.key"),
    token: text("Join token; better in longshore.tokenFile.", ""),
    websocket: section(
      {
        enable: flag("The tunnel is always a WebSocket.", true),
        handshakeTimeout: integer("Seconds for TLS and the upgrade.", 30, 1, 600),
        server: hostPort("The hub's tunnel.", "127.0.0.1:10000"),
      },
      ["readDeadline", "writeDeadline"],
    ),
  },
  ["enable", "quic"],
);

const tailoredKubeletConfig = section(
  {
    cgroupDriver: oneOf("How the runtime names cgroups.", "cgroupfs", ["cgroupfs", "systemd"]),
    cgroupRoot: path("Parent cgroup of all pods; empty takes longshore.cgroupParent.", ""),
    clusterDNS: textList("DNS servers of ClusterFirst pods.", IP, "addresses"),
    clusterDomain: text("Search domain of pods.", "cluster.local", /^[a-z0-9.-]{0,253}$/, "a domain"),
    containerRuntimeEndpoint: text(
      "CRI socket.",
      "unix:///run/containerd/containerd.sock",
      UNIX_ENDPOINT,
      "unix:///path",
    ),
    imageServiceEndpoint: text(
      "CRI image socket; empty takes the runtime's.",
      "",
      /^((unix:\/\/)?\/[^\0]+)?$/,
      "unix:///path",
    ),
    maxPods: integer("Pods that this node takes.", 110, 1, 10_000),
    nodeLeaseDurationSeconds: integer("Lease towards a CloudCore.", 40, 1, 86_400),
    nodeStatusReportFrequency: duration(
      "Longest time between two reports of an unchanged status.",
      300_000,
      1_000,
      DAY_MS,
    ),
    nodeStatusUpdateFrequency: duration("How often the node's status is computed.", 10_000, 1_000, DAY_MS),
    podLogsDir: path("Where container logs go; longshore.podLogsDir goes before it.", ""),
    registerNode: flag("Create the Node object.", true),
    registerWithTaints: taints("Taints of a new Node object."),
    resolvConf: path("Base of the pods' resolver configuration.", "/etc/resolv.conf"),
  },
  [
    "address",
    "allowedUnsafeSysctls",
    "cgroupsPerQOS",
    "configMapAndSecretChangeDetectionStrategy",
    "containerLogMaxFiles",
    "containerLogMaxSize",
    "containerLogMaxWorkers",
    "containerLogMonitorInterval",
    "contentType",
    "cpuCFSQuota",
    "cpuCFSQuotaPeriod",
    "cpuManagerPolicy",
    "cpuManagerPolicyOptions",
    "cpuManagerReconcilePeriod",
    "enableContentionProfiling",
    "enableControllerAttachDetach",
    "enableDebugFlagsHandler",
    "enableDebuggingHandlers",
    "enableProfilingHandler",
    "enableSystemLogHandler",
    "enableSystemLogQuery",
    "enforceNodeAllocatable",
    "eventBurst",
    "eventRecordQPS",
    "evictionHard",
    "evictionMaxPodGracePeriod",
    "evictionMinimumReclaim",
    "evictionPressureTransitionPeriod",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "failSwapOn",
    "featureGates",
    "fileCheckFrequency",
    "hairpinMode",
    "imageGCHighThresholdPercent",
    "imageGCLowThresholdPercent",
    "imageMaximumGCAge",
    "imageMinimumGCAge",
    "iptablesDropBit",
    "iptablesMasqueradeBit",
    "kernelMemcgNotification",
    "kubeReserved",
    "kubeReservedCgroup",
    "kubeletCgroups",
    "localStorageCapacityIsolation",
    "logging",
    "makeIPTablesUtilChains",
    "maxOpenFiles",
    "maxParallelImagePulls",
    "memoryManagerPolicy",
    "memorySwap",
    "memoryThrottlingFactor",
    "nodeStatusMaxImages",
    "oomScoreAdj",
    "podCIDR",
    "podPidsLimit",
    "podsPerCore",
    "protectKernelDefaults",
    "qosReserved",
    "readOnlyPort",
    "registryBurst",
    "registryPullQPS",
    "reservedMemory",
    "reservedSystemCPUs",
    "runtimeRequestTimeout",
    "seccompDefault",
    "serializeImagePulls",
    "showHiddenMetricsForVersion",
    "shutdownGracePeriod",
    "shutdownGracePeriodByPodPriority",
    "shutdownGracePeriodCriticalPods",
    "staticPodPath",
    "streamingConnectionIdleTimeout",
    "syncFrequency",
    "systemCgroups",
    "systemReserved",
    "systemReservedCgroup",
    "topologyManagerPolicy",
    "topologyManagerPolicyOptions",
    "topologyManagerScope",
    "volumePluginDir",
    "volumeStatsAggPeriod",
  ],
);

const edged = section(
  {
    customInterfaceName: text(
      "Interface whose address is the node's.",
      "",
      /^[\w.@-]{0,15}$/,
      "an interface name",
    ),
    hostnameOverride: text(
      "Name of this node; empty takes the host name.",
      "",
      NODE_NAME,
      "a DNS name in lower case",
    ),
    nodeIP: text("Address of this node; empty takes that of the default route.", "", IP, "an IP address"),
    nodeLabels: labels("Labels of a new Node object, beside the usual ones."),
    podSandboxImage: text("Image of pod sandboxes.", "kubeedge/pause:3.6", /^\S{1,512}$/, "an image"),
    registerSchedulable: flag("False registers the node as unschedulable.", true),
    reportEvent: flag("Send events to the cloud.", false),
    rootDirectory: path("Volumes and pod files.", "/var/lib/kubelet"),
    tailoredKubeletConfig,
  },
  [
    "bandwidthManager",
    "enable",
    "experimentalMounterPath",
    "experimentalNodeAllocatableIgnoreEvictionThreshold",
    "keepTerminatedPodVolumes",
    "maxContainerCount",
    "maxPerPodContainerCount",
    "minimumGCAge",
    "registerNodeNamespace",
    "runtimeCgroups",
    "seccompDefault",
    "windowsPriorityClass",
    "windowsService",
  ],
);

const deviceTwin = section({
  dmiSockPath: path("Socket that device mappers register on.", "/etc/kubeedge/dmi.sock"),
  enable: flag("Serve devices and their mappers.", true),
});

const metaManager = section(
  {
    metaServer: section(
      {
        enable: flag(
          "Take the confirmation of an upgrade by HTTP, as KubeEdge's MetaServer does; nothing else of it is served.",
          false,
        ),
        server: hostPort(
          "Where that is; from other machines, and in strict mode, callers bear longshore.localApiTokenFile.",
          "127.0.0.1:10550",
        ),
      },
      [
        "apiAudiences",
        "debug",
        "dummyServer",
        "serviceAccountIssuers",
        "serviceAccountKeyFiles",
        "tlsCaFile",
        "tlsCertFile",
        "tlsPrivateKeyFile",
      ],
    ),
  },
  ["contextSendGroup", "contextSendModule", "enable", "podStatusSyncInterval", "remoteQueryTimeout"],
);

const edgeStream = section(
  {
    enable: flag(
      "Let a CloudCore reach logs, exec and attach through KubeEdge's stream tunnel; Longshore's hub needs none.",
      false,
    ),
    handshakeTimeout: integer("Seconds for TLS and the upgrade of that tunnel.", 30, 1, 600),
    server: hostPort("CloudCore's stream tunnel.", "127.0.0.1:10004"),
  },
  ["readDeadline", "tlsTunnelCAFile", "tlsTunnelCertFile", "tlsTunnelPrivateKeyFile", "writeDeadline"],
);

const MQTT_URL = /^(tcp|mqtt|ssl|tls|mqtts):\/\/[^\s/@]+:\d{1,5}$/;

const eventBus = section(
  {
    enable: flag("Serve devices and applications by MQTT.", true),
    eventBusTLS: section({
      enable: flag("Speak TLS to the external broker; mqtts:// in its URL does the same.", false),
      tlsMqttCAFile: path("CA of the external broker.", "/etc/kubeedge/ca/rootCA.crt"),
      tlsMqttCertFile: path("Certificate towards the external broker.", "/etc/kubeedge/certs/server.crt"),
      tlsMqttPrivateKeyFile: path("Its key.", "/etc/kubeedge/certs/server.key"),
    }),
    mqttMode: integer("0: broker of the agent's own, 2: external broker, 1: both.", 2, 0, 2),
    mqttPassword: text("Password at the external broker.", ""),
    mqttQOS: integer("QoS of what the agent publishes at its own broker.", 0, 0, 2),
    mqttRetain: flag("Retain what the agent publishes at its own broker.", false),
    mqttServerExternal: text("The external broker.", "tcp://127.0.0.1:1883", MQTT_URL, "tcp://host:port"),
    mqttServerInternal: text(
      "Where the agent's own broker listens.",
      "tcp://127.0.0.1:1884",
      /^(tcp|mqtt):\/\/[^\s/@]+:\d{1,5}$/,
      "tcp://host:port",
    ),
    mqttSessionQueueSize: integer(
      "Messages that the agent's own broker keeps for a session that is away.",
      100,
      1,
      10_000,
    ),
    mqttSubClientID: text(
      "Client id at the external broker; empty takes longshore-<node>.",
      "",
      /^[^\0+#/]{0,128}$/,
      "a client id",
    ),
    mqttUsername: text("User at the external broker; empty sends none.", ""),
  },
  ["mqttPubClientID"],
);

const bus = section({
  credentialsFile: path(
    "Users of the agent's own broker, in a file that only its owner can read; empty lets everybody of this machine in.",
    "",
  ),
  maxPayloadBytes: integer("Bytes of one message by MQTT.", 262_144, 1_024, 262_144),
  messageBurst: integer("Messages of one device at once.", 200, 1, 100_000),
  messagesPerSecond: integer("Messages of one device a second.", 100, 1, 100_000),
  outboxBytes: integer(
    "Bytes of uploads that wait for the cloud, on disk; the oldest go first.",
    67_108_864,
    1_048_576,
    1_073_741_824,
  ),
  outboxMaxAge: duration(
    "Longest time that an upload waits for the cloud.",
    7 * DAY_MS,
    60_000,
    365 * DAY_MS,
  ),
  uploadsPerSecond: integer("Uploads a second to the cloud; a share of edgeHub.messageQPS.", 15, 1, 10_000),
});

const devices = section({
  maxConnections: integer("Connections of mappers at once.", 32, 1, 1_000),
  maxMapperCalls: integer("Calls to one mapper at once.", 4, 1, 64),
  socketDir: path(
    "Folder that the sockets of mappers must be in; empty takes any, and in strict mode that of deviceTwin.dmiSockPath.",
    "",
  ),
  tokenDir: path(
    "Tokens of mappers, one file each with the mapper's name; empty takes mapper-tokens in the store's folder.",
    "",
  ),
  unreachableAfter: duration(
    "Devices are offline when their mapper has not answered for so long.",
    5_000,
    1_000,
    3_600_000,
  ),
});

const HOST_PORT = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[1-9]\d{0,4})?$/;

const upgrade = section({
  caFile: path("Authorities of registries, trusted beside the machine's (PEM).", ""),
  credentialsFile: path(
    "Credentials of registries in the form of Docker's config.json, in a file that only its owner can read.",
    "",
  ),
  insecureRegistries: textList(
    "Registries (host:port) that are asked by plain HTTP; all others by HTTPS alone.",
    HOST_PORT,
    "host:port",
  ),
  maxLayerBytes: integer("Bytes of one layer of a package.", 536_870_912, 1_048_576, 8_589_934_592),
  maxTotalBytes: integer(
    "Bytes of a package's layers and its unpacked files together.",
    536_870_912,
    1_048_576,
    8_589_934_592,
  ),
  publicKeyFile: path(
    "Public keys (PEM), one of which must have signed a package as cosign does; empty takes packages unsigned.",
    "",
  ),
  timeout: duration("Longest time to fetch and unpack a package.", 600_000, 1_000, 86_400_000),
});

const longshore = section({
  backupDir: path(
    "Where jobs that change this agent put what was before, a folder for each version.",
    "/etc/kubeedge/backup",
  ),
  bus,
  cgroupParent: path("Parent cgroup of all pods; never a host kubelet's.", "/longshore"),
  dataDir: path("Store of this agent; empty takes the folder of database.dataSource.", ""),
  devices,
  identityFile: path(
    "Key, certificate and CA of this node in one file.",
    "/etc/kubeedge/certs/longshore-identity.json",
  ),
  localApiTokenFile: path(
    "Token of who confirms upgrades, in a file that only its owner can read; empty takes local-api-token in the store's folder.",
    "",
  ),
  logLevel: oneOf("Least level that is logged.", "info", ["debug", "info", "warn", "error"]),
  metricsAddress: hostPort("host:port of the metrics; empty is off.", ""),
  negotiate: flag("Offer Longshore's protocol to the hub; false speaks KubeEdge's alone.", true),
  podLogsDir: path(
    "Where container logs go; empty takes tailoredKubeletConfig.podLogsDir, else /var/log/pods.",
    "",
  ),
  redialMax: duration("Longest pause between two attempts to reach the hub.", 60_000, 1_000, 3_600_000),
  requestTimeout: duration("Time for a reply of the cloud.", 60_000, 1_000, 3_600_000),
  security: oneOf(
    "compatible takes mappers of KubeEdge, which have no token; strict refuses a mapper without its own.",
    "compatible",
    ["compatible", "strict"],
  ),
  tokenFile: path("Join token, in a file that only its owner can read.", ""),
  upgrade,
});

/**
 * Everything that can be set, in KubeEdge's shape (edgecore.yaml, v1alpha2) plus the section `longshore`.
 * Types, defaults, validation and the table in the documentation come from here.
 */
export const SCHEMA = section(
  {
    apiVersion: oneOf("Version of the file.", "edgecore.config.kubeedge.io/v1alpha2", [
      "edgecore.config.kubeedge.io/v1alpha2",
    ]),
    kind: oneOf("Kind of the file.", "EdgeCore", ["EdgeCore"]),
    database: section(
      {
        dataSource: path(
          "KubeEdge's database; never read or written, the store lies beside it.",
          "/var/lib/kubeedge/edgecore.db",
        ),
      },
      ["driverName", "aliasName"],
    ),
    modules: section({ deviceTwin, edgeHub, edgeStream, edged, eventBus, metaManager }, [
      "dbTest",
      "serviceBus",
      "streamRuleEndpoint",
      "taskManager",
    ]),
    longshore,
  },
  ["featureGates"],
);

/** The configuration file as it was read, in KubeEdge's shape. */
export type FileSettings = Settings<typeof SCHEMA>;
