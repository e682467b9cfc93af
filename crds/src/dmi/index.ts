// SPDX-License-Identifier: Apache-2.0
// The Device Management Interface (`v1beta1`): messages, and both services as plain tables for grpc-js.
import { serviceTable, type ServiceTable } from "../proto/service-table.ts";
import { DeviceManagerServiceDefinition, DeviceMapperServiceDefinition } from "./v1beta1/api.gen.ts";

/** Served by the edge agent: mappers register and report here. */
export const DeviceManagerService: ServiceTable<DeviceManagerServiceDefinition> = serviceTable(
  DeviceManagerServiceDefinition,
);

/** Served by each mapper: the edge agent hands devices and models over here. */
export const DeviceMapperService: ServiceTable<DeviceMapperServiceDefinition> = serviceTable(
  DeviceMapperServiceDefinition,
);

export type { ServiceMethod, ServiceTable } from "../proto/service-table.ts";
export { fromAny, toAny, UnsupportedValueError } from "./any.ts";
export { DESCRIPTORS } from "./descriptors.gen.ts";
export { Any } from "./google/protobuf/any.gen.ts";
export type { DeepPartial, MessageFns } from "./v1beta1/api.gen.ts";
export {
  AnomalyDetection,
  CreateDeviceModelRequest,
  CreateDeviceModelResponse,
  CustomizedValue,
  DBMethod,
  DBMethodInfluxdb2,
  DBMethodMySQL,
  DBMethodRedis,
  DBMethodTDEngine,
  Device,
  DeviceCommand,
  DeviceMethod,
  DeviceModel,
  DeviceModelSpec,
  DeviceProperty,
  DeviceSpec,
  DeviceStatus,
  GetDeviceRequest,
  GetDeviceResponse,
  Influxdb2ClientConfig,
  Influxdb2DataConfig,
  MapperInfo,
  MapperRegisterRequest,
  MapperRegisterResponse,
  ModelProperty,
  MySQLClientConfig,
  ProtocolConfig,
  PushMethod,
  PushMethodHTTP,
  PushMethodMQTT,
  PushMethodOTEL,
  RedisClientConfig,
  RegisterDeviceRequest,
  RegisterDeviceResponse,
  RemoveDeviceModelRequest,
  RemoveDeviceModelResponse,
  RemoveDeviceRequest,
  RemoveDeviceResponse,
  ReportDeviceStatesRequest,
  ReportDeviceStatesResponse,
  ReportDeviceStatusRequest,
  ReportDeviceStatusResponse,
  TDEngineClientConfig,
  Twin,
  TwinProperty,
  UpdateDeviceModelRequest,
  UpdateDeviceModelResponse,
  UpdateDeviceRequest,
  UpdateDeviceResponse,
  VisitorConfig,
} from "./v1beta1/api.gen.ts";
