// SPDX-License-Identifier: Apache-2.0

/** RFC 3339 in whole seconds, as the API server stores times. */
export const rfc3339 = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
