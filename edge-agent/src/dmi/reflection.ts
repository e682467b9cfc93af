// SPDX-License-Identifier: Apache-2.0
/*
 * gRPC server reflection: tools such as grpcurl ask the server for its .proto files. Both versions of the service have
 * the same messages, of which a few fields matter: they are read and written here.
 */
import { status, type handleBidiStreamingCall, type MethodDefinition } from "@grpc/grpc-js";

/** A field that has a length: a text, or a message. */
interface Field {
  readonly number: number;
  readonly bytes: Buffer;
}

/** A .proto file that the server knows. */
interface ProtoFile {
  readonly name: string;
  readonly package: string;
  readonly bytes: Buffer;
}

const MAX_REQUEST_BYTES = 4_096;
const LENGTH_DELIMITED = 2;

function varint(bytes: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i] ?? 0;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, next: at + i + 1 };
  }
  return { value: Number.NaN, next: bytes.length };
}

/** The fields of a message that have a length; what else there is ends the reading. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at);
    const length = varint(bytes, tag.next);
    if ((tag.value & 7) !== LENGTH_DELIMITED || !(length.next + length.value <= bytes.length)) break;
    fields.push({ number: tag.value >>> 3, bytes: bytes.subarray(length.next, length.next + length.value) });
    at = length.next + length.value;
  }
  return fields;
}

function number(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

const field = (id: number, content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([number((id << 3) | LENGTH_DELIMITED), number(bytes.length), bytes]);
};

const textOf = (fields: readonly Field[], id: number): string =>
  fields.find((one) => one.number === id)?.bytes.toString("utf8") ?? "";

/** The files of a google.protobuf.FileDescriptorSet in base64. */
export function protoFiles(descriptors: string): readonly ProtoFile[] {
  return fieldsOf(Buffer.from(descriptors, "base64")).map(({ bytes }) => {
    const fields = fieldsOf(bytes);
    return { name: textOf(fields, 1), package: textOf(fields, 2), bytes };
  });
}

/** Numbers of the fields of a request, and of a response. */
const ASKED = { byName: 3, bySymbol: 4, services: 7 };
const ANSWERED = { request: 2, files: 4, services: 6, error: 7 };

const failure = (code: number, message: string): Buffer =>
  field(ANSWERED.error, Buffer.concat([number(1 << 3), number(code), field(2, message)]));

/** A file and all that it may import, it first. */
const filesFrom = (files: readonly ProtoFile[], found: ProtoFile | undefined): Buffer =>
  found === undefined
    ? failure(status.NOT_FOUND, "not known here")
    : field(
        ANSWERED.files,
        Buffer.concat([found, ...files.filter((file) => file !== found)].map(({ bytes }) => field(1, bytes))),
      );

function answer(request: Buffer, files: readonly ProtoFile[], services: readonly string[]): Buffer {
  const asked = fieldsOf(request).find(({ number: id }) => Object.values(ASKED).includes(id));
  const text = asked?.bytes.toString("utf8") ?? "";
  switch (asked?.number) {
    case ASKED.byName:
      return filesFrom(
        files,
        files.find(({ name }) => name === text),
      );
    case ASKED.bySymbol:
      return filesFrom(
        files,
        files.find((file) => text.startsWith(`${file.package}.`)),
      );
    case ASKED.services:
      return field(ANSWERED.services, Buffer.concat(services.map((name) => field(1, field(1, name)))));
    default:
      return failure(status.UNIMPLEMENTED, "asked for nothing that is known here");
  }
}

const same = (bytes: Buffer): Buffer => bytes;

/** For the library's `addService`. */
export interface ReflectionService {
  readonly definition: { readonly serverReflectionInfo: MethodDefinition<Buffer, Buffer> };
  readonly implementation: { readonly serverReflectionInfo: handleBidiStreamingCall<Buffer, Buffer> };
}

/** The two services, for a server that has `services` of the files. */
export function reflection(descriptors: string, services: readonly string[]): readonly ReflectionService[] {
  const files = protoFiles(descriptors);
  const names = ["v1", "v1alpha"].map((version) => `grpc.reflection.${version}.ServerReflection`);
  const all = [...services, ...names];
  const serverReflectionInfo: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on("data", (request: Buffer) => {
      const isTooLong = request.length > MAX_REQUEST_BYTES;
      const content = isTooLong ? failure(status.INVALID_ARGUMENT, "too long") : answer(request, files, all);
      const echo = isTooLong ? Buffer.alloc(0) : field(ANSWERED.request, request);
      if (!call.write(Buffer.concat([echo, content]))) {
        call.pause();
        call.once("drain", () => call.resume());
      }
    });
    call.on("end", () => call.end());
    call.on("error", () => undefined);
  };
  return names.map((name) => ({
    definition: {
      serverReflectionInfo: {
        path: `/${name}/ServerReflectionInfo`,
        requestStream: true,
        responseStream: true,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      },
    },
    implementation: { serverReflectionInfo },
  }));
}
