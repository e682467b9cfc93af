// SPDX-License-Identifier: Apache-2.0

/** `route.source`: the part that speaks. Never a proof of identity. */
export const Source = {
  cloudHub: "cloudhub",
  edgeController: "edgecontroller",
  deviceController: "devicecontroller",
  syncController: "synccontroller",
  dynamicController: "dynamiccontroller",
  policyController: "policycontroller",
  taskManager: "taskmanager",
  nodeUpgradeJobController: "nodeupgradejobcontroller",
  cloudStream: "cloudStream",
  router: "router",
  edged: "edged",
  metaManager: "metamanager",
  metaServer: "metaserver",
  twin: "twin",
  meta: "meta",
  bus: "bus",
  serviceBus: "servicebus",
  websocket: "websocket",
} as const;

/** `route.group`: which part of the other side takes the message. */
export const Group = {
  resource: "resource",
  meta: "meta",
  twin: "twin",
  func: "func",
  user: "user",
  bus: "bus",
  hub: "hub",
  edged: "edged",
  taskManager: "taskmanager",
  dynamicController: "dynamiccontroller",
} as const;

/** `route.operation` */
export const Operation = {
  insert: "insert",
  update: "update",
  delete: "delete",
  query: "query",
  patch: "patch",
  get: "get",
  upload: "upload",
  response: "response",
  error: "error",
  keepalive: "keepalive",
  config: "config",
  ping: "ping",
  pong: "pong",
  applicationResponse: "applicationResponse",
} as const;

/** The middle segment of `<namespace>/<type>/<name>`. */
export const ResourceType = {
  pod: "pod",
  podList: "podlist",
  podStatus: "podstatus",
  podPatch: "podpatch",
  node: "node",
  nodeStatus: "nodestatus",
  nodePatch: "nodepatch",
  configMap: "configmap",
  secret: "secret",
  serviceAccount: "serviceaccount",
  serviceAccountToken: "serviceaccounttoken",
  serviceAccountAccess: "serviceaccountaccess",
  event: "event",
  lease: "lease",
  certificateSigningRequest: "certificatesigningrequest",
  persistentVolume: "persistentvolume",
  persistentVolumeClaim: "persistentvolumeclaim",
  volumeAttachment: "volumeattachment",
  rule: "rule",
  ruleEndpoint: "ruleendpoint",
  ruleStatus: "rulestatus",
  device: "device",
  deviceModel: "devicemodel",
} as const;
