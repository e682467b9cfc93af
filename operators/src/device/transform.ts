// SPDX-License-Identifier: Apache-2.0
import { objectDigest } from "@longshore/crds";
import type { DeviceModelSpec, DeviceSpec } from "@longshore/crds/devices";
import { trimmedMeta, trimObject, type Trimmed } from "../placement/index.ts";
import type { Condition, KubeObject, ObjectMeta } from "../runtime/index.ts";
import { factsOf, modelFacts } from "./facts.ts";

/** Types of the conditions that are kept on a Device. */
export const CONDITION_TYPES = ["Accepted", "ModelResolved", "Delivered"] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

/** A device, as far as controllers look at it. */
export interface TrimmedDevice extends Trimmed {
  /** "" while it is on no node */
  readonly nodeName: string;
  /** name in the device's namespace, "" when it names none */
  readonly modelName: string;
  /** what it is judged by, see `facts.ts` */
  readonly facts: string;
  /** our conditions as they were written last, as the text of a list: three objects a device would be too many */
  readonly conditions: string;
}

/** A model, with what devices are judged by. */
export interface TrimmedModel extends Trimmed {
  readonly spec: DeviceModelSpec;
}

interface Device extends KubeObject {
  readonly spec?: DeviceSpec;
  readonly status?: { readonly conditions?: readonly Condition[] };
}

export function trimDevice(object: KubeObject): TrimmedDevice {
  const { metadata, spec = {}, status } = object as Device;
  const ours = status?.conditions?.filter(({ type }) =>
    (CONDITION_TYPES as readonly string[]).includes(type),
  );
  return {
    metadata: lifeOf(metadata),
    digest: objectDigest(object),
    nodeName: spec.nodeName ?? "",
    modelName: spec.deviceModelRef?.name ?? "",
    facts: factsOf(spec),
    conditions: JSON.stringify(ours ?? []),
  };
}

export function trimModel(object: KubeObject): TrimmedModel {
  const { spec = {} } = object as { readonly spec?: DeviceModelSpec };
  return { ...trimObject(object), spec: modelFacts(spec) };
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
