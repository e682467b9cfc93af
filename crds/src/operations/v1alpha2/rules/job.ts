// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "../../../devices/v1beta1/rules.ts";
import { isSubdomain } from "../../../stream/validate-fields.ts";

/** What the specs of all three jobs have in common. */
export interface JobSpec {
  readonly nodeNames?: readonly string[];
  readonly labelSelector?: object;
  readonly concurrency?: number;
  readonly timeoutSeconds?: number;
  readonly failureTolerate?: string;
  readonly checkItems?: readonly string[];
}

/** Nodes of one job. */
const MAX_NODES = 10_000;
/** Nodes at work at a time; the registry and the operators bear no more. */
const MAX_CONCURRENCY = 1_000;
const DEFAULT_CONCURRENCY = 1;
const DEFAULT_TIMEOUT_SECONDS = 300;
const DEFAULT_SHARE = "0.1";
/** A day. */
const MAX_TIMEOUT_SECONDS = 86_400;
const CHECK_ITEMS = new Set(["cpu", "mem", "disk"]);
const SHARE = /^(0(\.\d{1,9})?|1(\.0{1,9})?)$/;

/** Words of KubeEdge's webhook. */
export const SPEC_IS_FIXED = "spec fields are not allowed to update once it's created";

/** Nodes at work at the same time: KubeEdge takes 0 for 1. */
export const concurrencyOf = ({ concurrency = 0 }: Pick<JobSpec, "concurrency">): number =>
  concurrency > 0 ? concurrency : DEFAULT_CONCURRENCY;

/** Seconds that a node's step may take until it counts as failed: 0 is taken for 300. */
export const timeoutSecondsOf = ({ timeoutSeconds = 0 }: Pick<JobSpec, "timeoutSeconds">): number =>
  timeoutSeconds > 0 ? timeoutSeconds : DEFAULT_TIMEOUT_SECONDS;

/** Which nodes, and numbers that nothing can be done with. @param at the field that holds them, such as `spec` */
export function jobFaults(at: string, spec: JobSpec): RuleViolation[] {
  return [
    ...selectionFaults(at, spec),
    ...negatives(at, spec, ["concurrency", "timeoutSeconds"]),
    ...crowdFaults(at, spec),
  ];
}

function crowdFaults(at: string, { concurrency = 0 }: JobSpec): RuleViolation[] {
  if (concurrency <= MAX_NODES) return [];
  return [
    { field: `${at}.concurrency`, message: `${concurrency} is over ${MAX_NODES}, a job has no more nodes` },
  ];
}

function selectionFaults(at: string, { nodeNames = [], labelSelector }: JobSpec): RuleViolation[] {
  if (nodeNames.length > 0 === (labelSelector !== undefined))
    return [{ field: at, message: "give exactly one of nodeNames and labelSelector" }];
  if (nodeNames.length <= MAX_NODES) return [];
  const message = `${nodeNames.length} are over ${MAX_NODES}; select so many by label`;
  return [{ field: `${at}.nodeNames`, message }];
}

/** KubeEdge reads these as unsigned numbers, and fails over any other. */
export function negatives<T extends object>(
  at: string,
  spec: T,
  names: readonly (keyof T & string)[],
): RuleViolation[] {
  return names.flatMap((name) => {
    const value: unknown = spec[name];
    return typeof value === "number" && value < 0
      ? [{ field: `${at}.${name}`, message: "must not be negative" }]
      : [];
  });
}

/** What KubeEdge takes and does something else with than is meant. */
export function jobHazards(at: string, spec: JobSpec): RuleViolation[] {
  return [
    ...nodeNameHazards(at, spec.nodeNames),
    ...numberHazards(at, spec),
    ...shareHazards(at, spec.failureTolerate),
    ...(spec.checkItems ?? []).flatMap((item, index) =>
      CHECK_ITEMS.has(item)
        ? []
        : [
            {
              field: `${at}.checkItems[${index}]`,
              message: "is none of cpu, mem and disk: nodes fail at Check over it",
            },
          ],
    ),
  ];
}

function nodeNameHazards(at: string, names: readonly string[] = []): RuleViolation[] {
  return names.flatMap((name, index) =>
    isSubdomain(name)
      ? []
      : [{ field: `${at}.nodeNames[${index}]`, message: "no Node can have this name: it counts as failed" }],
  );
}

function numberHazards(at: string, { concurrency = 1, timeoutSeconds }: JobSpec): RuleViolation[] {
  const hazards: RuleViolation[] = [];
  const add = (name: string, message: string): void => void hazards.push({ field: `${at}.${name}`, message });
  if (concurrency === 0) add("concurrency", `0 is taken for ${DEFAULT_CONCURRENCY}`);
  if (concurrency > MAX_CONCURRENCY && concurrency <= MAX_NODES)
    add(
      "concurrency",
      `${concurrency} is over ${MAX_CONCURRENCY}: registries and hubs may not bear so many at once`,
    );
  if (timeoutSeconds === 0) add("timeoutSeconds", `0 is taken for ${DEFAULT_TIMEOUT_SECONDS}`);
  if (timeoutSeconds !== undefined && timeoutSeconds > MAX_TIMEOUT_SECONDS)
    add(
      "timeoutSeconds",
      `${timeoutSeconds} is over ${MAX_TIMEOUT_SECONDS} (a day): a node that is lost holds its slot so long`,
    );
  return hazards;
}

function shareHazards(at: string, failureTolerate = ""): RuleViolation[] {
  return failureTolerate === "" || SHARE.test(failureTolerate)
    ? []
    : [
        {
          field: `${at}.failureTolerate`,
          message: `is no share from 0 to 1, such as 0.1: ${DEFAULT_SHARE} is taken`,
        },
      ];
}
