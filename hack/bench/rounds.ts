// SPDX-License-Identifier: Apache-2.0

let last = 0;

/** Number of the next round of changes, above all that was ever marked into the objects of this environment. */
export function nextRound(): number {
  last = Math.max(last + 1, Date.now());
  return last;
}
