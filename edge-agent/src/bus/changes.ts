// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import { wireTwin, wireTwins, type Publication } from "./answer.ts";
import type { BookEvent, BusDevice, BusTwin, DeviceBook } from "./port.ts";
import { deviceTopic, membershipTopic } from "./topic.ts";

interface Change {
  readonly last: BusTwin | undefined;
  readonly current: BusTwin;
}

/** What telling of changes needs of the bus. */
export interface ChangesDeps {
  readonly book: DeviceBook;
  readonly node: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly publish: (publication: Publication) => void;
  /** changes of one device within this time are told together, default 50 ms */
  readonly gatherMs?: number;
  /** devices told of at once, default 50: so a thousand devices a second are told of at most */
  readonly maxDevices?: number;
}

const DEFAULTS = { gatherMs: 50, maxDevices: 50 };

const lacks = ({ expected, actual }: BusTwin): boolean =>
  expected !== undefined && expected.value !== actual?.value;

/** Tells MQTT clients what changed in the book: documents and deltas of twins, membership, attributes. */
export class Changes {
  readonly #deps: ChangesDeps & typeof DEFAULTS;
  readonly #waiting = new Map<string, Map<string, Change>>();
  readonly #unsubscribe: () => void;
  #cancel: (() => void) | undefined;

  constructor(deps: ChangesDeps) {
    this.#deps = { ...DEFAULTS, ...deps };
    this.#unsubscribe = deps.book.subscribe((event) => this.#onEvent(event));
  }

  stop(): void {
    this.#unsubscribe();
    this.#cancel?.();
    this.#waiting.clear();
  }

  #onEvent(event: BookEvent): void {
    if (event.kind === "twin") this.#gather(event.device, event.property, event);
    else if (event.kind === "updated") this.#tellUpdated(event.device);
    else this.#tellMembership(event.kind, event.device);
  }

  /** The first "last" and the newest "current" of a property. */
  #gather(device: string, property: string, { last, current }: Change): void {
    const changes = this.#waiting.get(device) ?? new Map<string, Change>();
    this.#waiting.set(device, changes);
    const before = changes.get(property);
    changes.set(property, { last: before === undefined ? last : before.last, current });
    this.#cancel ??= this.#deps.clock.schedule(this.#deps.gatherMs, () => this.#flush());
  }

  #flush(): void {
    this.#cancel = undefined;
    const due = [...this.#waiting].slice(0, this.#deps.maxDevices);
    for (const [device, changes] of due) {
      this.#waiting.delete(device);
      this.#tellTwins(device, changes);
    }
    if (this.#waiting.size > 0)
      this.#cancel = this.#deps.clock.schedule(this.#deps.gatherMs, () => this.#flush());
  }

  #tellTwins(device: string, changes: ReadonlyMap<string, Change>): void {
    const base = `${deviceTopic(device)}/twin/update`;
    const document = [...changes].map(([property, { last, current }]) => [
      property,
      { last: last === undefined ? null : wireTwin(last), current: wireTwin(current) },
    ]);
    this.#publish(`${base}/document`, { twin: Object.fromEntries(document) as object });
    const short = [...changes].filter(([, { current }]) => lacks(current));
    if (short.length === 0) return;
    const twin = wireTwins(new Map(short.map(([property, { current }]) => [property, current])));
    const delta = Object.fromEntries(
      short.map(([property, { current }]) => [property, current.expected?.value]),
    );
    this.#publish(`${base}/delta`, { twin, delta });
  }

  #tellMembership(kind: "added" | "removed", device: string): void {
    this.#waiting.delete(device);
    const member = [memberOf(device, this.#find(device))];
    this.#publish(`${membershipTopic(this.#deps.node)}/updated`, {
      added_devices: kind === "added" ? member : [],
      removed_devices: kind === "removed" ? member : [],
    });
  }

  #tellUpdated(device: string): void {
    const value = this.#find(device)?.description ?? "";
    const attributes = { description: { value, optional: true, metadata: { type: "string" } } };
    this.#publish(`${deviceTopic(device)}/updated`, { attributes });
  }

  #find(device: string): BusDevice | undefined {
    return this.#deps.book.list().find(({ namespace, name }) => `${namespace}/${name}` === device);
  }

  #publish(topic: string, body: object): void {
    const { newId, clock, publish } = this.#deps;
    publish({ topic, payload: JSON.stringify({ event_id: newId(), timestamp: clock.nowMs(), ...body }) });
  }
}

const memberOf = (device: string, found: BusDevice | undefined): object => ({
  id: device,
  name: device.slice(device.indexOf("/") + 1),
  ...(found && found.description !== "" && { description: found.description }),
});
