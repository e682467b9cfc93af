// SPDX-License-Identifier: Apache-2.0
import type { Device, DeviceModel, DeviceModelProperty, DeviceProperty } from "@longshore/crds/devices";
import * as dmi from "@longshore/crds/dmi";
import { protocolOf } from "../model.ts";

/** A value in a device or its model that cannot be told to a mapper; `message` names the field. */
export class MessageError extends Error {
  override readonly name = "MessageError";
  readonly code = "UNSUPPORTED";
  constructor(field: string, reason: string, options?: ErrorOptions) {
    super(`${field}: ${reason}`, options);
  }
}

type Values = Readonly<Record<string, unknown>>;
type PushMethod = NonNullable<DeviceProperty["pushMethod"]>;
type Visitors = NonNullable<DeviceModelProperty["visitors"]>;
type DbMethod = NonNullable<PushMethod["dbMethod"]>;

const text = (value: string | undefined): string => value ?? "";

/** The first that says something. */
const firstText = (...candidates: readonly (string | undefined)[]): string =>
  candidates.find((candidate) => text(candidate) !== "") ?? "";

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

function encodeValue(field: string, value: unknown): dmi.Any {
  try {
    return dmi.toAny(value);
  } catch (cause) {
    throw new MessageError(field, cause instanceof Error ? cause.message : "not supported", { cause });
  }
}

/** Later layers win. Sorted, so that equal settings make equal bytes, and those one digest. */
function values(field: string, ...layers: (Values | undefined)[]): { data: Record<string, dmi.Any> } {
  const merged = new Map(layers.flatMap((layer) => Object.entries(layer ?? {})));
  const data = [...merged].sort(byKey).map(([key, value]) => [key, encodeValue(`${field}.${key}`, value)]);
  return { data: Object.fromEntries(data) as Record<string, dmi.Any> };
}

function int64(field: string, value: number | undefined): bigint {
  if (value === undefined) return 0n;
  if (!Number.isSafeInteger(value)) throw new MessageError(field, "not a whole number");
  return BigInt(value);
}

const sorted = (map: Readonly<Record<string, string>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(map ?? {}).sort(byKey));

const influxdb2 = (method: NonNullable<DbMethod["influxdb2"]>): dmi.DeepPartial<dmi.DBMethodInfluxdb2> => ({
  influxdb2ClientConfig: method.influxdb2ClientConfig ?? {},
  influxdb2DataConfig: { ...method.influxdb2DataConfig, tag: sorted(method.influxdb2DataConfig?.tag) },
});

const tdengine = (method: NonNullable<DbMethod["TDEngine"]>): dmi.DeepPartial<dmi.DBMethodTDEngine> => ({
  tdEngineClientConfig: {
    addr: text(method.TDEngineClientConfig?.addr),
    dbname: text(method.TDEngineClientConfig?.dbName),
  },
});

const database = (method: DbMethod): dmi.DeepPartial<dmi.DBMethod> => ({
  ...(method.influxdb2 && { influxdb2: influxdb2(method.influxdb2) }),
  ...(method.redis && { redis: { redisClientConfig: method.redis.redisClientConfig ?? {} } }),
  ...(method.TDEngine && { tdengine: tdengine(method.TDEngine) }),
  ...(method.mysql && { mysql: { mysqlClientConfig: method.mysql.mysqlClientConfig ?? {} } }),
});

const pushHttp = (
  field: string,
  http: NonNullable<PushMethod["http"]>,
): dmi.DeepPartial<dmi.PushMethodHTTP> => ({
  hostname: text(http.hostName),
  port: int64(`${field}.port`, http.port),
  requestpath: text(http.requestPath),
  timeout: int64(`${field}.timeout`, http.timeout),
});

function pushMethod(field: string, method: PushMethod): dmi.DeepPartial<dmi.PushMethod> {
  const { http, mqtt, otel, dbMethod, anomalyDetection } = method;
  return {
    ...(http && { http: pushHttp(`${field}.http`, http) }),
    ...(mqtt && { mqtt }),
    ...(otel && { otel }),
    ...(dbMethod && { dbMethod: database(dbMethod) }),
    ...(anomalyDetection && { anomalyDetection: values(`${field}.anomalyDetection`, anomalyDetection) }),
  };
}

function visitors(
  field: string,
  own: Visitors | undefined,
  shared: Visitors | undefined,
): dmi.DeepPartial<dmi.VisitorConfig> {
  return {
    protocolName: firstText(own?.protocolName, shared?.protocolName),
    configData: values(`${field}.configData`, shared?.configData, own?.configData),
  };
}

function property(
  field: string,
  own: DeviceProperty,
  shared: DeviceModelProperty | undefined,
): dmi.DeepPartial<dmi.DeviceProperty> {
  const { desired } = own;
  return {
    name: text(own.name),
    // Go mappers read both without a check.
    desired: { value: text(desired?.value), metadata: sorted(desired?.metadata) },
    visitors: visitors(`${field}.visitors`, own.visitors, shared?.visitors),
    reportCycle: int64(`${field}.reportCycle`, own.reportCycle),
    collectCycle: int64(`${field}.collectCycle`, own.collectCycle),
    reportToCloud: own.reportToCloud === true,
    ...(own.pushMethod && { pushMethod: pushMethod(`${field}.pushMethod`, own.pushMethod) }),
  };
}

/** KubeEdge 1.23 moved it from the status into the spec. */
function stateReport({ spec, status }: Device): dmi.DeepPartial<dmi.DeviceStatus> {
  const report = spec?.stateReport ?? status;
  return {
    reportToCloud: report?.reportToCloud === true,
    reportCycle: int64("spec.stateReport.reportCycle", report?.reportCycle),
  };
}

const noSpec: NonNullable<Device["spec"]> = {};

/**
 * A device as its mapper gets it: with its model's settings under its own, which win (KubeEdge 1.22).
 *
 * @throws {MessageError} for a setting that is nested, null, or no number that a mapper can read
 */
export function deviceMessage(device: Device, model: DeviceModel): dmi.Device {
  const { deviceModelRef, protocol, properties, methods } = device.spec ?? noSpec;
  const shared = new Map((model.spec?.properties ?? []).map((one) => [one.name, one]));
  const configData = values("spec.protocol.configData", model.spec?.protocolConfigData, protocol?.configData);
  return dmi.Device.create({
    name: device.metadata.name,
    namespace: text(device.metadata.namespace),
    spec: {
      deviceModelReference: text(deviceModelRef?.name),
      protocol: { protocolName: protocolOf(device, model), configData },
      properties: (properties ?? []).map((own, i) =>
        property(`spec.properties[${i}]`, own, shared.get(own.name)),
      ),
      methods: methods ?? [],
    },
    status: stateReport(device),
  });
}

const modelProperty = (own: DeviceModelProperty): dmi.DeepPartial<dmi.ModelProperty> => ({
  name: text(own.name),
  description: text(own.description),
  type: text(own.type),
  accessMode: text(own.accessMode),
  minimum: text(own.minimum),
  maximum: text(own.maximum),
  unit: text(own.unit),
});

/** A model as mappers get it; what is merged into its devices is not in it. */
export const modelMessage = ({ metadata, spec }: DeviceModel): dmi.DeviceModel =>
  dmi.DeviceModel.create({
    name: metadata.name,
    namespace: text(metadata.namespace),
    spec: { properties: (spec?.properties ?? []).map(modelProperty) },
  });
