// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "./rules.ts";

/** Settings below this are not looked at; what is nested deeper is a violation of its own. */
const MAX_DEPTH = 32;
const SHOWN_KEY_CHARS = 64;
/** How the names of secrets end, in small letters without `-` and `_`. `passwordFile` and `secretRef` do not. */
const SECRET_KEY = /(?:password|passwd|pwd|passphrase|secret|token|apikey|accesskey|secretkey|privatekey)$/;
/** KubeEdge's camera mapper takes the path of a file for a password. */
const FILE_PATH = /^\/[\w.-]+(?:\/[\w.-]+)*$/;
/** `scheme://user:password@host` */
const URL_WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/@\s:]*:[^/@\s]+@/i;
/** An address without a scheme: `user:password@tcp(host:3306)`. In other settings this may be anything. */
const ADDRESS_KEY = /^(?:addr|address|host|hostname|url)$/i;
const ADDRESS_WITH_PASSWORD = /^[^/@\s:]*:[^/@\s]+@/;
const QUERY_WITH_SECRET = /[?&](?:password|passwd|pwd|secret|token|api_?key|access_token)=[^&]/i;

const IN_THE_OPEN =
  "a secret in the open: name a Secret in a secretRef, and give it to the mapper by file or environment";

/**
 * Where settings hold a password, token or key as text: by the name of the setting, or inside of an address. The
 * secret itself is in no message.
 */
export function inlineSecrets(field: string, settings: unknown, depth = 1): RuleViolation[] {
  if (typeof settings !== "object" || settings === null || depth > MAX_DEPTH) return [];
  return Object.entries(settings).flatMap(([key, value]: [string, unknown]) => {
    const at = Array.isArray(settings) ? `${field}[${key}]` : `${field}.${key.slice(0, SHOWN_KEY_CHARS)}`;
    if (typeof value === "object") return inlineSecrets(at, value, depth + 1);
    return isSecret(key, value) ? [{ field: at, message: IN_THE_OPEN }] : [];
  });
}

function isSecret(key: string, value: unknown): boolean {
  if (typeof value === "string" && hasSecretInside(key, value)) return true;
  if (!SECRET_KEY.test(key.slice(-SHOWN_KEY_CHARS).toLowerCase().replace(/[-_]/g, ""))) return false;
  return typeof value === "number" || (typeof value === "string" && value !== "" && !FILE_PATH.test(value));
}

const hasSecretInside = (key: string, text: string): boolean =>
  URL_WITH_PASSWORD.test(text) ||
  (ADDRESS_KEY.test(key) && ADDRESS_WITH_PASSWORD.test(text)) ||
  QUERY_WITH_SECRET.test(text);
