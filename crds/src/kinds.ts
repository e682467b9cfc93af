// SPDX-License-Identifier: Apache-2.0

/** A kind of ours: how the API server names and serves it, and the words that its objects carry. */
export interface Kind {
  readonly group: string;
  /** The version that is stored, and that everything here reads and writes */
  readonly version: string;
  /** Every served version, the stored one first */
  readonly versions: readonly [string, ...string[]];
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  /** Whether status has its own subresource; where it has none, status is patched on the object itself. */
  readonly statusSubresource: boolean;
  /** Finalizers that our controllers put on these objects, by KubeEdge's names */
  readonly finalizers: readonly string[];
  /** Types of `status.conditions`, each true when all is well */
  readonly conditions: Readonly<Record<string, ConditionWords>>;
}

/** What a condition says, and the reasons that it gives. */
export interface ConditionWords {
  readonly says: string;
  readonly reasons: readonly string[];
}

const devices = {
  group: "devices.kubeedge.io",
  version: "v1beta1",
  versions: ["v1beta1", "v1alpha2"],
} as const;
const apps = { group: "apps.kubeedge.io", version: "v1alpha1", versions: ["v1alpha1"] } as const;
const operations = { group: "operations.kubeedge.io", version: "v1alpha2" } as const;
const reliablesyncs = {
  group: "reliablesyncs.kubeedge.io",
  version: "v1alpha1",
  versions: ["v1alpha1"],
} as const;
const rules = { group: "rules.kubeedge.io", version: "v1", versions: ["v1"] } as const;
const tasks = { group: "tasks.longshore.io", version: "v1alpha1", versions: ["v1alpha1"] } as const;
const policy = { group: "policy.kubeedge.io", version: "v1alpha1", versions: ["v1alpha1"] } as const;

const noWords = { finalizers: [], conditions: {} } as const;

const jobConditions = {
  Accepted: {
    says: "The job can be carried out.",
    reasons: ["Accepted", "NoNodesSelected", "InvalidSpec"],
  },
  Progressing: {
    says: "Nodes are at work.",
    reasons: ["NodeStarted", "Waiting", "Stopped", "Finished"],
  },
  Complete: {
    says: "Every node is done, within the tolerance.",
    reasons: ["Completed", "InProgress", "ToleranceExceeded", "NoNodesSelected", "InvalidSpec"],
  },
  Failed: {
    says: "More nodes failed than the job tolerates.",
    reasons: ["ToleranceExceeded", "InProgress", "Completed", "NoNodesSelected", "InvalidSpec"],
  },
} as const;

const inSync = {
  InSync: { says: "The node holds the newest version.", reasons: ["Acknowledged", "Pending", "NodeOffline"] },
} as const;

/** Every kind by its name. The order is that of the packages' folders. */
export const kinds = {
  Device: {
    ...devices,
    ...{ kind: "Device", plural: "devices", singular: "device", shortNames: ["dev", "devs"] },
    ...{ namespaced: true, statusSubresource: false, finalizers: [] },
    conditions: {
      Accepted: {
        says: "It fits its model, and is on an edge node.",
        reasons: ["Accepted", "ModelNotFound", "PropertyInvalid", "NodeNotFound", "NodeNotEdge"],
      },
      ModelResolved: { says: "Its model exists.", reasons: ["ModelFound", "ModelNotFound"] },
      Delivered: { says: "Its node has it.", reasons: ["Acknowledged", "Pending", "NodeOffline"] },
    },
  },
  DeviceModel: {
    ...devices,
    ...{ kind: "DeviceModel", plural: "devicemodels", singular: "devicemodel", shortNames: ["dm"] },
    ...{ namespaced: true, statusSubresource: false, finalizers: [] },
    conditions: {
      Ready: { says: "Devices can use the model.", reasons: ["Ready", "InvalidProperty"] },
      SchemaValid: { says: "Its properties make sense.", reasons: ["Valid", "InvalidProperty"] },
      InUse: { says: "Devices use it.", reasons: ["Used", "Unused"] },
    },
  },
  DeviceStatus: {
    ...devices,
    ...{ kind: "DeviceStatus", plural: "devicestatuses", singular: "devicestatus", shortNames: ["devst"] },
    ...{ namespaced: true, statusSubresource: false, finalizers: [] },
    conditions: {
      Online: {
        says: "The device answers.",
        reasons: [
          ...["Reported", "ModelMissing", "NoProtocol", "Unsupported", "ValueInvalid"],
          ...["MapperMissing", "MapperUnreachable", "MapperHung", "MapperRefuses"],
        ],
      },
    },
  },
  NodeGroup: {
    ...apps,
    ...{ kind: "NodeGroup", plural: "nodegroups", singular: "nodegroup", shortNames: ["ng"] },
    ...{ namespaced: false, statusSubresource: true },
    finalizers: ["apps.kubeedge.io/nodegroup-controller"],
    conditions: {
      Ready: { says: "Every member is Ready.", reasons: ["AllReady", "NodesOffline", "NoMembers"] },
      MembersResolved: { says: "Every named node exists.", reasons: ["Resolved", "NodeNotFound"] },
      Exclusive: { says: "No member is in another group.", reasons: ["Exclusive", "NodeConflict"] },
      TemplateValid: { says: "Members are given all of nodeTemplate.", reasons: ["Valid", "EntriesIgnored"] },
    },
  },
  EdgeApplication: {
    ...apps,
    ...{
      kind: "EdgeApplication",
      plural: "edgeapplications",
      singular: "edgeapplication",
      shortNames: ["eapp"],
    },
    ...{ namespaced: true, statusSubresource: true, finalizers: [] },
    conditions: {
      Ready: {
        says: "Every target runs what it should.",
        reasons: ["Ready", "Progressing", "GroupMissing", "ObjectFailed", "Held"],
      },
      Available: { says: "Enough replicas are available.", reasons: ["Available", "Unavailable"] },
      Progressing: { says: "Objects are being changed.", reasons: ["Rendered", "Finished", "ObjectFailed"] },
      OverridesValid: { says: "Every difference could be applied.", reasons: ["Valid", "OverrideFailed"] },
      Paused: { says: "Changes are held back.", reasons: ["Paused", "NotPaused"] },
      RolledOut: {
        says: "Every target has the wanted revision.",
        reasons: [
          ...["Completed", "InProgress", "Paused", "CheckFailed", "CheckUnavailable"],
          ...["DeadlineExceeded", "PullFailed", "NothingToReturnTo"],
        ],
      },
      ImagesPrePulled: {
        says: "The hosts have the new images.",
        reasons: ["Pulled", "Pulling", "PullFailed", "Skipped", "NoController"],
      },
    },
  },
  NodeUpgradeJob: {
    ...operations,
    ...{ kind: "NodeUpgradeJob", plural: "nodeupgradejobs", singular: "nodeupgradejob", shortNames: ["nuj"] },
    ...{ versions: ["v1alpha2", "v1alpha1"], namespaced: false, statusSubresource: true },
    finalizers: ["kubeedge.io/nodeupgradejob-controller"],
    conditions: {
      ...jobConditions,
      AwaitingConfirmation: { says: "Nodes wait for a confirmation.", reasons: ["Waiting", "Confirmed"] },
    },
  },
  ImagePrePullJob: {
    ...operations,
    ...{
      kind: "ImagePrePullJob",
      plural: "imageprepulljobs",
      singular: "imageprepulljob",
      shortNames: ["ippj"],
    },
    ...{ versions: ["v1alpha2", "v1alpha1"], namespaced: false, statusSubresource: true },
    finalizers: ["kubeedge.io/imageprepulljob-controller"],
    conditions: jobConditions,
  },
  ConfigUpdateJob: {
    ...operations,
    ...{
      kind: "ConfigUpdateJob",
      plural: "configupdatejobs",
      singular: "configupdatejob",
      shortNames: ["cuj"],
    },
    ...{ versions: ["v1alpha2"], namespaced: false, statusSubresource: true },
    finalizers: ["kubeedge.io/configupdatejob-controller"],
    conditions: jobConditions,
  },
  NodeTaskReport: {
    ...tasks,
    ...{
      kind: "NodeTaskReport",
      plural: "nodetaskreports",
      singular: "nodetaskreport",
      shortNames: ["ntr"],
    },
    ...{ namespaced: false, statusSubresource: false, ...noWords },
  },
  ObjectSync: {
    ...reliablesyncs,
    ...{ kind: "ObjectSync", plural: "objectsyncs", singular: "objectsync", shortNames: ["osync"] },
    ...{ namespaced: true, statusSubresource: true, finalizers: [], conditions: inSync },
  },
  ClusterObjectSync: {
    ...reliablesyncs,
    ...{ kind: "ClusterObjectSync", plural: "clusterobjectsyncs", singular: "clusterobjectsync" },
    ...{
      shortNames: ["cosync"],
      namespaced: false,
      statusSubresource: true,
      finalizers: [],
      conditions: inSync,
    },
  },
  Rule: {
    ...rules,
    ...{ kind: "Rule", plural: "rules", singular: "rule", shortNames: [] },
    ...{ namespaced: true, statusSubresource: false, finalizers: [] },
    conditions: {
      Ready: {
        says: "Both endpoints exist and fit.",
        reasons: ["Ready", "EndpointNotFound", "UnsupportedPair"],
      },
    },
  },
  RuleEndpoint: {
    ...rules,
    ...{ kind: "RuleEndpoint", plural: "ruleendpoints", singular: "ruleendpoint", shortNames: ["re"] },
    ...{ namespaced: true, statusSubresource: false, ...noWords },
  },
  ServiceAccountAccess: {
    ...policy,
    ...{ kind: "ServiceAccountAccess", plural: "serviceaccountaccesses", singular: "serviceaccountaccess" },
    ...{ shortNames: ["saaccess"], namespaced: true, statusSubresource: true, ...noWords },
  },
} as const satisfies Record<string, Kind>;

/** Name of one of our kinds. */
export type KindName = keyof typeof kinds;
