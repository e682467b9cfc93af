// SPDX-License-Identifier: Apache-2.0
import type { Upgrade } from "@longshore/crds/stream";
import type { StreamingAddress } from "./judge-url.ts";

/**
 * The upgrade request, as the runtime's streaming server reads it: the asker's own headers on the runtime's own path. A
 * server that refuses the upgrade is to close the connection, and not to read what follows as another request.
 */
export function requestHead(upgrade: Upgrade, to: Pick<StreamingAddress, "path" | "authority">): string {
  const headers = [["host", to.authority], ...upgrade.headers, ["connection", "close"]] as const;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${upgrade.method} ${to.path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}
