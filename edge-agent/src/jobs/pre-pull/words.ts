// SPDX-License-Identifier: Apache-2.0
import { REPORT_LIMITS, type NodeTaskReportImage } from "@longshore/crds/tasks";
import type { Login } from "../../images/index.ts";

/** Characters of one image's reason in the reason of the whole step. */
const SHORT_REASON = 300;
const MIN_SECRET_CHARS = 3;

/** Why an image is not there, for people: one line, bounded, and without what was logged in with. */
export function reasonOf(error: unknown, logins: readonly Login[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const secrets = logins
    .flatMap(({ username = "", password = "", identityToken = "" }) => [
      password,
      identityToken,
      Buffer.from(`${username}:${password}`).toString("base64"),
    ])
    .filter((secret) => secret.length >= MIN_SECRET_CHARS);
  const safe = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), message);
  // eslint-disable-next-line no-control-regex -- they are what is taken out
  return safe.replace(/[\x00-\x1f\x7f]+/g, " ").slice(0, REPORT_LIMITS.imageReasonChars);
}

/** Which images are missing and why; undefined when none is. */
export function failureOf(results: readonly NodeTaskReportImage[]): string | undefined {
  const failed = results.filter(({ status }) => status !== "True");
  if (failed.length === 0) return undefined;
  const list = failed.map(({ image = "", reason = "" }) => `${image}: ${reason.slice(0, SHORT_REASON)}`);
  const text = `${failed.length} of ${results.length} images were not pulled: ${list.join("; ")}`;
  return text.slice(0, REPORT_LIMITS.reasonChars);
}

/** What the step is at: a runtime tells nothing of a pull until it has ended. */
export function progressOf(counts: {
  readonly total: number;
  readonly pulled: number;
  readonly failed: number;
  readonly pulling: readonly string[];
}): string {
  const { total, pulled, failed, pulling } = counts;
  const parts = [
    `${pulled} of ${total} images`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(pulling.length > 0 ? [`pulling ${pulling.join(", ")}`] : []),
  ];
  return parts.join(", ").slice(0, REPORT_LIMITS.progressChars);
}
