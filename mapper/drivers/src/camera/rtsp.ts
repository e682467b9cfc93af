// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from "node:net";
import { CameraError } from "./errors.ts";

const MAX_ANSWER = 4 * 1024;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "rtsp:": 554, "rtsps:": 322 };

/**
 * Asks whether an RTSP server is there. It may want credentials and say so: it is there. Behind TLS, an open port is
 * enough.
 *
 * @param address without credentials
 * @throws {CameraError} UNREACHABLE, REFUSED
 */
export async function askRtsp(address: string, signal: AbortSignal): Promise<void> {
  const url = new URL(address);
  const port = url.port === "" ? (DEFAULT_PORTS[url.protocol] ?? 554) : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const socket = connect({ host, port, signal });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", (cause) =>
        reject(new CameraError("UNREACHABLE", `${host}:${port} does not answer`, { cause })),
      );
      socket.once("connect", resolve);
    });
    if (url.protocol === "rtsp:") await options(socket, url.href);
  } finally {
    socket.destroy();
  }
}

function options(socket: Socket, address: string): Promise<void> {
  let said = "";
  socket.setEncoding("latin1");
  socket.write(`OPTIONS ${address} RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: longshore\r\n\r\n`);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new CameraError("REFUSED", why));
    socket.once("error", () => reject(new CameraError("UNREACHABLE", "the connection broke")));
    socket.once("end", () => fail("the server hung up"));
    socket.on("data", (chunk: string) => {
      said += chunk;
      if (!said.includes("\n") && said.length < MAX_ANSWER) return;
      const status = /^RTSP\/1\.\d (\d{3})/.exec(said)?.[1];
      if (status === undefined) fail("what answers there speaks no RTSP");
      else if (status.startsWith("5")) fail(`the server answers ${status}`);
      else resolve();
    });
  });
}
