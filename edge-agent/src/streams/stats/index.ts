// SPDX-License-Identifier: Apache-2.0
export {
  createNodeReader,
  type NodeAnswer,
  type NodePaths,
  type NodeReader,
  type NodeReaderDeps,
  type NodeReaderOptions,
} from "./reader.ts";
