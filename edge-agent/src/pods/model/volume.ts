// SPDX-License-Identifier: Apache-2.0
import type { FieldRef, ResourceFieldRef } from "./container.ts";

/** The parts of a core/v1 Volume that the engine reads. Names are the API's. */

export interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number | null;
}

export interface DownwardItem {
  readonly path: string;
  readonly fieldRef?: FieldRef;
  readonly resourceFieldRef?: ResourceFieldRef;
  readonly mode?: number | null;
}

export interface ObjectProjection {
  readonly name?: string;
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
}

export interface TokenProjection {
  readonly audience?: string;
  readonly expirationSeconds?: number;
  readonly path: string;
}

export interface ProjectedSource {
  readonly configMap?: ObjectProjection;
  readonly secret?: ObjectProjection;
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[] };
  readonly serviceAccountToken?: TokenProjection;
}

export interface Volume {
  readonly name: string;
  readonly configMap?: ObjectProjection & { readonly defaultMode?: number | null };
  readonly secret?: Omit<ObjectProjection, "name"> & {
    readonly secretName?: string;
    readonly defaultMode?: number | null;
  };
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string | number } | null;
  readonly hostPath?: { readonly path: string; readonly type?: string | null };
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[]; readonly defaultMode?: number | null };
  readonly projected?: {
    readonly sources?: readonly ProjectedSource[] | null;
    readonly defaultMode?: number | null;
  };
}
