// SPDX-License-Identifier: Apache-2.0

/**
 * Settings that a job may change, by section. Every other one takes somebody with a shell on the machine: who this
 * node is and which cloud it obeys (names, addresses of hubs, certificates, tokens, passwords, the protocol), where
 * parts of the machine are (sockets, stores, folders, brokers, resolver file), what limits others (security, cgroups,
 * addresses that are listened on). A setting that is new is not changeable until it is listed here.
 */
export const CHANGEABLE: Readonly<Record<string, readonly string[]>> = {
  "modules.deviceTwin": ["enable"],
  "modules.edgeHub": ["heartbeat", "messageBurst", "messageQPS"],
  "modules.edgeHub.websocket": ["handshakeTimeout"],
  "modules.edgeStream": ["enable", "handshakeTimeout"],
  "modules.edged": [
    "customInterfaceName",
    "nodeIP",
    "nodeLabels",
    "podSandboxImage",
    "registerSchedulable",
    "reportEvent",
  ],
  "modules.edged.tailoredKubeletConfig": [
    "clusterDNS",
    "clusterDomain",
    "maxPods",
    "nodeLeaseDurationSeconds",
    "nodeStatusReportFrequency",
    "nodeStatusUpdateFrequency",
    "registerNode",
    "registerWithTaints",
  ],
  "modules.eventBus": [
    "enable",
    "mqttMode",
    "mqttQOS",
    "mqttRetain",
    "mqttSessionQueueSize",
    "mqttSubClientID",
  ],
  longshore: ["logLevel", "redialMax", "requestTimeout"],
  "longshore.bus": [
    "maxPayloadBytes",
    "messageBurst",
    "messagesPerSecond",
    "outboxBytes",
    "outboxMaxAge",
    "uploadsPerSecond",
  ],
  "longshore.devices": ["maxConnections", "maxMapperCalls", "unreachableAfter"],
};

/** @param path of a setting, without places in lists or keys of labels */
export function isChangeable(path: readonly string[]): boolean {
  const section = path.slice(0, -1).join(".");
  return Object.hasOwn(CHANGEABLE, section) && (CHANGEABLE[section] ?? []).includes(path.at(-1) ?? "");
}
