// SPDX-License-Identifier: Apache-2.0
import type { ServiceMethod } from "@longshore/crds/dmi";
import { rmSync } from "node:fs";
import { connect, createServer, type ClientHttp2Session, type Http2Server } from "node:http2";
import { createConnection } from "node:net";

/*
 * As much of gRPC as a mapper needs, straight on HTTP/2: what drives the load costs the machine less than what it
 * measures.
 */

const framed = (message: Uint8Array): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Calls of one socket. */
export class UnaryClient {
  readonly #session: ClientHttp2Session;

  /** @param socketPath of a unix socket */
  constructor(socketPath: string) {
    this.#session = connect("http://localhost", {
      createConnection: () => createConnection({ path: socketPath }),
    });
    this.#session.on("error", () => undefined); // told by the calls
  }

  /** @returns gRPC's status, "0" for success */
  call<Q, R>(method: ServiceMethod<Q, R>, request: NoInfer<Q>): Promise<string> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": method.path,
        "content-type": "application/grpc",
        te: "trailers",
      });
      let status = "";
      const read = (headers: Record<string, unknown>): void => {
        const told = headers["grpc-status"];
        if (typeof told === "string") status = told;
      };
      stream.on("response", read);
      stream.on("trailers", read);
      stream.on("error", reject);
      stream.on("close", () => resolve(status));
      stream.resume();
      stream.end(framed(method.requestSerialize(request)));
    });
  }

  close(): void {
    this.#session.close();
  }
}

/** Answers every call with an empty message. @param onCall gets the path of each */
export function serveEmpty(socketPath: string, onCall: (path: string) => void): Promise<Http2Server> {
  rmSync(socketPath, { force: true });
  const server = createServer();
  server.on("stream", (stream, headers) => {
    stream.resume();
    stream.on("end", () => {
      onCall(headers[":path"] ?? "");
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(framed(new Uint8Array()));
    });
    stream.on("error", () => undefined);
  });
  return new Promise((resolve) => server.listen(socketPath, () => resolve(server)));
}
