// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pushBusybox, type LocalRegistry } from "../../../hack/cluster/registry.ts";
import { agentOf } from "../../../hack/package/files.ts";
import { makePackage, publish, type AgentPackage } from "../../../hack/package/package.ts";
import { push } from "../../../hack/package/push.ts";
import { signatureOf, signatureTag } from "../../../hack/package/sign.ts";
import type { ArtefactOptions } from "../../src/artefact/index.ts";
import type { DigestGate } from "../../src/jobs/upgrade/port.ts";
import { createWorld, dockerConfig, readText, REPOSITORY, VERSION, type World } from "./world.ts";

const USER = { username: "edge", password: "not-to-be-told" };
const PROGRAM = `console.log(${JSON.stringify(randomBytes(40_000).toString("hex"))});\n`;

describe("a package in a registry with TLS and passwords", () => {
  let world: World;
  let registry: LocalRegistry;
  let made: AgentPackage;
  let access: Partial<ArtefactOptions>;
  let image = "";
  let name = "";

  beforeAll(async () => {
    world = createWorld();
    registry = await world.registry({ user: USER });
    made = await makePackage(VERSION, agentOf(PROGRAM));
    await publish(made, registry.target, REPOSITORY);
    image = `${registry.address}/${REPOSITORY}`;
    name = `${image}:${VERSION}`;
    access = {
      caFile: registry.caFile,
      credentialsFile: world.file("docker.json", dockerConfig(registry.address, ...pair(USER))),
    };
  });
  afterAll(() => world.close());

  it("is fetched by its version, checked and unpacked, and nothing else is left", async () => {
    const { into, artefact, error, progress } = await world.fetch({ image }, access);
    expect(error).toBeUndefined();
    expect(artefact).toEqual({ digest: made.image.platforms["amd64"] });
    expect(readdirSync(into).sort()).toEqual(["edge-agent.js", "manifest.json", "package.json"]);
    expect(readText(join(into, "edge-agent.js"))).toBe(PROGRAM);
    expect(progress.join("\n")).toContain("layer 1 of 1");
  });

  it("is fetched for the processor that the machine has, and by a digest in the image's name", async () => {
    const arm = await world.fetch({ image, arch: "arm64" }, access);
    expect(arm.artefact).toEqual({ digest: made.image.platforms["arm64"] });
    const pinned = await world.fetch({ image: `${image}@${made.image.digest}` }, access);
    expect(pinned.artefact).toEqual({ digest: made.image.platforms["amd64"] });
  });

  it.each<{ what: string; options: () => Partial<ArtefactOptions>; code: string; kind: string }>([
    { what: "no credentials", options: () => ({ credentialsFile: "" }), code: "REFUSED", kind: "DENIED" },
    {
      what: "wrong credentials",
      options: () => ({
        credentialsFile: world.file("wrong.json", dockerConfig(registry.address, "edge", "also-secret")),
      }),
      code: "REFUSED",
      kind: "DENIED",
    },
    {
      what: "credentials that others can read",
      options: () => ({
        credentialsFile: world.file("open.json", dockerConfig(registry.address, ...pair(USER)), 0o644),
      }),
      code: "REFUSED",
      kind: "LOCAL",
    },
    {
      what: "an authority that nobody trusts",
      options: () => ({ caFile: "" }),
      code: "UNREACHABLE",
      kind: "REGISTRY",
    },
    {
      what: "plain HTTP to a port with TLS",
      options: () => ({ insecureRegistries: [registry.address] }),
      code: "UNREACHABLE",
      kind: "REGISTRY",
    },
    {
      what: "an unreadable key",
      options: () => ({ publicKeyFile: "/nowhere" }),
      code: "REFUSED",
      kind: "LOCAL",
    },
    { what: "too large a layer", options: () => ({ maxLayerBytes: 1_000 }), code: "NO_ROOM", kind: "ROOM" },
    { what: "no room", options: () => ({ maxTotalBytes: 50_000 }), code: "NO_ROOM", kind: "ROOM" },
  ])("is not fetched with $what, and no secret is told", async ({ options, code, kind }) => {
    const { into, error } = await world.fetch({ image }, { ...access, ...options() });
    expect(error).toMatchObject({ code, kind });
    expect(readdirSync(into)).toEqual([]);
    expect(wordsOf(error)).not.toMatch(/secret|not-to-be-told|ZWRnZT/);
  });

  it.each<{ what: string; gate: () => DigestGate }>([
    { what: "the digest of its name", gate: () => ({ amd64: made.image.digest }) },
    { what: "the digest of this platform", gate: () => ({ amd64: made.image.platforms["amd64"] ?? "" }) },
    { what: "a digest for whatever machine", gate: () => ({ value: made.image.digest }) },
    {
      what: "what its own registry says",
      gate: () => ({ registryAPI: { host: registry.address, token: "" } }),
    },
  ])("A29 passes a gate with $what", async ({ gate }) => {
    expect((await world.fetch({ image, gate: gate() }, access)).error).toBeUndefined();
  });

  const WRONG = `sha256:${"0".repeat(64)}`;
  it.each<{ what: string; gate: () => DigestGate }>([
    { what: "for this processor", gate: () => ({ amd64: WRONG, arm64: made.image.digest }) },
    { what: "for whatever machine", gate: () => ({ value: WRONG }) },
  ])("A29 S36 is refused for another digest $what, in KubeEdge's words", async ({ gate }) => {
    const { into, error } = await world.fetch({ image, gate: gate() }, access);
    const words = `image digest of ${name} is not correct, local: ${made.image.digest}, expected: ${WRONG}`;
    expect(error).toMatchObject({ code: "REFUSED", message: words });
    expect(readdirSync(into)).toEqual([]);
  });

  it.each<{ what: string; gate: DigestGate; kind: string }>([
    { what: "has a digest for others only", gate: { arm64: WRONG }, kind: "DIGEST" },
    { what: "is empty", gate: {}, kind: "DIGEST" },
    { what: "asks a host of this network", gate: { registryAPI: { host: "10.0.0.1:5000" } }, kind: "HOST" },
    {
      what: "asks the cloud's metadata service",
      gate: { registryAPI: { host: "169.254.169.254", token: "t" } },
      kind: "HOST",
    },
    { what: "asks this machine", gate: { registryAPI: { host: "localhost:1" } }, kind: "HOST" },
    { what: "asks no host", gate: { registryAPI: { host: "a/b?c" } }, kind: "REFERENCE" },
  ])("A29 is refused when the gate $what", async ({ gate, kind }) => {
    const { into, error } = await world.fetch({ image, gate }, access);
    expect(error).toMatchObject({ code: "REFUSED", kind });
    expect(readdirSync(into)).toEqual([]);
  });

  it("A29 holds the image against another registry's, when that is named in the configuration", async () => {
    const other = await world.registry({ insecure: true });
    await publish(await makePackage(VERSION, agentOf("other")), other.target, REPOSITORY);
    const gate = { registryAPI: { host: other.address, token: "t" } };
    const { error } = await world.fetch({ image, gate }, { ...access, insecureRegistries: [other.address] });
    expect(wordsOf(error)).toMatch(/is not correct, local: sha256:.*, expected: sha256:/);
  });

  it("is refused where it is none, not there, not for this machine, or of another version", async () => {
    const arm = await makePackage("v1.0.1", agentOf("x"), { architectures: ["arm64"] });
    await publish(arm, registry.target, REPOSITORY);
    await push(registry.target, REPOSITORY, "v1.0.2", made.image);
    await pushBusybox(registry, REPOSITORY, "v1.0.3");
    const kinds = new Map([
      ["v1.0.0", ["MISSING", /has no manifests\/v1\.0\.0/]],
      ["v1.0.1", ["MISSING", /nothing for linux\/amd64/]],
      ["v1.0.2", ["CONTENT", /holds version v1\.24\.0, not v1\.0\.2/]],
      ["v1.0.3", ["CONTENT", /holds no agent/]],
    ] as const);
    for (const [version, [kind, message]] of kinds) {
      const { error } = await world.fetch({ image, version }, access);
      expect(error).toMatchObject({ code: "REFUSED", kind, message: expect.stringMatching(message) });
    }
    expect((await world.fetch({ image, version: "v1.0.1", arch: "arm64" }, access)).error).toBeUndefined();
  });

  it("is fetched when its layer is packed with zstd", async () => {
    const small = await makePackage("v1.0.4", agentOf(PROGRAM), { compression: "zstd" });
    await publish(small, registry.target, REPOSITORY);
    const { into, error } = await world.fetch({ image, version: "v1.0.4" }, access);
    expect(error).toBeUndefined();
    expect(readText(join(into, "edge-agent.js"))).toBe(PROGRAM);
  });

  describe("S38 where a public key is configured", () => {
    const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const ed25519 = generateKeyPairSync("ed25519");
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
    const signedPackage = async (version: string, key?: KeyObject): Promise<AgentPackage> => {
      const signed = await makePackage(version, agentOf(version));
      await publish(signed, registry.target, REPOSITORY, key);
      return signed;
    };
    const fetchSigned = (version: string) => {
      const publicKeyFile = world.file("keys.pem", pem(ed25519.publicKey) + pem(p256.publicKey));
      return world.fetch({ image, version }, { ...access, publicKeyFile });
    };

    it.each([
      ["ECDSA P-256", "v2.0.0", p256.privateKey],
      ["Ed25519", "v2.0.1", ed25519.privateKey],
    ])("takes an image that was signed with %s", async (_kind, version, key) => {
      await signedPackage(version, key);
      expect((await fetchSigned(version)).error).toBeUndefined();
    });

    it("takes an image of which this platform's manifest was signed", async () => {
      const { image: pushed } = await signedPackage("v2.0.2");
      const digest = pushed.platforms["amd64"] ?? "";
      await push(
        registry.target,
        REPOSITORY,
        signatureTag(digest),
        signatureOf(digest, name, p256.privateKey),
      );
      expect((await fetchSigned("v2.0.2")).error).toBeUndefined();
    });

    it("unpacks nothing that has no signature, one by another key, or one of another image", async () => {
      await signedPackage("v2.1.0");
      await signedPackage("v2.1.1", stranger.privateKey);
      const { image: copied } = await signedPackage("v2.1.2");
      const foreign = signatureOf(made.image.digest, name, p256.privateKey);
      await push(registry.target, REPOSITORY, signatureTag(copied.digest), foreign);
      for (const version of ["v2.1.0", "v2.1.1", "v2.1.2"]) {
        const { into, error, progress } = await fetchSigned(version);
        expect(error).toMatchObject({ code: "REFUSED", kind: "SIGNATURE" });
        expect(readdirSync(into)).toEqual([]);
        expect(progress).toHaveLength(1); // no layer was fetched, nothing unpacked
      }
    });

    it.each([
      ["no key", "nothing here"],
      ["a private key", p256.privateKey.export({ type: "pkcs8", format: "pem" }).toString()],
      ["another curve", pem(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey)],
      ["RSA", pem(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey)],
    ])("refuses everything while its file holds %s", async (_what, content) => {
      const publicKeyFile = world.file("bad.pem", content);
      const { error } = await world.fetch({ image }, { ...access, publicKeyFile });
      expect(error).toMatchObject({ code: "REFUSED", kind: "LOCAL" });
    });
  });
});

const pair = ({ username, password }: typeof USER): [string, string] => [username, password];
const wordsOf = (error: unknown): string => (error as Error).message;
