// SPDX-License-Identifier: Apache-2.0
import { chmodSync, lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { DeviceMapperService } from "@longshore/crds/dmi";
import { MapperError, reasonOf } from "../errors.ts";

/** The mapper's own socket, served. */
export interface Listener {
  /**
   * Ends after the calls that run, or cuts them off after `graceMs`. The socket's file goes at once, with the
   * listening; one that is there afterwards is another mapper's.
   */
  close(graceMs: number): Promise<void>;
}

/** Longer paths are cut off by the kernel's sockaddr_un. */
const MAX_PATH_BYTES = 107;
/** KubeEdge's edge opens one stream a call and one connection a mapper. */
const MAX_STREAMS = 100;

/**
 * Serves the edge's calls on a unix socket that only this user may open. A socket left behind by a mapper that was
 * killed is replaced.
 *
 * @throws {MapperError} SOCKET_UNUSABLE
 */
export async function listen(
  path: string,
  service: UntypedServiceImplementation,
  maxMessageBytes: number,
): Promise<Listener> {
  await clearPath(path);
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.max_concurrent_streams": MAX_STREAMS,
  });
  server.addService(DeviceMapperService, service);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(new MapperError("SOCKET_UNUSABLE", `${path}: ${error.message}`, { cause: error }));
      else resolve();
    });
  });
  chmodSync(path, 0o600);
  return {
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          server.forceShutdown();
        }, graceMs);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      }),
  };
}

async function clearPath(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (!path.startsWith("/") || bytes > MAX_PATH_BYTES) {
    throw new MapperError(
      "SOCKET_UNUSABLE",
      `${path}: an absolute path of at most ${MAX_PATH_BYTES} bytes is needed`,
    );
  }
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new MapperError("SOCKET_UNUSABLE", `${path} exists and is no socket`);
  if (await answers(path)) throw new MapperError("SOCKET_UNUSABLE", `${path}: another process listens there`);
  try {
    rmSync(path);
  } catch (error) {
    throw new MapperError("SOCKET_UNUSABLE", `${path}: ${reasonOf(error)}`, { cause: error });
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", done(true));
    socket.once("error", done(false));
  });
}
