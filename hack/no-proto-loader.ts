// SPDX-License-Identifier: Apache-2.0
// Stands for @grpc/proto-loader in our programs. gRPC needs it for channelz and ORCA alone, which none of them serves;
// with its parser of .proto files it costs each 1.2 MB of memory.

function absent(): never {
  throw new Error("this program does not read .proto files");
}

export { absent as fromJSON, absent as load, absent as loadFileDescriptorSetFromBuffer, absent as loadSync };
