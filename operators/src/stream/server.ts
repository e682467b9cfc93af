// SPDX-License-Identifier: Apache-2.0
import type { StreamServer, StreamServerDeps } from "./port.ts";

/** The stream room of a hub; see StreamServer. */
export function createStreamServer(_deps: StreamServerDeps): StreamServer {
  throw new Error("not yet");
}
