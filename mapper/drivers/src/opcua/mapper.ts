// SPDX-License-Identifier: Apache-2.0
import {
  systemClock,
  type CallContext,
  type Clock,
  type Device,
  type DeviceState,
  type MapperDefinition,
  type Property,
  type Value,
} from "@longshore/mapper";
import { AttributeIds, coerceNodeId, DataType, ServerState } from "node-opcua-client";
import { createConnect, type Link } from "./link.ts";
import { DEFAULT_OPCUA_OPTIONS, type OpcuaOptions } from "./options.ts";
import { createPki } from "./pki.ts";
import { createSessions, type Lease, type Sessions } from "./sessions.ts";
import { nodeIdOf, targetOf } from "./target.ts";
import { checkStatus, valueOf, variantOf } from "./values.ts";

/** `Server.ServerStatus.State`, which every server has. */
const SERVER_STATE = "i=2259";

/** The mapper for servers that speak OPC UA over TCP. */
export function opcuaMapper(
  options: Partial<OpcuaOptions> = {},
  clock: Clock = systemClock,
): MapperDefinition<Lease> {
  const all = { ...DEFAULT_OPCUA_OPTIONS, ...options };
  const sessions = createSessions(createConnect(all, createPki(all)), all, clock);
  return {
    protocol: "opcua",
    open: (device, context) => open(sessions, device, context),
    read: (lease, property, { signal }) => lease.use((link) => read(link, property), signal),
    write: (lease, property, value, { signal }) => lease.use((link) => write(link, property, value), signal),
    state: (lease, { signal }) => lease.use(stateOf, signal),
    close: (lease) => lease.release(),
  };
}

async function open(sessions: Sessions, device: Device, { signal, log }: CallContext): Promise<Lease> {
  const target = targetOf(device.config);
  if (target.userName !== undefined && target.mode === "None") {
    log.warn({ device: device.id }, "a password for a server that proves nothing: set a securityPolicy");
  }
  const lease = sessions.lease(target);
  try {
    await lease.use(stateOf, signal);
    return lease;
  } catch (error) {
    await lease.release();
    throw error;
  }
}

async function read({ session }: Link, property: Property): Promise<Value> {
  const nodeId = nodeIdOf(property);
  const { statusCode, value } = await session.read({ nodeId, attributeId: AttributeIds.Value });
  checkStatus(statusCode, nodeId);
  return valueOf(value, property.type);
}

async function write(link: Link, property: Property, value: Value): Promise<void> {
  const nodeId = nodeIdOf(property);
  const dataType = link.dataTypes.get(nodeId) ?? (await dataTypeOf(link, nodeId));
  link.dataTypes.set(nodeId, dataType);
  const status = await link.session.write({
    ...{ nodeId, attributeId: AttributeIds.Value },
    value: { value: variantOf(value, dataType) },
  });
  checkStatus(status, nodeId);
}

/** The type of the value that is there; of a node without one, what the server says of the node. */
async function dataTypeOf({ session }: Link, nodeId: string): Promise<DataType> {
  const { statusCode, value } = await session.read({ nodeId, attributeId: AttributeIds.Value });
  if (statusCode.isGood() && value.dataType !== DataType.Null) return value.dataType;
  const declared = await session.read({ nodeId, attributeId: AttributeIds.DataType });
  checkStatus(declared.statusCode, nodeId);
  return session.getBuiltInDataType(coerceNodeId(nodeId));
}

async function stateOf({ session }: Link): Promise<DeviceState> {
  const { statusCode, value } = await session.read({ nodeId: SERVER_STATE, attributeId: AttributeIds.Value });
  checkStatus(statusCode, SERVER_STATE);
  return value.value === ServerState.Running ? "online" : "unhealthy";
}
