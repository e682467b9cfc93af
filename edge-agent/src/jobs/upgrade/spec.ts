// SPDX-License-Identifier: Apache-2.0
import { upgradeFaults, type UpgradeSpec } from "@longshore/crds/operations";
import type { DigestGate } from "./port.ts";

/** A NodeUpgradeJob's spec that was checked, as far as a node needs it. */
export interface Upgrade {
  readonly image: string;
  readonly version: string;
  readonly gate: DigestGate | undefined;
  readonly requireConfirmation: boolean;
}

/** Checks the spec as if no webhook had. @returns what is wrong with it, for people */
export function specFaults(spec: unknown): readonly string[] {
  if (!isMapping(spec)) return ["the job has no spec"];
  const faults = shapeFaults(spec);
  if (faults.length > 0) return faults;
  return upgradeFaults(spec as UpgradeSpec).map(({ field, message }) => `${field}: ${message}`);
}

/** @param spec one without faults */
export function toUpgrade(spec: unknown, defaultImage: string): Upgrade {
  const given = spec as UpgradeSpec & { readonly requireConfirmation?: boolean };
  return {
    image: (given.image ?? "") === "" ? defaultImage : (given.image ?? ""),
    version: given.version ?? "",
    gate: given.imageDigestGatter,
    requireConfirmation: given.requireConfirmation === true,
  };
}

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === "object" && value !== null && !Array.isArray(value);

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const isText = (value: unknown): boolean => typeof value === "string";
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isNumber = (value: unknown): boolean => typeof value === "number";

const SPEC: Shape = {
  version: isText,
  image: isText,
  nodeNames: isTexts,
  labelSelector: isMapping,
  checkItems: isTexts,
  concurrency: isNumber,
  timeoutSeconds: isNumber,
  failureTolerate: isText,
  requireConfirmation: (value) => typeof value === "boolean",
  imageDigestGatter: isMapping,
};
const GATE: Shape = { value: isText, amd64: isText, arm64: isText, registryAPI: isMapping };
const REGISTRY: Shape = { host: isText, token: isText };

/** What the schema of the CRD says: an order need not have passed it. */
function shapeFaults(spec: Mapping): string[] {
  const gate = isMapping(spec["imageDigestGatter"]) ? spec["imageDigestGatter"] : {};
  const registry = isMapping(gate["registryAPI"]) ? gate["registryAPI"] : {};
  return [
    ...shapeOf("spec", spec, SPEC),
    ...shapeOf("spec.imageDigestGatter", gate, GATE),
    ...shapeOf("spec.imageDigestGatter.registryAPI", registry, REGISTRY),
  ];
}

const shapeOf = (at: string, value: Mapping, shape: Shape): string[] =>
  Object.entries(shape).flatMap(([name, is]) =>
    value[name] === undefined || is(value[name]) ? [] : [`${at}.${name}: is of the wrong type`],
  );
