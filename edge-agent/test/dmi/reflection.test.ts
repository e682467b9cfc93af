// SPDX-License-Identifier: Apache-2.0
import { Client, credentials } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "@jest/globals";
import { MapperRegisterResponse } from "@longshore/crds/dmi";
import fc from "fast-check";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDmiServer } from "../../src/dmi/index.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const same = (bytes: Buffer): Buffer => bytes;

/** Sends each request when the one before is answered. */
async function ask(version: string, requests: readonly Buffer[]): Promise<Buffer[]> {
  const socketPath = join(mkdtempSync(join(tmpdir(), "dmi-")), "dmi.sock");
  const handlers = {
    mapperRegister: () => Promise.resolve(MapperRegisterResponse.create()),
    reportDeviceStatus: () => undefined,
    reportDeviceStates: () => undefined,
  };
  const server = await openDmiServer({ socketPath }, handlers, () => undefined);
  const client = new Client(`unix://${socketPath}`, credentials.createInsecure(), {
    "grpc.default_authority": "localhost",
    "grpc.use_local_subchannel_pool": 1,
  });
  stops.push(
    () => server.stop(),
    () => client.close(),
  );
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = client.makeBidiStreamRequest(path, same, same);
  const answers: Buffer[] = [];
  for (const request of requests) {
    const answer = new Promise<Buffer>((resolve) => stream.once("data", resolve));
    stream.write(request);
    answers.push(await answer);
  }
  const ended = new Promise((resolve) => stream.once("end", resolve));
  stream.end();
  stream.resume();
  await ended;
  return answers;
}

const request = (field: number, text: string): Buffer =>
  Buffer.concat([Buffer.of((field << 3) | 2, text.length), Buffer.from(text)]);

describe("server reflection", () => {
  it.each(["v1", "v1alpha"])(
    "%s lists the services, and gives files by name and by symbol",
    async (version) => {
      const answers = await ask(version, [
        request(7, "*"),
        request(3, "v1beta1/api.proto"),
        request(4, "v1beta1.Device"),
        request(4, "google.protobuf.Any"),
        request(3, "no.proto"),
        request(5, "v1beta1.Device"),
      ]);
      const texts = answers.map((bytes) => bytes.toString("latin1"));
      expect(texts[0]).toContain("v1beta1.DeviceManagerService");
      expect(texts[0]).not.toContain("DeviceMapperService"); // mappers serve that
      for (const text of texts.slice(1, 3)) expect(text).toContain("MapperRegisterRequest");
      expect(texts[3]).toContain("google/protobuf/any.proto");
      expect(texts.slice(4).map((text) => /not known here|asked for nothing/.exec(text)?.[0])).toEqual([
        "not known here",
        "asked for nothing",
      ]);
    },
  );

  it("S37 answers whatever bytes it is asked with", async () => {
    const all = fc.sample(fc.uint8Array({ maxLength: 60 }), 300).map((bytes) => Buffer.from(bytes));
    expect(await ask("v1", [...all, Buffer.alloc(5_000)])).toHaveLength(301);
  });
});
