// SPDX-License-Identifier: Apache-2.0
// What ffmpeg says of itself, read. Pure.

/** The number of frames written, from the last `frame=` of `-progress`; undefined when there is none. */
export function framesOf(report: string): number | undefined {
  const last = [...report.matchAll(/^frame=\s*(\d+)/gm)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}

const MAX_REASON = 200;

/** The last sentence of ffmpeg's errors, short and without credentials. */
export function reasonOf(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "").at(-1) ?? "it said nothing";
  return withoutCredentials(said.replace(/^pipe:0: /, "")).slice(0, MAX_REASON);
}

/** Takes user and password out of every address of a text. */
export const withoutCredentials = (text: string): string => text.replaceAll(/\/\/[^/\s']*@/g, "//");
