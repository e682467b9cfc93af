// SPDX-License-Identifier: Apache-2.0
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import * as dmi from "@longshore/crds/dmi";

/** A mapper's own client of the agent's socket. */
export interface MapperSide {
  readonly call: <Q, R>(method: dmi.ServiceMethod<Q, R>, request: NoInfer<Q>) => Promise<R>;
  /** Bytes as they are. */
  readonly raw: (path: string, bytes: Uint8Array) => Promise<Buffer>;
  readonly close: () => void;
}

export function mapperSide(socketPath: string, authority = "localhost", token?: string): MapperSide {
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    "grpc.default_authority": authority,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_send_message_length": -1,
    "grpc.enable_retries": 0,
  });
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  const call: MapperSide["call"] = (method, request) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + 5_000 },
        (error, response) =>
          error || response === undefined ? reject(error ?? new Error()) : resolve(response),
      );
    });
  const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  return {
    call,
    raw: (path, bytes) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, bytes, (error, response) =>
          error || !response ? reject(error ?? new Error()) : resolve(response),
        );
      }),
    close: () => client.close(),
  };
}
