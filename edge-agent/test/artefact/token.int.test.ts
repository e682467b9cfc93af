// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readdirSync } from "node:fs";
import type { LocalRegistry } from "../../../hack/cluster/registry.ts";
import { startTokenService, type RunningTokenService } from "./token-service.ts";
import { createWorld, dockerConfig, readText, type World } from "./world.ts";

const BASIC = `Basic ${Buffer.from("edge:secret").toString("base64")}`;

describe("a registry with a token service", () => {
  let world: World;
  let tokens: RunningTokenService;
  let registry: LocalRegistry;
  let image = "";
  let caFile = "";

  beforeAll(async () => {
    world = createWorld();
    tokens = await startTokenService(world.dir, BASIC);
    registry = await world.registry({ tokens });
    image = `${registry.address}/a/b`;
    caFile = world.file("cas.pem", readText(registry.caFile) + readText(tokens.rootFile));
  });
  afterAll(async () => {
    tokens.close();
    await world.close();
  });

  const fetchWith = (password: string) => {
    const credentialsFile = world.file("docker.json", dockerConfig(registry.address, "edge", password));
    return world.fetch({ image }, { caFile, credentialsFile });
  };

  it("lets in who has a token of it, which is for pulling one repository", async () => {
    const { error } = await fetchWith("secret");
    // It is let in, and so learns that there is no such image.
    expect(error).toMatchObject({ code: "REFUSED", kind: "MISSING" });
    expect(tokens.asked.at(-1)).toEqual({
      authorization: BASIC,
      service: "registry.test",
      scope: "repository:a/b:pull",
    });
  });

  it.each([
    ["wrong credentials", () => fetchWith("wrong")],
    ["no credentials", () => world.fetch({ image }, { caFile })],
  ])("lets nobody in with %s", async (_what, fetch) => {
    const { into, error } = await fetch();
    expect(error).toMatchObject({ code: "REFUSED", kind: "DENIED" });
    expect(readdirSync(into)).toEqual([]);
  });

  it("is not asked where the token service's own certificate is not trusted", async () => {
    const before = tokens.asked.length;
    const { error } = await world.fetch({ image }, { caFile: registry.caFile });
    expect(error).toMatchObject({ code: "UNREACHABLE" });
    expect(tokens.asked).toHaveLength(before);
  });
});
