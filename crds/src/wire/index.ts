// SPDX-License-Identifier: Apache-2.0
export type { Frame, FrameHeader, FrameRoute } from "./frame.ts";
export {
  CloseCode,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  SESSION_GROUP,
  SESSION_RESOURCE,
  SessionOperation,
  STREAMS_VERSION,
} from "./session.ts";
export type {
  AckBatch,
  CompleteNotice,
  Hello,
  HelloReply,
  InventoryItem,
  InventoryPart,
  Nack,
  NackCode,
} from "./session.ts";
export {
  BATCH_CODES,
  DEVICE_BATCH_LIMITS,
  DEVICE_BATCH_RESOURCE,
  DEVICE_BATCH_VERSION,
  readDeviceBatch,
  readDeviceBatchReply,
} from "./device-batch.ts";
export type {
  BadEntry,
  BatchCode,
  BatchResult,
  BatchSample,
  BatchState,
  BatchTwin,
  DeviceBatch,
  DeviceBatchReply,
  DeviceEntry,
  ReadBatch,
} from "./device-batch.ts";
export { WireError } from "./errors.ts";
export type { WireErrorCode } from "./errors.ts";
export { DEFAULT_WIRE_LIMITS, LIMITS } from "./limits.ts";
export type { WireLimits } from "./limits.ts";
export { Group, Operation, ResourceType, Source } from "./names.ts";
export { decodeFrame, parseObject } from "./decode.ts";
export { encodeFrame, encodeFrameWith, errorTo, newFrame, replyTo } from "./encode.ts";
export type { FrameOrigin, NewFrame, Reply } from "./encode.ts";
export { formatKey, formatResource, parseKey, parseResource } from "./resource.ts";
export type { ObjectKey, ResourcePath } from "./resource.ts";
export { compareResourceVersion, isResourceVersion } from "./version.ts";
export { inventoryDigest } from "./inventory.ts";
