// SPDX-License-Identifier: Apache-2.0
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import { mapperSide } from "./support/mapper-side.ts";
import { device, model } from "./support/objects.ts";
import { startRoom, type Bench } from "./support/room.ts";

const TOKENS: Readonly<Record<string, string>> = { "token-of-m": "m", "token-of-other": "other" };
let bench: Bench;

afterEach(() => bench.stop());

async function open(security: "strict" | "compatible"): Promise<void> {
  const offer = (name: string): string => `/tokens/${name}`;
  bench = await startRoom({ callers: { security, tokens: { nameOf: (token) => TOKENS[token], offer } } });
  bench.store.put(model());
  bench.store.put(device());
  bench.store.put(device("1", { name: "d2", spec: { protocol: { protocolName: "other", configData: {} } } }));
}

const codeOf = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => "OK",
    (error: unknown) => status[(error as { code: number }).code],
  );

async function ask<Q, R>(
  token: string | undefined,
  method: dmi.ServiceMethod<Q, R>,
  request: Q,
): Promise<string | undefined> {
  const side = mapperSide(bench.socketPath, "localhost", token);
  try {
    return await codeOf(side.call(method, request));
  } finally {
    side.close();
  }
}

const register = (token: string | undefined, name: string, protocol: string): Promise<string | undefined> =>
  ask(token, dmi.DeviceManagerService.mapperRegister, {
    withData: true,
    mapper: {
      name,
      protocol,
      version: "v1",
      apiVersion: "v1",
      state: "ok",
      address: Buffer.from(bench.mapperPath),
    },
  });
const reportState = (token: string | undefined, deviceName: string): Promise<string | undefined> =>
  ask(token, dmi.DeviceManagerService.reportDeviceStates, {
    deviceName,
    deviceNamespace: "default",
    state: "ok",
  });

describe("who a mapper is", () => {
  it.each([
    { security: "strict" as const, token: undefined, code: "UNAUTHENTICATED" },
    { security: "strict" as const, token: "made-up", code: "UNAUTHENTICATED" },
    { security: "strict" as const, token: "token-of-other", code: "UNAUTHENTICATED" },
    { security: "strict" as const, token: "token-of-m", code: "OK" },
    { security: "compatible" as const, token: undefined, code: "OK" },
    { security: "compatible" as const, token: "made-up", code: "OK" },
    { security: "compatible" as const, token: "token-of-other", code: "OK" },
    { security: "compatible" as const, token: "token-of-m", code: "OK" },
  ])(
    "B124 $security: registering m with the token $token is answered $code",
    async ({ security, token, code }) => {
      await open(security);
      expect(await register(token, "m", "thermo")).toBe(code);
    },
  );

  it("B124 the refusal names the file of the token, and neither it nor the log holds a token", async () => {
    await open("strict");
    const side = mapperSide(bench.socketPath, "localhost", "token-of-other");
    const mapper = dmi.MapperInfo.create({ name: "m", protocol: "thermo" });
    await expect(
      side.call(dmi.DeviceManagerService.mapperRegister, { withData: true, mapper }),
    ).rejects.toThrow("its token is in /tokens/m");
    side.close();
    expect(bench.lines.join()).not.toContain("token-of-");
  });

  it("B124 compatible warns of a mapper that is taken at its word, and counts its calls", async () => {
    await open("compatible");
    await register(undefined, "m", "thermo");
    await reportState(undefined, "d1");
    expect(bench.lines.filter((line) => line.includes("taken at its word"))).toHaveLength(1);
    expect(await bench.metric("longshore_edge_dmi_doubtful_total", { reason: "no token" })).toBe(2);
  });

  it.each([
    { security: "strict" as const, token: undefined, on: "d1", code: "UNAUTHENTICATED" },
    { security: "strict" as const, token: "token-of-m", on: "d1", code: "OK" },
    { security: "strict" as const, token: "token-of-other", on: "d1", code: "PERMISSION_DENIED" },
    { security: "strict" as const, token: "token-of-m", on: "d2", code: "PERMISSION_DENIED" },
    { security: "strict" as const, token: "token-of-m", on: "d3", code: "NOT_FOUND" },
    { security: "compatible" as const, token: undefined, on: "d1", code: "OK" },
    { security: "compatible" as const, token: "token-of-other", on: "d1", code: "PERMISSION_DENIED" },
    { security: "compatible" as const, token: "token-of-m", on: "d2", code: "OK" },
  ])(
    "B126 $security: a report of $on with the token $token is answered $code",
    async ({ security, token, on, code }) => {
      await open(security);
      await register("token-of-m", "m", "thermo");
      expect(await reportState(token, on)).toBe(code);
    },
  );
});
