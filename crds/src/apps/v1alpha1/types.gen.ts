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

export interface EdgeApplicationSpec {
  /** Where to deploy. */
  workloadScope: {
    /** Node groups to deploy to. */
    targetNodeGroups?: EdgeApplicationTargetNodeGroup[];
    /** Sets of nodes to deploy to, by label. */
    targetNodeLabels?: EdgeApplicationTargetNodeLabel[];
  };
  /** Objects to deploy. */
  workloadTemplate?: {
    /** Objects as in kubectl apply. Deployments are copied for each target; the rest exist once. */
    manifests?: {
      [k: string]: unknown;
    }[];
  };
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

export interface NodeGroupSpec {
  /** Nodes with all of these labels belong to the group. Without it, only those in nodes do. */
  matchLabels?: {
    [k: string]: string;
  };
  /** Names of nodes that belong to the group. */
  nodes?: string[];
  /** Whether members get the zone label with the group's name, for topology-aware routing. */
  topologyEnabled?: boolean;
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
