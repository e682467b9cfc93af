// SPDX-License-Identifier: Apache-2.0
import type { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

type Codec<Message> = {
  encode(message: Message, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): Message;
};

type GeneratedMethod = {
  readonly name: string;
  readonly requestType: unknown;
  readonly requestStream: boolean;
  readonly responseType: unknown;
  readonly responseStream: boolean;
};

type GeneratedService = {
  readonly fullName: string;
  readonly methods: Record<string, GeneratedMethod>;
};

type MessageOf<Type> = Type extends Codec<infer Message> ? Message : never;

/** One rpc in the shape of grpc-js's `MethodDefinition`. */
export type ServiceMethod<Request, Response> = {
  /** `/package.Service/Method` */
  path: string;
  requestStream: boolean;
  responseStream: boolean;
  requestSerialize: (message: Request) => Buffer;
  requestDeserialize: (bytes: Buffer) => Request;
  responseSerialize: (message: Response) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
};

/** Every rpc of a service by its camelCase name. */
export type ServiceTable<Service extends GeneratedService> = {
  [Name in keyof Service["methods"]]: ServiceMethod<
    MessageOf<Service["methods"][Name]["requestType"]>,
    MessageOf<Service["methods"][Name]["responseType"]>
  >;
};

/**
 * What grpc-js's `makeGenericClientConstructor` and `Server.addService` take, made from a generated
 * definition, so that only those who open connections depend on grpc-js.
 */
export function serviceTable<const Service extends GeneratedService>(
  service: Service,
): ServiceTable<Service> {
  const entries = Object.entries(service.methods).map(([name, method]) => [
    name,
    serviceMethod(service.fullName, method),
  ]);
  return Object.fromEntries(entries) as ServiceTable<Service>;
}

function serviceMethod(serviceName: string, method: GeneratedMethod): ServiceMethod<unknown, unknown> {
  const request = method.requestType as Codec<unknown>;
  const response = method.responseType as Codec<unknown>;
  return {
    path: `/${serviceName}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: (message) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}
