// SPDX-License-Identifier: Apache-2.0

/** One line of an exposition. */
export interface Point {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly atMs: number | undefined;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([^\s{]+)(?:\{(.*)\})? (\S+)(?: (-?\d+))?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;
const NUMBER = /^(NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]\d+)?)$/;

function labelsIn(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    labels[match[1] ?? ""] = (match[2] ?? "").replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    end = match.index + match[0].length;
  }
  if (end !== text.length) throw new Error(`labels: ${text}`);
  return labels;
}

function pointIn(line: string): Point {
  const [, name = "", labels = "", value = "", at] = SAMPLE.exec(line) ?? [];
  if (!NAME.test(name) || !NUMBER.test(value)) throw new Error(`no sample: ${line}`);
  return {
    name,
    labels: labelsIn(labels),
    value: Number(value),
    atMs: at === undefined ? undefined : Number(at),
  };
}

/**
 * Reads the text format of Prometheus strictly: every family has one HELP and one TYPE before its samples, which
 * stand together, and no series comes twice. @throws {Error} naming the line
 */
export function parseExposition(text: string): readonly Point[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no end");
  const types = new Map<string, string>();
  const series = new Set<string>();
  let family = "";
  return text.split("\n").flatMap((line): Point[] => {
    if (line === "" || line.startsWith("# HELP ")) return [];
    if (line.startsWith("# TYPE ")) {
      const [, , name = "", type = ""] = line.split(" ");
      if (types.has(name)) throw new Error(`type twice: ${line}`);
      types.set((family = name), type);
      return [];
    }
    const point = pointIn(line);
    if (point.name !== family && types.get(family) !== "histogram") throw new Error(`out of place: ${line}`);
    const key = `${point.name}${JSON.stringify(Object.entries(point.labels).sort())}`;
    if (series.has(key)) throw new Error(`twice: ${line}`);
    series.add(key);
    return [point];
  });
}
