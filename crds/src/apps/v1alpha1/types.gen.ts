// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { Condition, ObjectMeta } from "../../meta.ts";

export interface EdgeApplicationArgsOverrider {
  /** Name of the container. */
  containerName: string;
  /** What to do with the value. */
  operator: "add" | "remove";
  /** Value as text. */
  value?: string[];
}

export interface EdgeApplicationCommandOverrider {
  /** Name of the container. */
  containerName: string;
  /** What to do with the value. */
  operator: "add" | "remove";
  /** Value as text. */
  value?: string[];
}

export interface EdgeApplicationEnvOverriderValue {
  /** Name of the variable. */
  name: string;
  /** Value of the variable. */
  value?: string;
  /** Where the value comes from. */
  valueFrom?: {
    /** A key of a ConfigMap. */
    configMapKeyRef?: {
      /** Name of the ConfigMap. */
      name?: string;
      /** Key to read. */
      key: string;
      /** Whether the key may be missing. */
      optional?: boolean;
    };
    /** A field of the pod. */
    fieldRef?: {
      /** Version that fieldPath is written in. */
      apiVersion?: string;
      /** Path of the field. */
      fieldPath: string;
    };
    /** A resource of the container. */
    resourceFieldRef?: {
      /** Name of the container. */
      containerName?: string;
      divisor?: number | string;
      /** Name of the resource. */
      resource: string;
    };
    /** A key of a Secret. */
    secretKeyRef?: {
      /** Name of the Secret. */
      name?: string;
      /** Key to read. */
      key: string;
      /** Whether the key may be missing. */
      optional?: boolean;
    };
  };
}

export interface EdgeApplicationEnvOverrider {
  /** Name of the container. */
  containerName: string;
  /** What to do with the value. */
  operator: "add" | "remove" | "replace";
  /** Value as text. */
  value?: EdgeApplicationEnvOverriderValue[];
}

export interface EdgeApplicationImageOverrider {
  /** Part of the image name. */
  component: "Registry" | "Repository" | "Tag";
  /** What to do with the value. */
  operator: "add" | "remove" | "replace";
  /** Which image to change; every image without it. */
  predicate?: {
    /** JSON pointer of the image in the object. */
    path: string;
  };
  /** The new part. */
  value?: string;
}

export interface EdgeApplicationClaim {
  /** Name of the claim. */
  name: string;
  /** Name of the request in the claim. */
  request?: string;
}

export interface EdgeApplicationResourcesOverrider {
  /** Name of the container. */
  containerName: string;
  /** Resources of the container. */
  value: {
    /** Resource claims of the pod that the container uses. */
    claims?: EdgeApplicationClaim[];
    /** Highest use. */
    limits?: {
      [k: string]: number | string;
    };
    /** Reserved use. */
    requests?: {
      [k: string]: number | string;
    };
  };
}

export interface EdgeApplicationPatchOverrider {
  /** Which manifests are patched; every one that is copied for the target without it. */
  target?: {
    /** Kind of the manifest. */
    kind?: string;
    /** Name in the template, without the target's suffix. */
    name?: string;
  };
  /** How the patch is read: as strategic merge patch, merge patch (RFC 7386) or JSON patch (RFC 6902). */
  type?: "strategic" | "merge" | "json";
  /** The patch: an object, or for json a list of operations. */
  patch: unknown;
}

export interface EdgeApplicationOverriders {
  /** Changes of arguments. */
  argsOverriders?: EdgeApplicationArgsOverrider[];
  /** Changes of commands. */
  commandOverriders?: EdgeApplicationCommandOverrider[];
  /** Changes of environment variables. */
  envOverriders?: EdgeApplicationEnvOverrider[];
  /** Changes of images. */
  imageOverriders?: EdgeApplicationImageOverrider[];
  /** Number of replicas. */
  replicas?: number;
  /** Changes of resources. */
  resourcesOverriders?: EdgeApplicationResourcesOverrider[];
  /**
   * Patches, after all other changes and in this order.
   *
   * @maxItems 64
   */
  patchOverriders?: EdgeApplicationPatchOverrider[];
  /** Spreads the pods over the nodes of the target. */
  spread?: {
    /** Label of nodes whose values are spread over. */
    topologyKey?: string;
    /** How many more pods one value may have than another. */
    maxSkew?: number;
    /** Whether a pod that cannot be spread waits. */
    whenUnsatisfiable?: "ScheduleAnyway" | "DoNotSchedule";
  };
}

export interface EdgeApplicationTargetNodeGroup {
  /** Name of the NodeGroup. */
  name: string;
  /** How the target differs from the template. */
  overriders?: EdgeApplicationOverriders;
}

export interface LabelRequirement {
  /** Label key. */
  key: string;
  /** In, NotIn, Exists or DoesNotExist. */
  operator: string;
  /** Values for In and NotIn. */
  values?: string[];
}

export interface LabelSelector {
  /** Conditions, all of which have to match. */
  matchExpressions?: LabelRequirement[];
  /** Labels, all of which have to match. */
  matchLabels?: {
    [k: string]: string;
  };
}

export interface EdgeApplicationTargetNodeLabel {
  /** Selects nodes by label. */
  labelSelector?: LabelSelector;
  /** How the target differs from the template. */
  overriders?: EdgeApplicationOverriders;
}

export interface EdgeApplicationTargetNodeGroupSelector {
  /** Selects NodeGroups by their labels. */
  labelSelector?: LabelSelector;
  /** How the target differs from the template. */
  overriders?: EdgeApplicationOverriders;
}

export interface BreakGlass {
  /**
   * Names of users, as the API server knows them.
   *
   * @maxItems 100
   */
  users?: string[];
  /**
   * Names of groups of users.
   *
   * @maxItems 100
   */
  groups?: string[];
}

export interface EdgeApplicationBatch {
  /** Name of the batch. */
  name: string;
  /**
   * Names of targets: of node groups, or of label targets as in status.targets.
   *
   * @maxItems 1000
   */
  targets: string[];
}

export interface EdgeApplicationVersion {
  /** Name of the version; part of the names of its objects. */
  name: string;
  /**
   * Names of the hosts. A host that two versions name gets the first.
   *
   * @maxItems 10000
   */
  nodes: string[];
  /** How the version differs from the target. */
  overriders?: EdgeApplicationOverriders;
}

export interface EdgeApplicationCheck {
  /** Name of the check. */
  name: string;
  /** PromQL that gives one number, for example sum(rate(errors_total[1m])). */
  query: string;
  /** How the measured value has to compare with the threshold. */
  operator: "<" | "<=" | ">" | ">=" | "==" | "!=";
  /** The number that is compared with. */
  threshold: string;
}

export interface EdgeApplicationRollout {
  /** Whether the rollout stands still. */
  paused?: boolean;
  maxUnavailable?: number | string;
  /**
   * Targets in the order in which they change. Targets that no batch names change last.
   *
   * @maxItems 100
   */
  batches?: EdgeApplicationBatch[];
  /**
   * Hosts whose pods differ from those of their target's other hosts. DaemonSets only.
   *
   * @maxItems 16
   */
  versions?: EdgeApplicationVersion[];
  /** Pulling of new images before a batch begins, by an ImagePrePullJob. */
  prePull?: {
    /** Whether new images are pulled before. True without it. */
    enabled?: boolean;
    /** How long a batch waits for its images; 600 without it. */
    timeoutSeconds?: number;
  };
  /**
   * Measurements that have to hold after each batch.
   *
   * @maxItems 16
   */
  checks?: EdgeApplicationCheck[];
  /** When checks are made, and how often they have to hold. */
  checkPolicy?: {
    /** Time between the end of a batch and the first measurement; 10 without it. */
    initialDelaySeconds?: number;
    /** Time between two measurements; 10 without it. */
    intervalSeconds?: number;
    /** How many measurements in a row have to hold; 3 without it. */
    successes?: number;
    /** How many measurements in a row have to fail to stop the rollout; 1 without it. */
    failures?: number;
    /** How long a check may give no number, before the rollout pauses; 300 without it. */
    timeoutSeconds?: number;
  };
  /** What is done when a check fails, or a batch takes too long: Rollback without it. */
  onFailure?: "Rollback" | "Pause";
  /** How long a batch may take; 600 without it. */
  progressDeadlineSeconds?: number;
  /** How many earlier revisions are kept; 10 without it. */
  revisionHistoryLimit?: number;
}

export interface EdgeApplicationSpec {
  /** Where to deploy. */
  workloadScope: {
    /** Node groups to deploy to. */
    targetNodeGroups?: EdgeApplicationTargetNodeGroup[];
    /** Sets of nodes to deploy to, by label. */
    targetNodeLabels?: EdgeApplicationTargetNodeLabel[];
    /** Node groups to deploy to, by their labels. A group that targetNodeGroups names is not meant. */
    targetNodeGroupSelectors?: EdgeApplicationTargetNodeGroupSelector[];
  };
  /** Objects to deploy. */
  workloadTemplate?: {
    /** Objects as in kubectl apply. Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs and Pods are copied for each target; the rest, and what has the annotation longshore.io/once=true, exist once. */
    manifests?: {
      [k: string]: unknown;
    }[];
  };
  /** Who may still change what is protected by hand. Protected is what has the label longshore.io/protected=true. */
  breakGlass?: BreakGlass;
  /** How a change reaches the targets. Without it, all change at once. */
  rollout?: EdgeApplicationRollout;
}

export interface EdgeApplicationWorkloadStatus {
  /** Whether the object is available. */
  conditions?: "Processing" | "Available";
  /** Which object. */
  identifier: {
    /** Name of the object. */
    name?: string;
    /** API group. */
    group?: string;
    /** Kind of the object. */
    kind?: string;
    /** Namespace of the object. */
    namespace?: string;
    /** Position in the template. */
    ordinal: number;
    /** Plural name of the kind. */
    resource?: string;
    /** API version. */
    version?: string;
  };
  /** Why the object is not as it should be. */
  message?: string;
}

export interface EdgeApplicationTarget {
  /** Name of the node group, or the suffix of a label target. */
  name: string;
  /** Revision that it runs or is changing to. */
  revision?: string;
  /** Nodes of the target. */
  nodes?: number;
  /** Those that are Ready. */
  readyNodes?: number;
  /** Replicas wanted. */
  desired?: number;
  /** Replicas available. */
  available?: number;
  /** Replicas that run the newest template. */
  upToDate?: number;
  /** Whether its node group is protected, so that scales and evictions are refused too. */
  protected?: boolean;
  /** Why the target is not as it should be. */
  message?: string;
}

export interface EdgeApplicationRolloutCheck {
  /** Name of the check. */
  name: string;
  /** The measured value. */
  value?: string;
  /** When it was measured. */
  time?: string;
  /** Measurements in a row that held. */
  passed?: number;
  /** Measurements in a row that did not. */
  failed?: number;
  /** Why there is no value. */
  message?: string;
}

export interface EdgeApplicationRolloutStatus {
  /** Pending, PrePulling, Progressing, Verifying, Paused, Completed, RollingBack, RolledBack or Failed. */
  phase?: string;
  /** Phase and batch in one word, for the column. */
  progress?: string;
  /** The revision that is wanted. */
  revision?: string;
  /** The last one that every target ran, and that a rollback returns to. */
  stableRevision?: string;
  /** The one that was stopped; it is not tried again until the spec changes. */
  failedRevision?: string;
  /** Number of the current batch, from 1. */
  batch?: number;
  /** Number of batches. */
  batches?: number;
  /** Name of the current batch. */
  batchName?: string;
  /** When the phase began. */
  phaseStartTime?: string;
  /** Why it stands still or went back, in one word. */
  reason?: string;
  /** The phase that a pause interrupted. */
  resumePhase?: string;
  /** How long the phase had taken when it was interrupted. */
  elapsedSeconds?: number;
  /** What is waited for. */
  message?: string;
  /** Targets that the wanted revision was given to. */
  updatedTargets?: string[];
  /** The latest measurements. */
  checks?: EdgeApplicationRolloutCheck[];
}

export interface EdgeApplicationStatus {
  /** State of each object. */
  workloadStatus?: EdgeApplicationWorkloadStatus[];
  /** The latest observations, one of each type. */
  conditions?: Condition[];
  /** Counts, for columns and dashboards. */
  summary?: {
    /** Number of targets. */
    groups?: number;
    /** Replicas wanted over all targets. */
    desired?: number;
    /** Replicas available. */
    available?: number;
    /** Replicas that run the newest template. */
    upToDate?: number;
  };
  /** State of each target, sorted by name. */
  targets?: EdgeApplicationTarget[];
  /** How far the change is. */
  rollout?: EdgeApplicationRolloutStatus;
}

/** Workloads that run in several node groups, with differences for each group. */
export interface EdgeApplication {
  apiVersion: "apps.kubeedge.io/v1alpha1";
  kind: "EdgeApplication";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec: EdgeApplicationSpec;
  /** What was observed. Written by the system. */
  status?: EdgeApplicationStatus;
}

export interface NodeGroupTaint {
  /** Key of the taint. */
  key: string;
  /** Value of the taint. */
  value?: string;
  /** What happens to pods that do not tolerate it. */
  effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

export interface NodeGroupSpec {
  /** Nodes with all of these labels belong to the group. Without it, only those in nodes do. */
  matchLabels?: {
    [k: string]: string;
  };
  /** Names of nodes that belong to the group. */
  nodes?: string[];
  /** Whether members get the zone label with the group's name, for topology-aware routing. */
  topologyEnabled?: boolean;
  /** What every member gets, and loses when it leaves. */
  nodeTemplate?: {
    /** Labels of the members. */
    labels?: {
      [k: string]: string;
    };
    /** Annotations of the members. */
    annotations?: {
      [k: string]: string;
    };
    /**
     * Taints of the members.
     *
     * @maxItems 50
     */
    taints?: NodeGroupTaint[];
  };
  /** Who may still change what is protected by hand. Protected is what has the label longshore.io/protected=true. */
  breakGlass?: BreakGlass;
}

export interface NodeGroupNodeStatus {
  /** Name of the edge node. */
  nodeName: string;
  /** Ready, NotReady or Unknown. */
  readyStatus: string;
  /** Succeeded or Failed. */
  selectionStatus: string;
  /** Why the node could not be taken into the group. */
  selectionStatusReason?: string;
}

export interface NodeGroupStatus {
  /** Members, sorted by name. */
  nodeStatuses?: NodeGroupNodeStatus[];
  /** The latest observations, one of each type. */
  conditions?: Condition[];
  /** Counts, for columns and dashboards. */
  summary?: {
    /** Number of nodes. */
    nodes?: number;
    /** Nodes that are Ready. */
    ready?: number;
    /** Nodes that are not. */
    offline?: number;
  };
}

/** A named set of edge nodes, for example one site. */
export interface NodeGroup {
  apiVersion: "apps.kubeedge.io/v1alpha1";
  kind: "NodeGroup";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec: NodeGroupSpec;
  /** What was observed. Written by the system. */
  status?: NodeGroupStatus;
}
