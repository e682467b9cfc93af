// SPDX-License-Identifier: Apache-2.0
import { prePullFaults, prePullHazards, type PrePullTemplate } from "@longshore/crds/operations";

/** What the steps use of a job's template. */
export interface PrePull {
  /** Each once. */
  readonly images: readonly string[];
  /** Of one image, the first included. */
  readonly tries: number;
  readonly secret: { readonly namespace: string; readonly name: string } | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const AT = "spec.imagePrePullTemplate";

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === "string";
const isNumber = (value: unknown): boolean => Number.isSafeInteger(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const TYPES: Readonly<Record<keyof PrePullTemplate, readonly [(value: unknown) => boolean, string]>> = {
  images: [isTexts, "a list of texts"],
  checkItems: [isTexts, "a list of texts"],
  nodeNames: [isTexts, "a list of texts"],
  labelSelector: [isObject, "a mapping"],
  imageSecrets: [isText, "a text"],
  failureTolerate: [isText, "a text"],
  retryTimes: [isNumber, "a whole number"],
  concurrency: [isNumber, "a whole number"],
  timeoutSeconds: [isNumber, "a whole number"],
};

/** Of what the admission only warns of, this stops a node: there is nothing to pull, or no bound. */
const STOPS = ["images", "imageSecrets", "retryTimes"].map((name) => `${AT}.${name}`);

/** @returns what is wrong with the spec of an ImagePrePullJob, whoever has let it through */
export function templateFaults(spec: unknown): readonly string[] {
  const template = templateOf(spec);
  if (template === undefined) return [`${AT} is missing`];
  const wrong = Object.entries(TYPES).flatMap(([name, [isRight, wanted]]) => {
    const value = template[name];
    return value === undefined || isRight(value) ? [] : [`${AT}.${name}: must be ${wanted}`];
  });
  if (wrong.length > 0) return wrong;
  const hazards = prePullHazards(template).filter(({ field }) => STOPS.includes(field));
  return [...prePullFaults(template), ...hazards].map(({ field, message }) => `${field}: ${message}`);
}

/** Go writes null for what is empty. */
function templateOf(spec: unknown): Fields | undefined {
  const template = isObject(spec) ? spec["imagePrePullTemplate"] : undefined;
  if (!isObject(template)) return undefined;
  return Object.fromEntries(Object.entries(template).filter(([, value]) => value !== null));
}

/** @param spec one without faults */
export function prePullOf(spec: unknown): PrePull {
  const template = (templateOf(spec) ?? {}) as PrePullTemplate;
  const [namespace = "", name = ""] = (template.imageSecrets ?? "").split("/");
  return {
    images: [...new Set(template.images)],
    tries: (template.retryTimes ?? 0) + 1,
    secret: name === "" ? undefined : { namespace, name },
  };
}
