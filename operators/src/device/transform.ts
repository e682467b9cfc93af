// SPDX-License-Identifier: Apache-2.0
import { objectDigest } from "@longshore/crds";
import { trimmedMeta, type Trimmed } from "../placement/index.ts";
import type { Condition, KubeObject, ObjectMeta } from "../runtime/index.ts";

/** The condition that says whether the model of a device exists. */
export const MODEL_RESOLVED = "ModelResolved";

/** A device, as far as controllers look at it. */
export interface TrimmedDevice extends Trimmed {
  /** "" while it is on no node */
  readonly nodeName: string;
  /** name in the device's namespace, "" when it names none */
  readonly modelName: string;
  /** our condition, as it was written last */
  readonly modelResolved?: Condition;
}

interface Device extends KubeObject {
  readonly spec?: { readonly nodeName?: string; readonly deviceModelRef?: { readonly name?: string } };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export function trimDevice(object: KubeObject): TrimmedDevice {
  const { metadata, spec, status } = object as Device;
  const modelResolved = status?.conditions?.find(({ type }) => type === MODEL_RESOLVED);
  return {
    metadata: lifeOf(metadata),
    digest: objectDigest(object),
    nodeName: spec?.nodeName ?? "",
    modelName: spec?.deviceModelRef?.name ?? "",
    ...(modelResolved === undefined ? {} : { modelResolved }),
  };
}

function lifeOf(metadata: ObjectMeta): ObjectMeta {
  const { generation, deletionTimestamp } = metadata;
  return {
    ...trimmedMeta(metadata),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
}

/** A DeviceStatus, of which only who owns it matters here; what devices report passes by. */
export const trimDeviceStatus = ({ metadata }: KubeObject): KubeObject => ({
  metadata: {
    ...lifeOf(metadata),
    ...(metadata.ownerReferences === undefined ? {} : { ownerReferences: metadata.ownerReferences }),
  },
});
