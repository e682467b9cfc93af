// SPDX-License-Identifier: Apache-2.0
import { defineMapper, type DefinedMapper } from "@longshore/mapper";

/** How fast the room follows its target, a second: 20 % of what is missing. */
const PER_SECOND = 0.2;
const START_DEGREES = 20;

/** One thermometer. Of a real device this would be a connection. */
export interface Room {
  readonly wobble: number;
  degrees: number;
  target: number;
  /** When `degrees` was so. */
  atMs: number;
  writes: number;
}

/** A thermometer that is not there. `temperature` moves towards `target`, and never quite stands still. */
export function createThermometer(nowMs: () => number = () => performance.now()): DefinedMapper<Room> {
  function temperature(room: Room): number {
    const seconds = (nowMs() - room.atMs) / 1000;
    room.atMs = nowMs();
    room.degrees += (room.target - room.degrees) * (1 - (1 - PER_SECOND) ** seconds);
    return Math.round((room.degrees + room.wobble * Math.sin(room.atMs / 1000)) * 100) / 100;
  }
  return defineMapper<Room>({
    protocol: "virtual", // devices with this spec.protocol.protocolName come to us
    name: "thermometer-mapper",
    version: "v1.0.0",
    open: ({ config }) => {
      const wobble = Number(config["wobble"] ?? 0.2);
      return { wobble, degrees: START_DEGREES, target: START_DEGREES, atMs: nowMs(), writes: 0 };
    },
    read: (room, { name }) => (name === "target" ? room.target : temperature(room)),
    write: (room, { name }, value, { log }) => {
      if (name !== "target") throw new Error(`${name} cannot be set`);
      temperature(room); // up to now it moved towards the old target
      room.target = Number(value);
      // A device that tells each write, so that a test can count them. It is new, and at 1 again, when opened again.
      log.info({ target: room.target, write: ++room.writes }, "target set");
    },
  });
}
