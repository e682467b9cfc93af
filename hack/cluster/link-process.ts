// SPDX-License-Identifier: Apache-2.0
// Runs a fault proxy as a process: link-process.ts <address> <port> <target port> <control socket>.
// GET tells the state, PUT sets it (JSON), on the control socket.
import { createServer } from "node:http";
import { rmSync } from "node:fs";
import { text } from "node:stream/consumers";
import { createFaultProxy, type LinkState } from "./fault-proxy.ts";

const [address, port, targetPort, socket] = process.argv.slice(2);
if (socket === undefined) {
  throw new Error("usage: link-process.ts <address> <port> <target port> <control socket>");
}
const proxy = await createFaultProxy({ host: "127.0.0.1", port: Number(targetPort) }, Number(port), address);
rmSync(socket, { force: true });
createServer((request, response) => {
  const answer = async (): Promise<void> => {
    if (request.method === "PUT") proxy.set(JSON.parse(await text(request)) as LinkState);
    response.end(
      JSON.stringify({ ...proxy.state(), connections: proxy.connections(), bytes: proxy.bytes() }),
    );
  };
  answer().catch((error: unknown) => {
    response.statusCode = 400;
    response.end(String(error));
  });
}).listen(socket);
