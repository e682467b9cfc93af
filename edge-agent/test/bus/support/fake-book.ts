// SPDX-License-Identifier: Apache-2.0
import type { BookAnswer, BookEvent, BusDevice, BusTwin, DeviceBook } from "../../../src/bus/port.ts";

/** A book in memory, as a test fills it. */
export class FakeBook implements DeviceBook {
  readonly devices = new Map<string, { description: string; twins: Map<string, BusTwin>; state?: string }>();
  readonly #listeners = new Set<(event: BookEvent) => void>();
  /** What the next report is answered with. */
  verdict: BookAnswer = "taken";
  reports = 0;

  add(device: string, twins: Readonly<Record<string, BusTwin>> = {}): this {
    this.devices.set(device, { description: "", twins: new Map(Object.entries(twins)) });
    return this;
  }
  list(): readonly BusDevice[] {
    return [...this.devices].map(([key, { description }]) => {
      const [namespace = "", name = ""] = key.split("/");
      return { namespace, name, description };
    });
  }
  twins(device: string): ReadonlyMap<string, BusTwin> | undefined {
    return this.devices.get(device)?.twins;
  }
  state(device: string): string | undefined {
    return this.devices.get(device)?.state;
  }
  reportTwins(device: string, asked: Parameters<DeviceBook["reportTwins"]>[1]): BookAnswer {
    const held = this.devices.get(device);
    if (held === undefined) return "unknown device";
    if (this.verdict !== "taken") return this.verdict;
    this.reports++;
    for (const [property, { expected, actual }] of asked) {
      const last = held.twins.get(property);
      const current = { type: "string", ...last, ...(expected && { expected }), ...(actual && { actual }) };
      held.twins.set(property, current);
      this.emit({ kind: "twin", device, property, last, current });
    }
    return "taken";
  }
  reportState(device: string, state: string): BookAnswer {
    const held = this.devices.get(device);
    if (held === undefined) return "unknown device";
    if (!["online", "offline", "ok", "unknown", "unhealthy"].includes(state)) return "invalid";
    held.state = state;
    return "taken";
  }
  subscribe(listener: (event: BookEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  emit(event: BookEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
