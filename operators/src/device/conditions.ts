// SPDX-License-Identifier: Apache-2.0
import { judgeDevice } from "@longshore/crds/devices";
import type { Condition } from "../runtime/index.ts";
import { specOf } from "./facts.ts";
import type { ConditionType, TrimmedDevice, TrimmedModel } from "./transform.ts";

/** What of a node's name is true: `none` when the device names no node. */
export type NodeFact = "edge" | "notEdge" | "missing" | "none";

/** How a device stands at its node. */
export interface Delivery {
  readonly reason: "Acknowledged" | "Pending" | "NodeOffline";
  readonly message: string;
}

/** All that the conditions of a device tell of. */
export interface Observed {
  readonly model: TrimmedModel | undefined;
  readonly node: NodeFact;
  /** undefined when it cannot be told now: the condition stays as it is */
  readonly delivery: Delivery | undefined;
}

/** Conditions to be written, all at once. */
export interface ConditionPlan {
  readonly conditions: readonly Condition[];
  /** Those whose words are new; the others only tell of a newer generation. */
  readonly news: readonly Condition[];
}

interface Words extends Pick<Condition, "status" | "reason" | "message"> {
  readonly type: ConditionType;
}

/**
 * @param now RFC 3339, whole seconds
 * @returns undefined when the device shows all of it already
 */
export function planConditions(
  device: TrimmedDevice,
  observed: Observed,
  now: string,
): ConditionPlan | undefined {
  const generation = device.metadata.generation ?? 0;
  const shown = JSON.parse(device.conditions) as readonly Condition[];
  const all = [accepted(device, observed), modelResolved(device, observed), delivered(observed.delivery)];
  const told = all.filter((words) => words !== undefined);
  const isShown = (words: Words): boolean => isSame(shown, words, generation);
  if (told.every(isShown)) return undefined;
  const conditions = told.map((words) => conditionOf(words, { shown, generation, now }));
  const kept = shown.filter(({ type }) => !told.some((words) => words.type === type));
  return {
    conditions: [...conditions, ...kept],
    news: conditions.filter((next) => !hasWords(shown, next)),
  };
}

const hasWords = (
  shown: readonly Condition[],
  { type, status, reason, message }: Omit<Words, "type"> & { type: string },
): boolean =>
  shown.some(
    (old) => old.type === type && old.status === status && old.reason === reason && old.message === message,
  );

const isSame = (shown: readonly Condition[], words: Words, generation: number): boolean =>
  hasWords(shown, words) &&
  shown.some((old) => old.type === words.type && old.observedGeneration === generation);

function conditionOf(
  words: Words,
  { shown, generation, now }: { shown: readonly Condition[]; generation: number; now: string },
): Condition {
  const old = shown.find(({ type }) => type === words.type);
  return {
    ...words,
    // Without a status subresource the write itself counts as a change of the object: what was observed is the
    // generation that this makes, which is why our own write never asks for another one.
    observedGeneration: generation + 1,
    lastTransitionTime: old?.status === words.status ? old.lastTransitionTime : now,
  };
}

/** No object has a longer name; a Device may name anything, and a condition has a limit. */
const MAX_NAME_CHARS = 253;

function accepted(device: TrimmedDevice, { model, node }: Observed): Words {
  const judgement = judgeDevice(specOf(device.facts), model?.spec);
  const fault = judgement.reason === "Accepted" ? nodeFault(device, node) : judgement;
  const { reason, message } = fault ?? { reason: "Accepted", message: "it fits its model, and its node" };
  return { type: "Accepted", status: fault === undefined ? "True" : "False", reason, message };
}

function nodeFault(
  { nodeName }: TrimmedDevice,
  node: NodeFact,
): { readonly reason: string; readonly message: string } | undefined {
  switch (node) {
    case "edge":
      return undefined;
    case "none":
      return { reason: "NodeNotFound", message: "spec.nodeName names no node" };
    case "missing":
      return {
        reason: "NodeNotFound",
        message: `there is no Node ${JSON.stringify(nodeName.slice(0, MAX_NAME_CHARS))}`,
      };
    case "notEdge":
      return {
        reason: "NodeNotEdge",
        message: `the Node ${nodeName} has no label node-role.kubernetes.io/edge`,
      };
  }
}

function modelResolved({ modelName, metadata }: TrimmedDevice, { model }: Observed): Words {
  const type = "ModelResolved";
  const name = `DeviceModel ${metadata.namespace ?? ""}/${modelName.slice(0, MAX_NAME_CHARS)}`;
  if (model !== undefined) return { type, status: "True", reason: "ModelFound", message: `${name} exists` };
  const message = modelName === "" ? "spec.deviceModelRef names no model" : `${name} does not exist`;
  return { type, status: "False", reason: "ModelNotFound", message };
}

const delivered = (delivery: Delivery | undefined): Words | undefined =>
  delivery && {
    type: "Delivered",
    status: delivery.reason === "Acknowledged" ? "True" : "False",
    ...delivery,
  };
