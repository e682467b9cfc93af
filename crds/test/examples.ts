// SPDX-License-Identifier: Apache-2.0

/** One object of each kind as KubeEdge's users write it, and what `kubectl get` says of it. */
export type Example = {
  apiVersion: string;
  kind: string;
  plural: string;
  object: { metadata: { name: string }; [field: string]: unknown };
  header: string[];
  row: RegExp;
};

const subject = { kind: "ServiceAccount", name: "app", namespace: "default" };
const rules = [{ verbs: ["get"], apiGroups: [""], resources: ["configmaps"] }];

export const examples: Example[] = [
  {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "DeviceModel",
    plural: "devicemodels",
    object: {
      metadata: { name: "sensor-tag-model" },
      spec: {
        protocol: "modbus",
        properties: [
          {
            ...{ name: "temperature", description: "temperature in degree celsius", type: "INT" },
            ...{ accessMode: "ReadWrite", maximum: "100", unit: "degree celsius" },
          },
        ],
      },
    },
    header: ["NAME", "PROTOCOL", "AGE"],
    row: /^sensor-tag-model +modbus /u,
  },
  {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "Device",
    plural: "devices",
    object: {
      metadata: { name: "sensor-tag-instance-02" },
      spec: {
        deviceModelRef: { name: "sensor-tag-model" },
        nodeName: "edge-node",
        properties: [
          {
            ...{ name: "temperature", desired: { value: "20" }, collectCycle: 1000, reportCycle: 1000 },
            ...{ reportToCloud: true },
            visitors: { protocolName: "modbus", configData: { Register: "CoilRegister", Offset: "2" } },
            pushMethod: { mqtt: { address: "tcp://127.0.0.1:1883", topic: "temp", qos: 0, retained: false } },
          },
        ],
        protocol: { protocolName: "modbus", configData: { SerialPort: "/dev/ttyS0", nested: { deep: [1] } } },
        methods: [{ name: "setValue", propertyNames: ["temperature"] }],
      },
    },
    header: ["NAME", "NODE", "MODEL", "PROTOCOL", "ACCEPTED", "DELIVERED", "AGE"],
    row: /^sensor-tag-instance-02 +edge-node +sensor-tag-model +modbus/u,
  },
  {
    apiVersion: "devices.kubeedge.io/v1beta1",
    kind: "DeviceStatus",
    plural: "devicestatuses",
    object: {
      metadata: { name: "sensor-tag-instance-02" },
      status: {
        state: "online",
        lastOnlineTime: "2026-01-01T00:00:00Z",
        twins: [
          {
            propertyName: "temperature",
            reported: { value: "12", metadata: { timestamp: "1", type: "int" } },
            observedDesired: { value: "20" },
          },
        ],
        extensions: { vendor: { a: 1 } },
      },
    },
    header: ["NAME", "NODE", "PROTOCOL", "STATE", "REASON", "LAST SEEN", "AGE"],
    row: /^sensor-tag-instance-02 +online +\d+d /u,
  },
  {
    apiVersion: "apps.kubeedge.io/v1alpha1",
    kind: "NodeGroup",
    plural: "nodegroups",
    object: {
      metadata: { name: "hangzhou" },
      spec: { matchLabels: { location: "hangzhou" }, nodes: ["ghost"] },
    },
    header: ["NAME", "NODES", "READY", "OFFLINE", "AGE"],
    row: /^hangzhou /u,
  },
  {
    apiVersion: "apps.kubeedge.io/v1alpha1",
    kind: "EdgeApplication",
    plural: "edgeapplications",
    object: {
      metadata: { name: "nginx-app" },
      spec: {
        workloadTemplate: {
          manifests: [
            { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "nginx" }, spec: { replicas: 1 } },
          ],
        },
        workloadScope: {
          targetNodeGroups: [
            {
              name: "hangzhou",
              overriders: {
                replicas: 2,
                imageOverriders: [
                  { component: "Registry", operator: "replace", value: "hangzhou.registry.io" },
                ],
                resourcesOverriders: [
                  { containerName: "nginx", value: { limits: { cpu: "250m", memory: 1024 } } },
                ],
              },
            },
          ],
          targetNodeLabels: [{ labelSelector: { matchLabels: { gpu: "true" } } }],
        },
      },
    },
    header: ["NAME", "GROUPS", "DESIRED", "AVAILABLE", "UP-TO-DATE", "READY", "ROLLOUT", "AGE"],
    row: /^nginx-app /u,
  },
  {
    apiVersion: "operations.kubeedge.io/v1alpha2",
    kind: "NodeUpgradeJob",
    plural: "nodeupgradejobs",
    object: {
      metadata: { name: "upgrade-example" },
      spec: {
        ...{ version: "v1.23.0", image: "kubeedge/installation-package", checkItems: ["cpu", "mem", "disk"] },
        ...{ failureTolerate: "0.3", concurrency: 2, timeoutSeconds: 180 },
        labelSelector: { matchLabels: { "node-role.kubernetes.io/edge": "" } },
        imageDigestGatter: { amd64: "sha256:0", registryAPI: { host: "h", token: "t" } },
      },
    },
    header: ["NAME", "VERSION", "PHASE", "TOTAL", "DONE", "FAILED", "RUNNING", "AGE"],
    row: /^upgrade-example +v1\.23\.0 /u,
  },
  {
    apiVersion: "operations.kubeedge.io/v1alpha2",
    kind: "ImagePrePullJob",
    plural: "imageprepulljobs",
    object: {
      metadata: { name: "prepull" },
      spec: {
        imagePrePullTemplate: {
          ...{ images: ["busybox:1.36", "bad/none:1"], nodeNames: ["edge-node"], checkItems: ["disk"] },
          ...{ retryTimes: 1, failureTolerate: "0.3", timeoutSeconds: 180, imageSecrets: "default/regcred" },
        },
      },
    },
    header: ["NAME", "IMAGES", "PHASE", "TOTAL", "DONE", "FAILED", "RUNNING", "AGE"],
    row: /^prepull /u,
  },
  {
    apiVersion: "operations.kubeedge.io/v1alpha2",
    kind: "ConfigUpdateJob",
    plural: "configupdatejobs",
    object: {
      metadata: { name: "stream-on" },
      spec: { nodeNames: ["edge-node"], updateFields: { "modules.edgeStream.enable": "true" } },
    },
    header: ["NAME", "PHASE", "TOTAL", "DONE", "FAILED", "RUNNING", "AGE"],
    row: /^stream-on /u,
  },
  {
    apiVersion: "reliablesyncs.kubeedge.io/v1alpha1",
    kind: "ObjectSync",
    plural: "objectsyncs",
    object: {
      metadata: { name: "edge-node.5d2f3a9e-0000-4000-8000-000000000001" },
      spec: { objectAPIVersion: "v1", objectKind: "ConfigMap", objectName: "settings" },
    },
    header: ["NAME", "KIND", "OBJECT", "ACKED RV", "IN SYNC", "AGE"],
    row: / ConfigMap +settings /u,
  },
  {
    apiVersion: "reliablesyncs.kubeedge.io/v1alpha1",
    kind: "ClusterObjectSync",
    plural: "clusterobjectsyncs",
    object: {
      metadata: { name: "edge-node.5d2f3a9e-0000-4000-8000-000000000002" },
      spec: { objectAPIVersion: "v1", objectKind: "Node", objectName: "edge-node" },
    },
    header: ["NAME", "KIND", "OBJECT", "ACKED RV", "IN SYNC", "AGE"],
    row: / Node +edge-node /u,
  },
  {
    apiVersion: "rules.kubeedge.io/v1",
    kind: "RuleEndpoint",
    plural: "ruleendpoints",
    object: {
      metadata: { name: "servicebus-test" },
      spec: { ruleEndpointType: "servicebus", properties: { service_port: "9000" } },
    },
    header: ["NAME", "TYPE", "AGE"],
    row: /^servicebus-test +servicebus /u,
  },
  {
    apiVersion: "rules.kubeedge.io/v1",
    kind: "Rule",
    plural: "rules",
    object: {
      metadata: { name: "rest-to-bus" },
      spec: {
        ...{ source: "rest-test", sourceResource: { path: "/ccc" } },
        ...{ target: "eventbus-test", targetResource: { topic: "topic-test" } },
      },
      status: { successMessages: 2, failMessages: 1, errors: ["no"] },
    },
    header: ["NAME", "SOURCE", "TARGET", "SUCCESS", "FAILED", "AGE"],
    row: /^rest-to-bus +rest-test +eventbus-test +2 +1 /u,
  },
  {
    apiVersion: "policy.kubeedge.io/v1alpha1",
    kind: "ServiceAccountAccess",
    plural: "serviceaccountaccesses",
    object: {
      metadata: { name: "app" },
      spec: {
        serviceAccount: { metadata: { name: "app", namespace: "default" } },
        serviceAccountUid: "5d2f3a9e-0000-4000-8000-000000000003",
        accessRoleBinding: [
          {
            roleBinding: {
              metadata: { name: "app" },
              subjects: [subject],
              roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "app" },
            },
            rules,
          },
        ],
      },
    },
    header: ["NAME", "SERVICE ACCOUNT", "NODES", "AGE"],
    row: /^app +app /u,
  },
];
