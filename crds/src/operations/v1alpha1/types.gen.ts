// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { Condition, ObjectMeta } from "../../meta.ts";

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

export interface ImagePrePullJobSpec {
  /** What to pull, and where. */
  imagePrePullTemplate?: {
    /** What each node checks first: cpu, mem, disk. It fails where more than 80 % is in use. */
    checkItems?: string[];
    /** Nodes at work at the same time, in the whole cluster. 0 counts as 1. */
    concurrency?: number;
    /** Share of nodes that may fail, from 0 to 1, rounded to two decimals. Above it no further node begins. */
    failureTolerate?: string;
    /** Secret with registry credentials, as namespace/name. */
    imageSecrets?: string;
    /** Images to pull. One that is there under this name is not pulled again. */
    images?: string[];
    /** Nodes by label. Give either this or nodeNames. */
    labelSelector?: LabelSelector;
    /** Nodes by name. Give either this or labelSelector. */
    nodeNames?: string[];
    /** How often the pull of an image that failed is repeated. */
    retryTimes?: number;
    /** Seconds that each step of a node may take; one that takes longer is Unknown, which counts as failed. 0 counts as 300. */
    timeoutSeconds?: number;
  };
}

export interface ImagePrePullJobImageStatus {
  /** Name of the image. */
  image?: string;
  /** Why it failed. */
  reason?: string;
  /** Result in the words of v1alpha1. */
  state?: string;
}

export interface ImagePrePullJobStatusStatus {
  /** Result of each image. */
  imageStatus?: ImagePrePullJobImageStatus[];
  /** State of the node. */
  nodeStatus?: {
    /** Word of v1alpha1, kept for old clients. */
    action?: string;
    /** Word of v1alpha1, kept for old clients. */
    event?: string;
    /** Name of the edge node. */
    nodeName?: string;
    /** Why, in words. */
    reason?: string;
    /** Word of v1alpha1, kept for old clients. */
    state?: string;
    /** Time of the last change, kept for old clients. */
    time?: string;
  };
}

export interface ImagePrePullJobStatus {
  /** Word of v1alpha1, kept for old clients. */
  action?: string;
  /** Word of v1alpha1, kept for old clients. */
  event?: string;
  /** Why, in words. */
  reason?: string;
  /** Word of v1alpha1, kept for old clients. */
  state?: string;
  /** Progress of each node in the words of v1alpha1. */
  status?: ImagePrePullJobStatusStatus[];
  /** Time of the last change, kept for old clients. */
  time?: string;
  /** The latest observations, one of each type. */
  conditions?: Condition[];
  /** Counts, for columns and dashboards. */
  summary?: {
    /** Number of images. */
    images?: number;
    /** Number of nodes. */
    total?: number;
    /** Nodes that succeeded. */
    done?: number;
    /** Nodes that failed. */
    failed?: number;
    /** Nodes at work. */
    running?: number;
    [k: string]: unknown;
  };
  /** Version of the job when it was accepted: later jobs have greater ones. */
  sequence?: string;
  [k: string]: unknown;
}

/** Pulls images onto edge nodes before they are needed. */
export interface ImagePrePullJob {
  apiVersion: "operations.kubeedge.io/v1alpha1";
  kind: "ImagePrePullJob";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec: ImagePrePullJobSpec;
  /** What was observed. Written by the system. */
  status?: ImagePrePullJobStatus;
}

export interface NodeUpgradeJobSpec {
  /** What each node checks first: cpu, mem, disk. It fails where more than 80 % is in use. */
  checkItems?: string[];
  /** Nodes at work at the same time, in the whole cluster. 0 counts as 1. */
  concurrency?: number;
  /** Share of nodes that may fail, from 0 to 1, rounded to two decimals. Above it no further node begins. */
  failureTolerate?: string;
  /** Repository of the package, without tag: that is the version. Left out: kubeedge/installation-package. */
  image?: string;
  /** Digests that the package must have, such as sha256:…, by processor or one for all. */
  imageDigestGatter?: {
    /** Registry to ask for the digest. */
    registryAPI?: {
      /** Address of the registry. */
      host: string;
      /** Token for the registry. */
      token: string;
    };
    /** Digest. */
    value?: string;
    /** Digest on amd64. */
    amd64?: string;
    /** Digest on arm64. */
    arm64?: string;
  };
  /** Nodes by label. Give either this or nodeNames. */
  labelSelector?: LabelSelector;
  /** Nodes by name. Give either this or labelSelector. */
  nodeNames?: string[];
  /** Whether each node waits for a confirmation before it upgrades. */
  requireConfirmation?: boolean;
  /** Seconds that each step of a node may take; one that takes longer is Unknown, which counts as failed. 0 counts as 300. */
  timeoutSeconds?: number;
  /** Version to bring nodes to, for example v1.23.0. */
  version?: string;
}

export interface NodeUpgradeJobNodeStatus {
  /** Word of v1alpha1, kept for old clients. */
  action?: string;
  /** Word of v1alpha1, kept for old clients. */
  event?: string;
  /** Name of the node. */
  nodeName?: string;
  /** Why, in words. */
  reason?: string;
  /** Word of v1alpha1, kept for old clients. */
  state?: string;
  /** Time of the last change, kept for old clients. */
  time?: string;
  [k: string]: unknown;
}

export interface NodeUpgradeJobStatus {
  /** Word of v1alpha1, kept for old clients. */
  action?: string;
  /** Version after the job. */
  currentVersion?: string;
  /** Word of v1alpha1, kept for old clients. */
  event?: string;
  /** Version before the job. */
  historicVersion?: string;
  /** Progress of each node. */
  nodeStatus?: NodeUpgradeJobNodeStatus[];
  /** Why, in words. */
  reason?: string;
  /** Word of v1alpha1, kept for old clients. */
  state?: string;
  /** Time of the last change, kept for old clients. */
  time?: string;
  /** The latest observations, one of each type. */
  conditions?: Condition[];
  /** Counts, for columns and dashboards. */
  summary?: {
    /** Number of nodes. */
    total?: number;
    /** Nodes that succeeded. */
    done?: number;
    /** Nodes that failed. */
    failed?: number;
    /** Nodes at work. */
    running?: number;
    [k: string]: unknown;
  };
  /** Version of the job when it was accepted: later jobs have greater ones. */
  sequence?: string;
  [k: string]: unknown;
}

/** Brings edge nodes to one version of the agent, a few at a time. */
export interface NodeUpgradeJob {
  apiVersion: "operations.kubeedge.io/v1alpha1";
  kind: "NodeUpgradeJob";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: NodeUpgradeJobSpec;
  /** What was observed. Written by the system. */
  status?: NodeUpgradeJobStatus;
}
