// SPDX-License-Identifier: Apache-2.0

/** metadata of an object as the API server returns it, as far as anyone here reads it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** One observation in `status.conditions`, with the fields of metav1.Condition. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** metadata.generation that was observed */
  readonly observedGeneration?: number;
  /** RFC 3339; changes only when `status` does */
  readonly lastTransitionTime: string;
  /** CamelCase, for programs */
  readonly reason: string;
  /** One sentence for people, with the next step if something is wrong */
  readonly message: string;
}
