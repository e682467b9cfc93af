// SPDX-License-Identifier: Apache-2.0
/*
 * The Device Management Interface, KubeEdge's `v1beta1` on unix sockets: thin, and without a decision about devices.
 *   port.ts           what the rest of the agent sees of it    server.ts, socket.ts   the agent's own socket
 *   mapper-client.ts  the calls to one mapper                  address.ts             which sockets may be dialled
 *   front.ts, authority.ts  what older mappers write, and floods       tokens.ts   who a mapper is
 *   reflection.ts     the interface, for tools that ask
 */
export { mapperAddress } from "./address.ts";
export { createMapperClient } from "./mapper-client.ts";
export { openDmiServer } from "./server.ts";
export { openMapperTokens } from "./tokens.ts";
