// SPDX-License-Identifier: Apache-2.0

/** The parts of Kubernetes objects that scripts and end-to-end tests look at, as JSON gives them. */
export interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason?: string;
  readonly message?: string;
  /** RFC 3339, whole seconds */
  readonly lastTransitionTime?: string;
}

export interface NodeObject {
  readonly metadata: Meta;
  readonly spec: { readonly taints?: readonly { readonly key: string; readonly effect: string }[] };
  readonly status: {
    readonly capacity?: Readonly<Record<string, string>>;
    readonly allocatable?: Readonly<Record<string, string>>;
    readonly conditions?: readonly Condition[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: Readonly<Record<string, string>>;
  };
}

export interface ContainerState {
  readonly running?: { readonly startedAt: string };
  readonly waiting?: { readonly reason?: string; readonly message?: string };
  readonly terminated?: { readonly exitCode: number; readonly reason?: string };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly started?: boolean;
  readonly restartCount: number;
  readonly image: string;
  readonly imageID: string;
  readonly containerID?: string;
  readonly state: ContainerState;
  readonly lastState?: ContainerState;
}

export interface PodObject {
  readonly metadata: Meta;
  readonly spec: { readonly nodeName?: string; readonly hostNetwork?: boolean };
  readonly status: {
    readonly phase: string;
    readonly hostIP?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly startTime?: string;
    readonly qosClass?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface SecretObject {
  readonly metadata: Meta;
  readonly data?: Readonly<Record<string, string>>;
}

export interface DeviceObject {
  readonly metadata: Meta;
  readonly spec: { readonly protocol?: { readonly configData?: Readonly<Record<string, unknown>> } };
}

export interface TwinProperty {
  readonly value: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface DeviceStatusObject {
  readonly metadata: Meta & { readonly ownerReferences?: readonly OwnerReference[] };
  readonly status?: {
    readonly twins?: readonly {
      readonly propertyName: string;
      readonly reported?: TwinProperty;
      readonly observedDesired?: TwinProperty;
    }[];
    readonly state?: string;
    readonly lastOnlineTime?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly mapper?: string;
    readonly nodeName?: string;
    readonly protocol?: string;
    readonly conditions?: readonly Condition[];
  };
}

export interface OwnerReference {
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface LeaseObject {
  readonly metadata: Meta;
  readonly spec: {
    readonly holderIdentity?: string;
    readonly renewTime?: string;
    readonly leaseDurationSeconds?: number;
  };
}

export interface KubeconfigView {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
}

export interface ListOf<T> {
  readonly items: readonly T[];
}

/** The condition of a type, if it is there. */
export const conditionOf = (
  object: { status: { conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined => object.status.conditions?.find((condition) => condition.type === type);
