// SPDX-License-Identifier: Apache-2.0
import type { lookup } from "node:dns";
import { readFileSync, statSync } from "node:fs";
import { ArtefactError, type Artefact, type ArtefactRequest, type Artefacts } from "../jobs/upgrade/port.ts";
import { ArtefactFault, wordsOf } from "./errors.ts";
import { fetchPackage, type FetchParts } from "./fetch.ts";
import { readCredentials, type Credentials } from "./http/credentials.ts";
import { createExchange, PUBLIC_NETWORK, ANY_NETWORK, type Exchange } from "./http/exchange.ts";
import { createRegistry, type Registry } from "./http/registry.ts";
import type { Retry } from "./http/retry.ts";
import { hostOf, type ImageReference } from "./image/reference.ts";

/** Where packages may come from, and what they may be. */
export interface ArtefactOptions {
  /** PEM of authorities of registries, trusted beside the machine's; "" none. */
  readonly caFile: string;
  /** Docker's `config.json`; "" asks as anybody. */
  readonly credentialsFile: string;
  /** PEM of the keys that images must be signed with; "" takes them unsigned. */
  readonly publicKeyFile: string;
  /** `host:port` of registries that are asked by plain HTTP. */
  readonly insecureRegistries: readonly string[];
  /** For everything, from the first question to the last file. */
  readonly timeoutMs: number;
  /** Compressed. */
  readonly maxLayerBytes: number;
  /** Of layers and unpacked files together. */
  readonly maxTotalBytes: number;
  /** Of all layers together; default 10,000. */
  readonly maxEntries?: number;
  /** Default that of this process. */
  readonly nodeVersion?: string;
  readonly userAgent: string;
  readonly pause?: Retry["pause"];
  readonly lookup?: typeof lookup;
}

const MAX_ENTRIES = 10_000;
const MAX_FILE_BYTES = 1_048_576;

/**
 * Packages of this agent from OCI registries, by the registry protocol alone: no container runtime, no other program.
 * Files that the options name are read at each fetch, so that changes need no restart.
 */
export function createArtefacts(options: ArtefactOptions): Artefacts {
  return {
    fetch: async (request) => {
      const signal = AbortSignal.any([request.signal, AbortSignal.timeout(options.timeoutMs)]);
      return fetchWith(request, options, signal);
    },
  };
}

/** @throws {ArtefactError} always of the port, never anything else */
async function fetchWith(
  request: ArtefactRequest,
  options: ArtefactOptions,
  signal: AbortSignal,
): Promise<Artefact> {
  try {
    return { digest: await fetchPackage(request, partsOf(options, signal)) };
  } catch (error) {
    if (error instanceof ArtefactError) throw error;
    if (signal.aborted) throw new ArtefactFault("REGISTRY", "the fetch was stopped, or took too long", error);
    throw new ArtefactFault("LOCAL", `the package cannot be fetched: ${wordsOf(error)}`, error);
  }
}

function partsOf(options: ArtefactOptions, signal: AbortSignal): FetchParts {
  const exchange = createExchange({
    ...(options.caFile === "" ? {} : { ca: readPem(options.caFile) }),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    insecureHosts: options.insecureRegistries,
    userAgent: options.userAgent,
  });
  return {
    registryOf: (image) => registryOf(image, options, exchange),
    otherRegistryOf: (image, host, token) =>
      otherRegistryOf({ image, host: hostOf(host), token }, options, exchange),
    publicKeys: options.publicKeyFile === "" ? undefined : readPem(options.publicKeyFile),
    maxLayerBytes: options.maxLayerBytes,
    maxTotalBytes: options.maxTotalBytes,
    maxEntries: options.maxEntries ?? MAX_ENTRIES,
    nodeVersion: options.nodeVersion ?? process.versions.node,
    retry: { signal, ...(options.pause === undefined ? {} : { pause: options.pause }) },
  };
}

const registryOf = (image: ImageReference, options: ArtefactOptions, exchange: Exchange): Registry =>
  createRegistry({
    ...image,
    exchange,
    insecureHosts: options.insecureRegistries,
    credentials: credentialsOf(options, image),
  });

/** A host that only a job names must be public, for a job is not to look around in this machine's network. */
function otherRegistryOf(
  { image, host, token }: { image: ImageReference; host: string; token: string },
  options: ArtefactOptions,
  exchange: Exchange,
): Registry {
  const isNamed = host === image.host || options.insecureRegistries.includes(host);
  return createRegistry({
    ...image,
    host,
    exchange,
    insecureHosts: options.insecureRegistries,
    credentials: token === "" ? credentialsOf(options, { ...image, host }) : undefined,
    ...(token === "" ? {} : { token }),
    networks: isNamed ? ANY_NETWORK : PUBLIC_NETWORK,
  });
}

const credentialsOf = (
  { credentialsFile }: ArtefactOptions,
  { host, repository }: ImageReference,
): Credentials | undefined =>
  credentialsFile === "" ? undefined : readCredentials(credentialsFile, `${host}/${repository}`);

/** @throws {ArtefactFault} LOCAL */
function readPem(file: string): string {
  try {
    if (statSync(file).size <= MAX_FILE_BYTES) return readFileSync(file, "utf8");
  } catch (error) {
    throw new ArtefactFault("LOCAL", `${file} cannot be read`, error);
  }
  throw new ArtefactFault("LOCAL", `${file} is larger than ${MAX_FILE_BYTES} bytes`);
}
