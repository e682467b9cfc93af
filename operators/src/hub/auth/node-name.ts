// SPDX-License-Identifier: Apache-2.0

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const NODE_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const IPV4 = /^[0-9]+(?:\.[0-9]+){3}$/;
/** The name is also a label value, and a path segment and topic part at the edge. */
const MAX_CHARS = 63;

/**
 * Is this a name that a node may have? A lower-case DNS name of at most 63 characters that is no IP address.
 * Nothing is normalised, so two different texts are never the same node.
 */
export function isNodeName(text: unknown): text is string {
  if (typeof text !== "string" || text.length > MAX_CHARS) return false;
  return NODE_NAME.test(text) && !IPV4.test(text);
}
