// SPDX-License-Identifier: Apache-2.0
import { dirname, join } from "node:path";
import type { Taint } from "./fields.ts";
import type { FileSettings } from "./schema.ts";

/** What the agent's parts are configured with: our names, units in them, KubeEdge's shape behind us. */
export interface AgentConfig {
  readonly node: {
    readonly name: string;
    /** "" detects it */
    readonly ip: string;
    readonly interfaceName: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly taints: readonly Taint[];
    readonly register: boolean;
    readonly schedulable: boolean;
    readonly maxPods: number;
    readonly statusUpdateMs: number;
    readonly statusReportMs: number;
    readonly leaseDurationSeconds: number;
  };
  readonly hub: {
    readonly server: string;
    readonly joinServer: string;
    readonly projectId: string;
    readonly handshakeTimeoutMs: number;
    readonly heartbeatMs: number;
    readonly requestTimeoutMs: number;
    readonly redialMaxMs: number;
    readonly messageQps: number;
    readonly messageBurst: number;
    readonly negotiate: boolean;
  };
  readonly identity: {
    readonly bundle: string;
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
    readonly rotate: boolean;
    readonly token: string;
    readonly tokenFile: string;
  };
  readonly pods: {
    /** `unix:///path` */
    readonly runtimeEndpoint: string;
    readonly imageEndpoint: string;
    readonly rootDirectory: string;
    readonly podLogsDir: string;
    readonly cgroupParent: string;
    readonly cgroupDriver: "cgroupfs" | "systemd";
    readonly sandboxImage: string;
    readonly clusterDns: readonly string[];
    readonly clusterDomain: string;
    readonly resolvConf: string;
    readonly reportEvents: boolean;
  };
  readonly devices: {
    readonly enable: boolean;
    /** where mappers register */
    readonly socketPath: string;
    readonly security: "compatible" | "strict";
    /** folder of their sockets; "" is anywhere */
    readonly mapperSocketDir: string;
    readonly tokenDir: string;
    readonly maxConnections: number;
    readonly maxMapperCalls: number;
    readonly unreachableAfterMs: number;
  };
  /** KubeEdge's stream tunnel, towards a CloudCore alone */
  readonly edgeStream: {
    readonly enable: boolean;
    readonly server: string;
    readonly handshakeTimeoutMs: number;
  };
  /** MQTT */
  readonly bus: {
    readonly enable: boolean;
    /** `tcp://host:port` of the external broker; undefined: none */
    readonly external: string | undefined;
    /** `tcp://host:port` of the agent's own; undefined: none */
    readonly internal: string | undefined;
    readonly clientId: string;
    readonly username: string;
    readonly password: string;
    /** Files; undefined speaks plain TCP, but for mqtts:// */
    readonly tls:
      { readonly caFile: string; readonly certFile: string; readonly keyFile: string } | undefined;
    readonly qos: 0 | 1 | 2;
    readonly retain: boolean;
    readonly sessionQueueSize: number;
    /** "" lets everybody of this machine in */
    readonly credentialsFile: string;
    readonly maxPayloadBytes: number;
    readonly messagesPerSecond: number;
    readonly messageBurst: number;
    readonly uploadsPerSecond: number;
    readonly outboxBytes: number;
    readonly outboxMaxAgeMs: number;
  };
  /** what people of this machine may ask by HTTP */
  readonly localApi: {
    readonly enable: boolean;
    /** `host:port` */
    readonly address: string;
    readonly strict: boolean;
    readonly tokenFile: string;
  };
  /** where packages of new agents come from */
  readonly upgrade: {
    readonly caFile: string;
    readonly credentialsFile: string;
    readonly publicKeyFile: string;
    readonly insecureRegistries: readonly string[];
    readonly maxLayerBytes: number;
    readonly maxTotalBytes: number;
    readonly timeoutMs: number;
  };
  /** what was before a job changed the agent, by version */
  readonly backupDir: string;
  readonly dataDir: string;
  readonly logLevel: string;
  /** "" is off */
  readonly metricsAddress: string;
}

/** @param hostname name of the machine, used where none is configured (in lower case, as kubelet does) */
export function toAgentConfig(file: FileSettings, hostname: string): AgentConfig {
  const { edged, edgeHub, edgeStream } = file.modules;
  const kubelet = edged.tailoredKubeletConfig;
  const { longshore } = file;
  return {
    node: {
      name: edged.hostnameOverride || hostname.toLowerCase(),
      ip: edged.nodeIP,
      interfaceName: edged.customInterfaceName,
      labels: edged.nodeLabels,
      taints: kubelet.registerWithTaints,
      register: kubelet.registerNode,
      schedulable: edged.registerSchedulable,
      maxPods: kubelet.maxPods,
      statusUpdateMs: kubelet.nodeStatusUpdateFrequency,
      statusReportMs: kubelet.nodeStatusReportFrequency,
      leaseDurationSeconds: kubelet.nodeLeaseDurationSeconds,
    },
    hub: {
      server: `wss://${edgeHub.websocket.server}`,
      joinServer: edgeHub.httpServer,
      projectId: edgeHub.projectID,
      handshakeTimeoutMs: edgeHub.websocket.handshakeTimeout * 1000,
      heartbeatMs: edgeHub.heartbeat * 1000,
      requestTimeoutMs: longshore.requestTimeout,
      redialMaxMs: longshore.redialMax,
      messageQps: edgeHub.messageQPS,
      messageBurst: edgeHub.messageBurst,
      negotiate: longshore.negotiate,
    },
    identity: {
      bundle: longshore.identityFile,
      caFile: edgeHub.tlsCaFile,
      certFile: edgeHub.tlsCertFile,
      keyFile: edgeHub.tlsPrivateKeyFile,
      rotate: edgeHub.rotateCertificates,
      token: edgeHub.token,
      tokenFile: longshore.tokenFile,
    },
    pods: {
      runtimeEndpoint: kubelet.containerRuntimeEndpoint,
      imageEndpoint: kubelet.imageServiceEndpoint || kubelet.containerRuntimeEndpoint,
      rootDirectory: edged.rootDirectory,
      podLogsDir: longshore.podLogsDir || kubelet.podLogsDir || "/var/log/pods",
      cgroupParent: kubelet.cgroupRoot || longshore.cgroupParent,
      cgroupDriver: kubelet.cgroupDriver,
      sandboxImage: edged.podSandboxImage,
      clusterDns: kubelet.clusterDNS,
      clusterDomain: kubelet.clusterDomain,
      resolvConf: kubelet.resolvConf,
      reportEvents: edged.reportEvent,
    },
    devices: toDevices(file),
    edgeStream: {
      enable: edgeStream.enable,
      server: `wss://${edgeStream.server}`,
      handshakeTimeoutMs: edgeStream.handshakeTimeout * 1000,
    },
    bus: toBus(file),
    localApi: toLocalApi(file),
    upgrade: toUpgrade(file),
    backupDir: longshore.backupDir,
    dataDir: dataDirOf(file),
    logLevel: longshore.logLevel,
    metricsAddress: longshore.metricsAddress,
  };
}

const dataDirOf = ({ longshore, database }: FileSettings): string =>
  longshore.dataDir || dirname(database.dataSource);

function toLocalApi(file: FileSettings): AgentConfig["localApi"] {
  const { enable, server: address } = file.modules.metaManager.metaServer;
  const { localApiTokenFile, security } = file.longshore;
  const tokenFile = localApiTokenFile || join(dataDirOf(file), "local-api-token");
  return { enable, address, strict: security === "strict", tokenFile };
}

function toDevices(file: FileSettings): AgentConfig["devices"] {
  const { deviceTwin } = file.modules;
  const { devices, security } = file.longshore;
  const isStrict = security === "strict";
  return {
    enable: deviceTwin.enable,
    socketPath: deviceTwin.dmiSockPath,
    security: isStrict ? "strict" : "compatible",
    mapperSocketDir: devices.socketDir || (isStrict ? dirname(deviceTwin.dmiSockPath) : ""),
    tokenDir: devices.tokenDir || join(dataDirOf(file), "mapper-tokens"),
    maxConnections: devices.maxConnections,
    maxMapperCalls: devices.maxMapperCalls,
    unreachableAfterMs: devices.unreachableAfter,
  };
}

function toUpgrade({ longshore: { upgrade } }: FileSettings): AgentConfig["upgrade"] {
  const { timeout: timeoutMs, ...rest } = upgrade;
  return { ...rest, timeoutMs };
}

const MODE = { internal: 0, external: 2 };

function toBus({ modules: { eventBus }, longshore }: FileSettings): AgentConfig["bus"] {
  const { bus } = longshore;
  const { eventBusTLS: tls, mqttMode, mqttServerExternal, mqttServerInternal } = eventBus;
  const isTls = tls.enable || /^(ssl|tls|mqtts):/.test(mqttServerExternal);
  return {
    enable: eventBus.enable,
    external: mqttMode === MODE.internal ? undefined : mqttServerExternal,
    internal: mqttMode === MODE.external ? undefined : mqttServerInternal,
    clientId: eventBus.mqttSubClientID,
    username: eventBus.mqttUsername,
    password: eventBus.mqttPassword,
    tls: isTls
      ? { caFile: tls.tlsMqttCAFile, certFile: tls.tlsMqttCertFile, keyFile: tls.tlsMqttPrivateKeyFile }
      : undefined,
    qos: eventBus.mqttQOS as 0 | 1 | 2,
    retain: eventBus.mqttRetain,
    sessionQueueSize: eventBus.mqttSessionQueueSize,
    credentialsFile: bus.credentialsFile,
    maxPayloadBytes: bus.maxPayloadBytes,
    messagesPerSecond: bus.messagesPerSecond,
    messageBurst: bus.messageBurst,
    uploadsPerSecond: bus.uploadsPerSecond,
    outboxBytes: bus.outboxBytes,
    outboxMaxAgeMs: bus.outboxMaxAge,
  };
}
