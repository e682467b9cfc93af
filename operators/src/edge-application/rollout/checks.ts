// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationCheck, EdgeApplicationRolloutCheck } from "@longshore/crds/apps";
import type { Policy } from "./policy.ts";
import type { Measured } from "./port.ts";

const COMPARE: Readonly<
  Record<EdgeApplicationCheck["operator"], (value: number, threshold: number) => boolean>
> = {
  "<": (value, threshold) => value < threshold,
  "<=": (value, threshold) => value <= threshold,
  ">": (value, threshold) => value > threshold,
  ">=": (value, threshold) => value >= threshold,
  "==": (value, threshold) => value === threshold,
  "!=": (value, threshold) => value !== threshold,
};

/** Whether a value is as it has to be. NaN never is. */
export const holds = ({ operator, threshold }: EdgeApplicationCheck, value: number): boolean =>
  !Number.isNaN(value) && COMPARE[operator](value, Number(threshold));

/** The check's row after one more measurement. One that gave no number neither counts nor breaks a row. */
export function judged(
  check: EdgeApplicationCheck,
  before: EdgeApplicationRolloutCheck | undefined,
  { measured, now }: { readonly measured: Measured; readonly now: string },
): EdgeApplicationRolloutCheck {
  const { passed = 0, failed = 0 } = before ?? {};
  if ("error" in measured) {
    const { value, time } = before ?? {};
    const kept = { ...(value !== undefined && { value }), ...(time !== undefined && { time }) };
    return { name: check.name, ...kept, passed, failed, message: measured.error.slice(0, 1024) };
  }
  const row = { name: check.name, value: String(measured.value), time: now };
  return holds(check, measured.value)
    ? { ...row, passed: passed + 1, failed: 0 }
    : { ...row, passed: 0, failed: failed + 1 };
}

export type Verdict =
  { readonly kind: "passed" | "going" } | { readonly kind: "failed" | "silent"; readonly message: string };

/** What the rows say. @param silentMs how long a check gives no number, by name */
export function verdictOf(
  policy: Pick<Policy, "checks" | "successes" | "failures" | "checkTimeoutMs">,
  rows: ReadonlyMap<string, EdgeApplicationRolloutCheck>,
  silentMs: (row: EdgeApplicationRolloutCheck | undefined) => number,
): Verdict {
  for (const check of policy.checks) {
    const row = rows.get(check.name);
    if (row !== undefined && (row.failed ?? 0) >= policy.failures)
      return { kind: "failed", message: failureOf(check, row) };
  }
  for (const check of policy.checks) {
    const row = rows.get(check.name);
    if (row?.message !== undefined && silentMs(row) >= policy.checkTimeoutMs)
      return { kind: "silent", message: `check ${check.name} gives no number: ${row.message}` };
  }
  const isPassed = policy.checks.every(({ name }) => (rows.get(name)?.passed ?? 0) >= policy.successes);
  return { kind: isPassed ? "passed" : "going" };
}

const failureOf = (
  { name, operator, threshold }: EdgeApplicationCheck,
  { value = "" }: EdgeApplicationRolloutCheck,
): string => `check ${name}: measured ${value}, wanted ${operator} ${threshold}`;
