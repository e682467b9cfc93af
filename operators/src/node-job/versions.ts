// SPDX-License-Identifier: Apache-2.0
import type { Dialect } from "@longshore/crds/tasks";
import type { Job } from "./port.ts";

/** [T] wire.md 13: jobs are v1alpha2 from 1.21 on. */
const FIRST_NEW = [1, 21] as const;
/** Before, edges take another message, and answer it by HTTP. */
const FIRST_OLD = [1, 16] as const;

/** @returns undefined where the text is no version: then it is ours, or built by hand */
function versionOf(text: string): readonly [number, number] | undefined {
  const [, major, minor] = /^v?(\d{1,4})\.(\d{1,4})(?:\D|$)/.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor)];
}

const isBefore = ([a, b]: readonly [number, number], [c, d]: readonly [number, number]): boolean =>
  a < c || (a === c && b < d);

/** How a node of this version is ordered a job; a text says why it cannot be, and what to do. */
export function dialectFor(
  { kind, asksRegistry }: Pick<Job, "kind" | "asksRegistry">,
  edgeVersion: string,
): { dialect: Dialect } | { refusal: string } {
  const version = versionOf(edgeVersion);
  if (version === undefined || !isBefore(version, FIRST_NEW)) return { dialect: "v1alpha2" };
  if (kind === "ConfigUpdateJob")
    return {
      refusal: `the node runs ${edgeVersion}, which knows no ConfigUpdateJob: upgrade it to v1.21.0 or later first`,
    };
  if (isBefore(version, FIRST_OLD))
    return {
      refusal: `the node runs ${edgeVersion}, which takes no jobs of this kind: upgrade it by hand (keadm upgrade) to v1.16.0 or later first`,
    };
  if (asksRegistry === true)
    return {
      refusal: `the node runs ${edgeVersion}, which cannot ask a registry for the digest: give imageDigestGatter.amd64 or arm64 in another job`,
    };
  return { dialect: "v1alpha1" };
}
