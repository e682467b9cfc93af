// SPDX-License-Identifier: Apache-2.0
import type { Section } from "./fields.ts";

const shown = (value: unknown): string => (value === "" ? "" : `\`${JSON.stringify(value)}\``);

/** The reference of all settings as a Markdown table. Durations are shown in milliseconds. */
export function configTable(schema: Section): string {
  const rows = (section: Section, path: string): string[] =>
    Object.entries(section.fields).flatMap(([key, member]) =>
      member.kind === "section"
        ? rows(member, `${path}${key}.`)
        : [`| \`${path}${key}\` | ${shown(member.fallback)} | ${member.doc} |`],
    );
  return ["| key | default | meaning |", "|---|---|---|", ...rows(schema, ""), ""].join("\n");
}

/** Keys of KubeEdge that are accepted and not used, one path each. */
export function ignoredKeys(schema: Section, path = ""): string[] {
  const own = schema.ignored.map((key) => path + key);
  const inner = Object.entries(schema.fields).flatMap(([key, member]) =>
    member.kind === "section" ? ignoredKeys(member, `${path}${key}.`) : [],
  );
  return [...own, ...inner];
}
