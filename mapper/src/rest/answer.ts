// SPDX-License-Identifier: Apache-2.0
// Bodies as mappers made with KubeEdge's framework answer them: the names of their fields, capitals too, are theirs.
import { DMI_VERSION } from "../version.ts";
import type { DeviceMethodInfo, FleetApi, FleetErrorCode, ModelInfo, Reading } from "./port.ts";
import { FleetError } from "./port.ts";
import type { Route } from "./route.ts";

export interface Answer {
  readonly status: number;
  readonly type: "application/json" | "text/plain; version=0.0.4";
  readonly body: string;
}

/** What answers are made of. */
export interface Sources {
  readonly api: FleetApi;
  readonly metrics: () => string;
  readonly nowMs: () => number;
}

const API_VERSION = "v1";

const STATUS: Readonly<Record<FleetErrorCode, number>> = {
  NOT_FOUND: 404,
  INVALID: 400,
  READ_ONLY: 405,
  BUSY: 429,
  DEVICE: 502,
  TIMEOUT: 504,
};

/** RFC 3339, whole seconds, UTC. */
const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** @param fields what is beside the three that every body has */
export const jsonAnswer = (status: number, fields: object, nowMs: number): Answer => ({
  status,
  type: "application/json",
  body: `${JSON.stringify({ apiVersion: API_VERSION, statusCode: status, timeStamp: timeOf(nowMs), ...fields })}\n`,
});

/** Carries out what was asked. Never throws: an error becomes an answer. */
export async function answerTo(route: Route, sources: Sources, signal: AbortSignal): Promise<Answer> {
  try {
    if (route.ask === "metrics")
      return { status: 200, type: "text/plain; version=0.0.4", body: sources.metrics() };
    if (route.ask === "database")
      throw new FleetError("NOT_FOUND", "this mapper keeps no history: it pushes to databases instead");
    return jsonAnswer(200, await fieldsOf(route, sources.api, signal), sources.nowMs());
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    return jsonAnswer(STATUS[error.code], { code: error.code, Message: error.message }, sources.nowMs());
  }
}

type Asked = Exclude<Route, { ask: "metrics" }>;

async function fieldsOf(
  route: Exclude<Asked, { ask: "database" }>,
  api: FleetApi,
  signal: AbortSignal,
): Promise<object> {
  switch (route.ask) {
    case "ping":
      return { Message: `This mapper runs and speaks ${API_VERSION}; DMI ${DMI_VERSION}.` };
    case "devices":
      return { Data: { Devices: api.devices() } };
    case "read":
      return { Data: readingOf(route, await api.read(route.device, route.property, signal)) };
    case "methods":
      return { Data: { Methods: api.methods(route.device).map((method) => methodOf(route.device, method)) } };
    case "call":
      return calledOf(await api.call(route.device, { ...route, name: route.method }, signal));
    case "model":
      return modelOf(api.modelOf(route.device));
  }
}

function readingOf({ device, property }: { device: string; property: string }, reading: Reading): object {
  const [namespace = "", name = ""] = device.split("/");
  return {
    ...{ DeviceName: name, PropertyName: property, Namespace: namespace },
    ...{ Value: reading.value, Type: reading.type, TimeStamp: reading.atMs, Unit: reading.unit },
  };
}

const methodOf = (device: string, { name, description, properties }: DeviceMethodInfo): object => ({
  Name: name,
  Description: description,
  Path: `/api/${API_VERSION}/devicemethod/${device}/${encodeURIComponent(name)}/{propertyName}/{data}`,
  Parameters: properties.map((property) => ({ PropertyName: property.name, ValueType: property.type })),
});

const calledOf = (returned: string | undefined): object => ({
  Message: "done",
  ...(returned !== undefined && { Data: returned }),
});

const modelOf = ({ namespace, name, properties }: ModelInfo): object => ({
  ...{ name, namespace },
  properties: properties.map(({ type, ...property }) => ({ ...property, dataType: type })),
});
