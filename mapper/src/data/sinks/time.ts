// SPDX-License-Identifier: Apache-2.0

/** `2023-11-14 22:13:20`, in UTC. */
export const secondsOf = (atMs: number): string => millisecondsOf(atMs).slice(0, 19);

/** `2023-11-14 22:13:20.123`, in UTC. */
export const millisecondsOf = (atMs: number): string =>
  new Date(atMs).toISOString().slice(0, 23).replace("T", " ");
