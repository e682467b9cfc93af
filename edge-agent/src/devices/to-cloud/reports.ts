// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel } from "@longshore/crds/devices";
import type {
  ReportDeviceStatesRequest,
  ReportDeviceStatusRequest,
  Twin,
  TwinProperty,
} from "@longshore/crds/dmi";
import { DmiFault } from "../../dmi/port.ts";
import { propertyNames } from "../model.ts";
import { DEVICE_STATES, isDeviceState, type DeviceState } from "../verdict.ts";
import type { Sample } from "./newest.ts";
import type { TwinReport } from "./twins.ts";

/** How much one report may hold. */
export interface ReportLimits {
  readonly maxReportTwins: number;
  readonly maxValueChars: number;
}

/** A checked report: what to take, and how many properties the device does not have. */
export interface CheckedReport {
  readonly reports: readonly TwinReport[];
  readonly unknown: number;
}

const MAX_TYPE_CHARS = 64;
const TYPES: Readonly<Record<string, string>> = {
  INT: "int",
  FLOAT: "float",
  DOUBLE: "float",
  BOOLEAN: "boolean",
};

const invalid = (reason: string, message: string): DmiFault =>
  new DmiFault("INVALID_ARGUMENT", reason, message);

/** Milliseconds as the mapper wrote them; Go's framework leaves them empty. */
function sampleOf({ value, metadata }: TwinProperty, nowMs: number): Sample {
  const written = metadata["timestamp"] ?? "";
  const isStamped = /^[1-9]\d{0,14}$/.test(written);
  return { value, timestampMs: isStamped ? Number(written) : nowMs, isStamped };
}

function checkTwin(twin: Twin, index: number, { maxValueChars }: ReportLimits): TwinProperty {
  const field = `reportedDevice.twins[${index}]`;
  const { propertyName, observedDesired, reported } = twin;
  if (propertyName === "") throw invalid("property", `${field}.propertyName is missing`);
  if (observedDesired === undefined) throw invalid("observed", `${field}.observedDesired is missing`);
  if ([observedDesired, reported].some((side) => (side?.value.length ?? 0) > maxValueChars))
    throw invalid("value", `${field}: a value has more than ${maxValueChars} characters`);
  return observedDesired;
}

/** The mapper's own word, else the model's. */
function typeOf({ propertyName, reported, observedDesired }: Twin, model: DeviceModel | undefined): string {
  const said = [reported, observedDesired].map((side) => side?.metadata["type"] ?? "");
  const own = said.find((type) => type !== "");
  if (own !== undefined) return own.slice(0, MAX_TYPE_CHARS);
  return modelType(propertyName, model);
}

/** The type of a twin, by its model's word. */
export function modelType(propertyName: string, model: DeviceModel | undefined): string {
  const property = model?.spec?.properties?.find(({ name }) => name === propertyName);
  return TYPES[property?.type ?? "STRING"] ?? "string";
}

/** What a report says about the properties that the device has. @throws {DmiFault} INVALID_ARGUMENT, NOT_FOUND */
export function checkReport(
  { reportedDevice }: ReportDeviceStatusRequest,
  device: Device,
  model: DeviceModel | undefined,
  { nowMs, ...limits }: ReportLimits & { readonly nowMs: number },
): CheckedReport {
  const twins = reportedDevice?.twins ?? [];
  if (twins.length === 0) throw invalid("twins", "reportedDevice.twins is empty");
  if (twins.length > limits.maxReportTwins)
    throw invalid("twins", `reportedDevice.twins has more than ${limits.maxReportTwins} entries`);
  const names = propertyNames(device);
  const checked = twins.map((twin, i): TwinReport => {
    const observedDesired = checkTwin(twin, i, limits);
    return {
      property: twin.propertyName,
      observed: sampleOf(observedDesired, nowMs),
      reported: twin.reported && sampleOf(twin.reported, nowMs),
      type: typeOf(twin, model),
    };
  });
  const reports = checked.filter(({ property }) => names.has(property));
  if (reports.length === 0)
    throw new DmiFault("NOT_FOUND", "property", "the device has none of the reported properties");
  return { reports, unknown: checked.length - reports.length };
}

/** @throws {DmiFault} INVALID_ARGUMENT */
export function checkState({ state }: ReportDeviceStatesRequest): DeviceState {
  if (!isDeviceState(state)) throw invalid("state", `state must be one of ${DEVICE_STATES.join(", ")}`);
  return state;
}

/** @throws {DmiFault} INVALID_ARGUMENT */
export function checkNames(request: { readonly deviceName: string; readonly deviceNamespace: string }): void {
  if (request.deviceName === "") throw invalid("name", "deviceName is missing");
  if (request.deviceNamespace === "") throw invalid("name", "deviceNamespace is missing");
}
