// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";

/** Polls an assertion until it holds; its last error is the test's. */
export async function eventually(assertion: () => void | Promise<void>, withinMs = 30_000): Promise<void> {
  const endsAtMs = Date.now() + withinMs;
  for (;;) {
    try {
      await assertion();
      return;
    } catch (error) {
      if (Date.now() > endsAtMs) throw error;
      await sleep(20);
    }
  }
}
