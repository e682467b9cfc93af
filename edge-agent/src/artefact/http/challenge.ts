// SPDX-License-Identifier: Apache-2.0

/** How a registry wants to be asked (RFC 9110 11.6.1). */
export type Challenge =
  | { readonly scheme: "basic" }
  | { readonly scheme: "bearer"; readonly realm: string; readonly service: string };

const MAX_CHARS = 4_096;

/** Reads WWW-Authenticate; Bearer goes before Basic. Undefined when there is nothing that we know. */
export function parseChallenge(header: string | undefined): Challenge | undefined {
  const text = (header ?? "").slice(0, MAX_CHARS);
  const bearer = /(?:^|,)\s*bearer\s+(.*)$/i.exec(text)?.[1];
  if (bearer !== undefined) {
    const parameters = new Map(
      [...bearer.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, key = "", value = ""]) => [
        key.toLowerCase(),
        value,
      ]),
    );
    const realm = parameters.get("realm") ?? "";
    return URL.canParse(realm)
      ? { scheme: "bearer", realm, service: parameters.get("service") ?? "" }
      : undefined;
  }
  return /(?:^|,)\s*basic(\s|$)/i.test(text) ? { scheme: "basic" } : undefined;
}
