// SPDX-License-Identifier: Apache-2.0
export { acceptStreams } from "./accept.ts";
export { createNodeStreams, type NodeStreamsDeps, type NodeStreamsOptions } from "./node.ts";
export type { ClosableOpener } from "./opener.ts";
