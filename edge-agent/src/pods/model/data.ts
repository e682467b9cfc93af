// SPDX-License-Identifier: Apache-2.0
import type { ObjectMeta } from "./pod.ts";

/** A ConfigMap or Secret as it is held: `data` of a Secret is base64. */
export interface DataObject {
  readonly metadata?: ObjectMeta;
  readonly data?: Readonly<Record<string, string>> | null;
  readonly binaryData?: Readonly<Record<string, string>> | null;
}

/** A ConfigMap or Secret by name in the pod's namespace; undefined when it does not exist. */
export interface DataObjects {
  get(kind: "configmap" | "secret", name: string): Promise<DataObject | undefined>;
}
