// SPDX-License-Identifier: Apache-2.0
import type { Driver } from "@longshore/mapper";

/** How fast the room follows its target, a second: 20 % of what is missing. */
const PER_SECOND = 0.2;
const START_DEGREES = 20;

/**
 * A thermometer that is not there. `temperature` moves towards `target`, and never quite stands still. Of a real
 * device you would keep a connection in `open` and ask it in `read`.
 */
export function createThermometerDriver(nowMs: () => number = () => performance.now()): Driver {
  return {
    open: (device) => {
      const wobble = Number(device.config["wobble"] ?? 0.2);
      let target = START_DEGREES;
      let degrees = START_DEGREES;
      let atMs = nowMs();
      let writes = 0;

      function temperature(): number {
        const seconds = (nowMs() - atMs) / 1000;
        atMs = nowMs();
        degrees += (target - degrees) * (1 - (1 - PER_SECOND) ** seconds);
        return Math.round((degrees + wobble * Math.sin(atMs / 1000)) * 100) / 100;
      }

      return {
        read: (property) => (property.name === "target" ? target : temperature()),
        write: (property, value, { log }) => {
          if (property.name !== "target") throw new Error(`${property.name} cannot be set`);
          temperature(); // up to now it moved towards the old target
          target = Number(value);
          // A device that tells each write, so that a test can count them. It is new, and at 1 again, when opened again.
          log.info({ target, write: ++writes }, "target set");
        },
      };
    },
  };
}
