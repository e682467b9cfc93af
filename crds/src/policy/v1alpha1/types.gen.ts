// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { ObjectMeta } from "../../meta.ts";

export interface ServiceAccountAccessSubject {
  /** Name. */
  name: string;
  /** API group. */
  apiGroup?: string;
  /** Type of this object. */
  kind: string;
  /** Namespace of the object. */
  namespace?: string;
}

export interface ServiceAccountAccessRule {
  /** API groups that the rule covers. */
  apiGroups?: string[];
  /** Paths that the rule covers. */
  nonResourceURLs?: string[];
  /** Names that the rule covers; all without it. */
  resourceNames?: string[];
  /** Resources that the rule covers. */
  resources?: string[];
  /** What is allowed. */
  verbs: string[];
}

export interface ServiceAccountAccessAccessClusterRoleBinding {
  /** The binding. */
  clusterRoleBinding?: {
    /** Version of the schema that this object is written in. */
    apiVersion?: string;
    /** Type of this object. */
    kind?: string;
    /** Metadata. */
    metadata?: {
      /** Name. */
      name?: string;
      /** Annotations. */
      annotations?: {
        [k: string]: string;
      };
      /** Finalizers. */
      finalizers?: string[];
      /** Labels. */
      labels?: {
        [k: string]: string;
      };
      /** Namespace of the object. */
      namespace?: string;
    };
    /** The role. */
    roleRef: {
      /** Name. */
      name: string;
      /** API group. */
      apiGroup: string;
      /** Type of this object. */
      kind: string;
    };
    /** Who is bound. */
    subjects?: ServiceAccountAccessSubject[];
  };
  /** Rules of the role that it binds. */
  rules?: ServiceAccountAccessRule[];
}

export interface ServiceAccountAccessAccessRoleBinding {
  /** The binding. */
  roleBinding?: {
    /** Version of the schema that this object is written in. */
    apiVersion?: string;
    /** Type of this object. */
    kind?: string;
    /** Metadata. */
    metadata?: {
      /** Name. */
      name?: string;
      /** Annotations. */
      annotations?: {
        [k: string]: string;
      };
      /** Finalizers. */
      finalizers?: string[];
      /** Labels. */
      labels?: {
        [k: string]: string;
      };
      /** Namespace of the object. */
      namespace?: string;
    };
    /** The role. */
    roleRef: {
      /** Name. */
      name: string;
      /** API group. */
      apiGroup: string;
      /** Type of this object. */
      kind: string;
    };
    /** Who is bound. */
    subjects?: ServiceAccountAccessSubject[];
  };
  /** Rules of the role that it binds. */
  rules?: ServiceAccountAccessRule[];
}

export interface ServiceAccountAccessImagePullSecret {
  /** Name. */
  name?: string;
}

export interface ServiceAccountAccessSecret {
  /** Name. */
  name: string;
  /** Version of the schema that this object is written in. */
  apiVersion?: string;
  /** Path of the field. */
  fieldPath?: string;
  /** Type of this object. */
  kind?: string;
  /** Namespace of the object. */
  namespace?: string;
  /** Version of the object. */
  resourceVersion?: string;
  /** Uid of the object. */
  uid?: string;
}

export interface ServiceAccountAccessSpec {
  /** ClusterRoleBindings that name the ServiceAccount. */
  accessClusterRoleBinding?: ServiceAccountAccessAccessClusterRoleBinding[];
  /** RoleBindings that name the ServiceAccount. */
  accessRoleBinding?: ServiceAccountAccessAccessRoleBinding[];
  /** The ServiceAccount. */
  serviceAccount?: {
    /** Version of the schema that this object is written in. */
    apiVersion?: string;
    /** Whether pods get a token. */
    automountServiceAccountToken?: boolean;
    /** Secrets with registry credentials. */
    imagePullSecrets?: ServiceAccountAccessImagePullSecret[];
    /** Type of this object. */
    kind?: string;
    /** Metadata. */
    metadata?: {
      /** Name. */
      name?: string;
      /** Annotations. */
      annotations?: {
        [k: string]: string;
      };
      /** Finalizers. */
      finalizers?: string[];
      /** Labels. */
      labels?: {
        [k: string]: string;
      };
      /** Namespace of the object. */
      namespace?: string;
    };
    /** Secrets of the ServiceAccount. */
    secrets?: ServiceAccountAccessSecret[];
  };
  /** Uid of the ServiceAccount. */
  serviceAccountUid?: string;
}

export interface ServiceAccountAccessStatus {
  /** Nodes that need this. */
  nodeList?: string[];
  /** Counts, for columns and dashboards. */
  summary?: {
    /** Number of nodes. */
    nodes?: number;
  };
}

/** What a ServiceAccount used by pods at the edge may do, so that nodes can authorise it offline. */
export interface ServiceAccountAccess {
  apiVersion: "policy.kubeedge.io/v1alpha1";
  kind: "ServiceAccountAccess";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec: ServiceAccountAccessSpec;
  /** What was observed. Written by the system. */
  status?: ServiceAccountAccessStatus;
}
