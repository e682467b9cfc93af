// SPDX-License-Identifier: Apache-2.0
import { settings, type Config, type Setting } from "./schema.ts";

const defaultOf = ({ field }: Setting): string => field.show(field.default);

/** Markdown table of all settings. */
export function configDocs(): string {
  const rows = settings.map(
    (s) =>
      `| \`${s.key}\` | \`${s.flag}\` | \`${s.variable}\` | ${s.field.type} | ${code(defaultOf(s))} | ${s.field.doc} |`,
  );
  return [
    "| key | flag | variable | value | default | meaning |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

const code = (value: string): string => (value === "" ? "" : `\`${value}\``);

/** What `--help` prints. */
export function configHelp(): string {
  const width = Math.max(...settings.map(({ flag }) => flag.length));
  const rows = settings.map((s) => {
    const fallback = defaultOf(s);
    return `  ${s.flag.padEnd(width)}  ${s.field.doc} [${s.field.type}${fallback === "" ? "" : `, default ${fallback}`}]`;
  });
  return [
    "Longshore's controllers and hub.",
    "",
    `  ${"--config".padEnd(width)}  YAML file with these settings as keys, for example hub.tunnelPort.`,
    ...rows,
    "",
    "A flag wins over its LONGSHORE_ variable, that over the file, that over the default.",
    "",
  ].join("\n");
}

/** The effective configuration by key, for the log, without secrets. */
export function shownConfig(config: Config): Record<string, string> {
  return Object.fromEntries(settings.map((s) => [s.key, s.field.show(valueAt(config, s.path))]));
}

function valueAt(config: Config, path: readonly string[]): unknown {
  let at: unknown = config;
  for (const part of path) at = (at as Record<string, unknown>)[part];
  return at;
}
