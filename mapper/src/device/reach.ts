// SPDX-License-Identifier: Apache-2.0
import { DEVICE_STATES, type DeviceState } from "../driver.ts";

/** What is known of a device's state: whether it answers, and what it says of itself. */
export interface Reach {
  /** A call succeeded, or there is nothing to ask it. */
  answered(): void;
  /** Its handle was lost, or could not be opened. */
  lost(): void;
  /** What the driver's `state()` returned; anything that is no state is nothing said. */
  readonly said: (state: unknown) => void;
  /** @param isFailing a desired value of it was refused or cannot be written */
  state(isFailing: boolean): DeviceState;
}

/** @param onChange called when it answers again, or no more, or says something else */
export function createReach(onChange: (state: DeviceState) => void): Reach {
  let reach: "unknown" | "online" | "offline" = "unknown";
  let own: DeviceState | undefined;
  function become(next: "online" | "offline"): void {
    if (reach === next) return;
    reach = next;
    own = undefined;
    onChange(next);
  }
  return {
    answered: () => become("online"),
    lost: () => become("offline"),
    said: (state) => {
      become("online");
      const next = DEVICE_STATES.find((known) => known === state);
      if (own === next) return;
      own = next;
      onChange(next ?? reach);
    },
    state: (isFailing) => {
      if (reach !== "online") return reach;
      return own ?? (isFailing ? "unhealthy" : "online");
    },
  };
}
