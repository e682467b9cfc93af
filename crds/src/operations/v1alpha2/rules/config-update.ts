// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "../../../devices/v1beta1/rules.ts";
import { jobFaults, jobHazards, type JobSpec } from "./job.ts";

export interface ConfigSpec extends JobSpec {
  readonly updateFields?: Readonly<Record<string, string>>;
}

const AT = "spec.updateFields";
/** Fields of one job. */
const MAX_FIELDS = 500;
const MAX_KEY_CHARS = 512;
const MAX_VALUE_CHARS = 4_096;
/** Characters of a key that are told. */
const SHOWN_CHARS = 64;

/**
 * Paths into the agent's configuration, of KubeEdge's parts and ours: `modules.edged.rootDirectory`, `a.list[0]`, and
 * `\.` for a dot that is part of a name. Neither `=` nor `,`: they would set other fields.
 */
const KEY = /^(modules|database|featureGates|longshore)([.]([\w/-]|\\[.])+|[[]\d{1,3}[\]])+$/;
/** KubeEdge's agents hand all fields to a command, joined by commas; older ones through a shell (CVE-2026-62182). */
// eslint-disable-next-line no-control-regex -- those are what is refused
const VALUE = /^[^,;|&$`<>\x00-\x1f\x7f]*$/;
const SECRET = /(?:password|passwd|secret|token)$/i;

/** A field that may be set, by its path alone. */
export const isConfigKey = (key: string): boolean => key.length <= MAX_KEY_CHARS && KEY.test(key);

/** A value that sets one field and nothing else, whatever reads it. */
export const isConfigValue = (value: string): boolean => value.length <= MAX_VALUE_CHARS && VALUE.test(value);

export function configFaults(spec: ConfigSpec): RuleViolation[] {
  const fields = Object.entries(spec.updateFields ?? {});
  return [
    ...(fields.length > MAX_FIELDS
      ? [{ field: AT, message: `${fields.length} are over ${MAX_FIELDS}` }]
      : fields.flatMap(([key, value]) => fieldFaults(key, value))),
    ...jobFaults("spec", spec),
  ];
}

function fieldFaults(key: string, value: string): RuleViolation[] {
  const field = `${AT}[${JSON.stringify(key.slice(0, SHOWN_CHARS))}]`;
  if (!isConfigKey(key))
    return [{ field, message: "invalid field, give a path such as modules.edgeStream.enable" }];
  // The value is not repeated: it may be a secret.
  return isConfigValue(value)
    ? []
    : [{ field, message: "invalid value, it must not hold any of , ; | & $ ` < > nor control characters" }];
}

export function configHazards(spec: ConfigSpec): RuleViolation[] {
  const keys = Object.keys(spec.updateFields ?? {});
  const secrets = keys.filter((key) => SECRET.test(key)).slice(0, MAX_FIELDS);
  return [
    ...(keys.length === 0 ? [{ field: AT, message: "missing: there is nothing to change" }] : []),
    ...secrets.map((key) => ({
      field: `${AT}[${JSON.stringify(key.slice(0, SHOWN_CHARS))}]`,
      message: "whoever reads jobs reads this secret",
    })),
    ...jobHazards("spec", spec),
  ];
}
