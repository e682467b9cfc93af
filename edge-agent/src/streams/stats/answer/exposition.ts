// SPDX-License-Identifier: Apache-2.0

/** What the text format of Prometheus calls itself. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** when it was taken; undefined: when it is read */
  readonly atMs?: number | undefined;
}

/** Samples of one name. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };
const escaped = (value: string): string => value.replace(/[\\"\n]/g, (c) => ESCAPES[c] ?? c);

function line(name: string, { labels, value, atMs }: Sample): string {
  const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escaped(label)}"`);
  const braced = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
  return `${name}${braced} ${value}${atMs === undefined ? "" : ` ${Math.trunc(atMs)}`}\n`;
}

/** Writes families that have samples, in their order. */
export const expose = (families: readonly Family[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .map(
      ({ name, type, help, samples }) =>
        `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map((s) => line(name, s)).join("")}`,
    )
    .join("");
