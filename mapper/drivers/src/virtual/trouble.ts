// SPDX-License-Identifier: Apache-2.0
// Trouble on demand, so that a platform can be tested: the same settings for a device and for a property.
import type { CallContext, Clock, ConfigData } from "@longshore/mapper";
import { settingsOf } from "../settings/index.ts";

/** What was asked for with `Fail: true`. */
export class WantedFailure extends Error {
  override readonly name = "WantedFailure";
  readonly code = "WANTED_FAILURE";
}

/** Something goes through it first, and may not come out. */
export type Trouble = (context: Pick<CallContext, "signal">) => Promise<void>;

const HOUR_MS = 3_600_000;
const MAX_EVERY = 1_000_000;

/**
 * `DelayMs` waits, `Hang` waits for ever and does not heed the abort, `Fail` fails, `FailEvery: n` each nth time.
 *
 * @throws {SettingError}
 */
export function troubleOf(config: ConfigData, where: string, clock: Clock): Trouble {
  const settings = settingsOf(config, where);
  const delayMs = settings.integer("DelayMs", { min: 0, max: HOUR_MS, fallback: 0 });
  const isHanging = settings.flag("Hang", false);
  const isFailing = settings.flag("Fail", false);
  const every = settings.integer("FailEvery", { min: 0, max: MAX_EVERY, fallback: 0 });
  let calls = 0;
  return async ({ signal }) => {
    calls++;
    if (isHanging) await new Promise(() => undefined);
    if (delayMs > 0) await pause(clock, delayMs, signal);
    if (isFailing || (every > 0 && calls % every === 0)) {
      throw new WantedFailure(`${where} fails because it was told to`);
    }
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      cancel();
      reject(new Error("given up"));
    };
    const cancel = clock.schedule(ms, () => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
    signal.addEventListener("abort", aborted, { once: true });
  });
}
