// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";
import type { BookAnswer, BookEvent, BusDevice, BusTwin, BusValue, DeviceBook } from "../bus/port.ts";
import type { Clock } from "../clock.ts";
import type { DesiredEvent, DesiredStore, StoredObject } from "../store/port.ts";
import { deviceKey, propertyNames } from "./model.ts";
import type { Sample } from "./to-cloud/newest.ts";
import type { Reporter } from "./to-cloud/reporter.ts";
import { modelType } from "./to-cloud/reports.ts";
import { isDeviceState } from "./verdict.ts";
import type { TwinReport } from "./to-cloud/twins.ts";

/** What the book stands on. */
export interface BookDeps {
  readonly store: DesiredStore;
  readonly reporter: Pick<Reporter, "twins" | "state" | "held" | "stateOf" | "subscribe">;
  readonly clock: Pick<Clock, "nowMs">;
  /** characters of one value, as in reports of mappers */
  readonly maxValueChars: number;
}

/** What is told of a device to those who listen. */
interface Told {
  readonly uid: string;
  readonly description: string;
  readonly twins: Map<string, BusTwin>;
}

interface Wanted {
  readonly value: string;
  readonly sinceMs: number;
}

/** An expected value that was set here, and what it was set beside: it counts no longer than that does. */
interface Local extends BusValue {
  readonly uid: string;
  readonly wanted: string;
}

type Asked = ReadonlyMap<string, { readonly expected?: BusValue; readonly actual?: BusValue }>;

const descriptionOf = (device: Device): string => device.metadata.labels?.["description"] ?? "";

const isSame = (a: BusTwin | undefined, b: BusTwin): boolean =>
  a !== undefined &&
  a.type === b.type &&
  a.expected?.value === b.expected?.value &&
  a.actual?.value === b.actual?.value;

const sampleOf = (given: BusValue | undefined): Sample | undefined =>
  given && { value: given.value, timestampMs: given.timestampMs, isStamped: given.isStamped ?? false };

const valueOf = (held: Sample | undefined): BusValue | undefined =>
  held && { value: held.value, timestampMs: held.timestampMs };

/** "" where the Device asks for nothing. */
const desiredOf = ({ value }: StoredObject, property: string): string =>
  (value as Device).spec?.properties?.find(({ name }) => name === property)?.desired?.value ?? "";

function withExpected(
  before: ReadonlyMap<string, Local> | undefined,
  asked: Asked,
  object: StoredObject,
): Map<string, Local> {
  const after = new Map([...(before ?? [])].filter(([, { uid }]) => uid === object.uid));
  for (const [name, { expected }] of asked)
    if (expected !== undefined)
      after.set(name, { ...expected, uid: object.uid, wanted: desiredOf(object, name) });
  return after;
}

/** The desired values of a Device, each since when it is the same. */
function wantedOf(
  device: Device,
  before: ReadonlyMap<string, Wanted> | undefined,
  nowMs: number,
): Map<string, Wanted> {
  const properties = device.spec?.properties ?? [];
  const values = properties.map(({ name = "", desired }) => [name, desired?.value ?? ""] as const);
  return new Map(
    values
      .filter(([, value]) => value !== "")
      .map(([name, value]) => {
        const known = before?.get(name);
        return [name, known?.value === value ? known : { value, sinceMs: nowMs }];
      }),
  );
}

/**
 * The devices of this node as the event bus sees them: what the store wants of them, and what was reported of them.
 *
 * The expected value of a property is what was last asked for: the desired value of the Device, or one that was set
 * here since; where nobody asked, what its mapper says that it observed. Nothing is followed before somebody listens.
 */
export class Book implements DeviceBook {
  readonly #deps: BookDeps;
  readonly #listeners = new Set<(event: BookEvent) => void>();
  /** expected values that were set here, until the Device says another */
  readonly #local = new Map<string, Map<string, Local>>();
  /** desired values of the Device and since when they are known */
  readonly #wanted = new Map<string, Map<string, Wanted>>();
  readonly #told = new Map<string, Told>();
  #stops: readonly (() => void)[] = [];

  constructor(deps: BookDeps) {
    this.#deps = deps;
  }

  list(): readonly BusDevice[] {
    return this.#deps.store.list("device").map(({ namespace, name, value }) => ({
      namespace,
      name,
      description: descriptionOf(value as Device),
    }));
  }

  twins(device: string): ReadonlyMap<string, BusTwin> | undefined {
    const object = this.#find(device);
    if (object === undefined) return undefined;
    const names = [...propertyNames(object.value as Device)];
    return new Map(names.map((name) => [name, this.#twin(device, object, name)]));
  }

  state(device: string): string | undefined {
    return this.#find(device) && this.#deps.reporter.stateOf(device);
  }

  reportTwins(device: string, asked: Asked): BookAnswer {
    const object = this.#find(device);
    if (object === undefined) return "unknown device";
    const names = propertyNames(object.value as Device);
    if ([...asked.keys()].some((name) => !names.has(name))) return "unknown property";
    const values = [...asked.values()].flatMap(({ expected, actual }) => [expected, actual]);
    if (values.some((given) => (given?.value.length ?? 0) > this.#deps.maxValueChars)) return "invalid";
    const before = this.#local.get(device);
    this.#local.set(device, withExpected(before, asked, object));
    if (this.#deps.reporter.twins(device, object.uid, this.#reportsOf(device, object, asked))) return "taken";
    if (before === undefined) this.#local.delete(device);
    else this.#local.set(device, before);
    return "no room";
  }

  reportState(device: string, state: string): BookAnswer {
    const object = this.#find(device);
    if (object === undefined) return "unknown device";
    if (!isDeviceState(state)) return "invalid";
    this.#deps.reporter.state(device, object.uid, state);
    return "taken";
  }

  subscribe(listener: (event: BookEvent) => void): () => void {
    if (this.#listeners.size === 0) this.#follow();
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#unfollow();
    };
  }

  #find(device: string): StoredObject | undefined {
    return this.#deps.store.get(`device/${device}`);
  }

  #reportsOf(device: string, object: StoredObject, asked: Asked): TwinReport[] {
    return [...asked].map(([property, { expected, actual }]) => ({
      property,
      reported: sampleOf(actual),
      observed: sampleOf(expected),
      type: this.#typeOf(device, object, property),
    }));
  }

  #typeOf(device: string, { namespace, value }: StoredObject, property: string): string {
    const held = this.#deps.reporter.held(device)?.get(property);
    if (held !== undefined) return held.type;
    const name = (value as Device).spec?.deviceModelRef?.name ?? "";
    const model = this.#deps.store.get(`devicemodel/${deviceKey(namespace, name)}`);
    return modelType(property, model?.value as DeviceModel | undefined);
  }

  #twin(device: string, object: StoredObject, property: string): BusTwin {
    const held = this.#deps.reporter.held(device)?.get(property);
    const expected =
      this.#localOf(device, object, property) ??
      this.#wantedOf(device, object, property) ??
      valueOf(held?.observed);
    const actual = valueOf(held?.reported);
    return {
      type: this.#typeOf(device, object, property),
      ...(expected && { expected: { value: expected.value, timestampMs: expected.timestampMs } }),
      ...(actual && { actual }),
    };
  }

  #localOf(device: string, object: StoredObject, property: string): BusValue | undefined {
    const local = this.#local.get(device)?.get(property);
    return local?.uid === object.uid && local.wanted === desiredOf(object, property) ? local : undefined;
  }

  #wantedOf(device: string, object: StoredObject, property: string): BusValue | undefined {
    const value = desiredOf(object, property);
    if (value === "") return undefined;
    const known = this.#wanted.get(device)?.get(property);
    const sinceMs = known?.value === value ? known.sinceMs : this.#deps.clock.nowMs();
    return { value, timestampMs: sinceMs };
  }

  #follow(): void {
    const { store, reporter } = this.#deps;
    for (const device of this.#local.keys()) if (this.#find(device) === undefined) this.#local.delete(device);
    for (const object of store.list("device"))
      this.#remember(deviceKey(object.namespace, object.name), object);
    this.#stops = [
      store.subscribe("device", (event) => this.#onDevice(event)),
      reporter.subscribe((device, properties) => this.#onReport(device, properties)),
    ];
  }

  #unfollow(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#told.clear();
    this.#wanted.clear();
  }

  #onDevice({ type, object }: DesiredEvent): void {
    const device = deviceKey(object.namespace, object.name);
    const known = this.#told.get(device);
    const isOther = known !== undefined && known.uid !== object.uid;
    if (type === "delete" || isOther) this.#forget(device);
    if (type === "delete") return;
    if (known === undefined || isOther) {
      this.#remember(device, object);
      this.#emit({ kind: "added", device });
    } else this.#onUpdate(device, object, known);
  }

  #onUpdate(device: string, object: StoredObject, known: Told): void {
    const value = object.value as Device;
    const description = descriptionOf(value);
    this.#told.set(device, { ...known, description });
    if (known.description !== description) this.#emit({ kind: "updated", device });
    const names = propertyNames(value);
    for (const name of known.twins.keys()) if (!names.has(name)) known.twins.delete(name);
    this.#want(device, object);
    for (const name of names) this.#tellIfChanged(device, object, name, known.twins);
  }

  #onReport(device: string, properties: readonly string[]): void {
    const object = this.#find(device);
    const twins = this.#told.get(device)?.twins;
    if (object === undefined || twins === undefined) return;
    for (const property of properties) this.#tellIfChanged(device, object, property, twins);
  }

  #tellIfChanged(device: string, object: StoredObject, property: string, twins: Map<string, BusTwin>): void {
    const last = twins.get(property);
    const current = this.#twin(device, object, property);
    if (isSame(last, current)) return;
    twins.set(property, current);
    this.#emit({ kind: "twin", device, property, last, current });
  }

  #remember(device: string, object: StoredObject): void {
    this.#want(device, object);
    const description = descriptionOf(object.value as Device);
    this.#told.set(device, { uid: object.uid, description, twins: new Map(this.twins(device)) });
  }

  /** What the Device asks for anew takes the place of what was set here. */
  #want(device: string, object: StoredObject): void {
    const before = this.#wanted.get(device);
    const after = wantedOf(object.value as Device, before, this.#deps.clock.nowMs());
    this.#wanted.set(device, after);
    if (before === undefined) return;
    const local = this.#local.get(device);
    for (const name of local?.keys() ?? [])
      if (before.get(name)?.value !== after.get(name)?.value) local?.delete(name);
  }

  #forget(device: string): void {
    this.#told.delete(device);
    this.#wanted.delete(device);
    this.#local.delete(device);
    this.#emit({ kind: "removed", device });
  }

  #emit(event: BookEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
