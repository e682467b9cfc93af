// SPDX-License-Identifier: Apache-2.0
// Stands for node:http in our programs. An ES module that imports it reads all that it exports, and so loads Node's own
// undici for a WebSocket that nobody wants, which costs each 2 MB and more: https://github.com/nodejs/node/issues/59686
module.exports = process.getBuiltinModule("node:http");
