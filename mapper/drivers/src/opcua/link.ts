// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from "node:crypto";
import {
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  StatusCodes,
  UserTokenType,
  type ClientSession,
  type DataType,
  type OPCUAClientOptions,
  type UserIdentityInfo,
} from "node-opcua-client";
import { readPasswordFile, readSecretFile } from "../files/index.ts";
import { OpcuaError } from "./errors.ts";
import type { OpcuaOptions } from "./options.ts";
import { identityOf, type Identity, type Pki } from "./pki.ts";
import { endsSoon, orAborted } from "./patience.ts";
import type { Target } from "./target.ts";
import { firstOf, type Verdict } from "./trust.ts";

/** One session with one server. It does not mend itself: when it broke, another is made. */
export interface Link {
  readonly session: ClientSession;
  /** Types of nodes that were written. */
  readonly dataTypes: Map<string, DataType>;
  isBroken(): boolean;
  close(): Promise<void>;
}

export type Connect = (target: Target, signal: AbortSignal) => Promise<Link>;

/** @returns a function that makes a session. It throws {OpcuaError} UNREACHABLE, UNTRUSTED, REFUSED */
export function createConnect(options: OpcuaOptions, pki: Pki): Connect {
  return async (target, signal) => {
    const identity = await ownIdentity(target, options, pki);
    const judge = await judgeOf(target, options, pki);
    const seen: { verdict: Verdict | undefined } = { verdict: undefined };
    const store = storeOf(async (der) => {
      seen.verdict = await judge(der);
      return seen.verdict;
    });
    const client = OPCUAClient.create(clientOptions(target, options, identity, store));
    // Several answers make a session: each has its time, and all together.
    const limit = AbortSignal.timeout(MAX_CONNECT_ANSWERS * (target.timeoutMs ?? options.timeoutMs));
    const end = AbortSignal.any([signal, limit]);
    try {
      const login = await loginOf(target, options);
      return await orAborted(() => open(client, target, login, end), end);
    } catch (error) {
      await endsSoon(client.disconnect());
      signal.throwIfAborted();
      throw reasonFor(error, seen.verdict);
    }
  };
}

const MAX_CONNECT_ANSWERS = 3;

type Store = NonNullable<OPCUAClientOptions["clientCertificateManager"]>;

async function ownIdentity(target: Target, options: OpcuaOptions, pki: Pki): Promise<Identity> {
  const { certificateFile, privateKeyFile } = target;
  if (certificateFile === undefined || privateKeyFile === undefined) return pki.own();
  return identityOf(
    await readSecretFile(certificateFile, options.secretFolders),
    await readSecretFile(privateKeyFile, options.secretFolders),
  );
}

/** A device that names its server's certificate trusts that one alone. */
async function judgeOf(
  { serverCertificateFile }: Target,
  options: OpcuaOptions,
  pki: Pki,
): Promise<(der: Buffer) => Promise<Verdict>> {
  if (serverCertificateFile !== undefined) {
    const pinned = new X509Certificate(await readSecretFile(serverCertificateFile, options.secretFolders));
    return (der) =>
      Promise.resolve(firstOf(der)?.fingerprint256 === pinned.fingerprint256 ? "trusted" : "untrusted");
  }
  return options.trust === "anyone"
    ? (der) => Promise.resolve(firstOf(der) ? "trusted" : "broken")
    : (der) => pki.judge(der);
}

async function loginOf({ userName, passwordFile }: Target, options: OpcuaOptions): Promise<UserIdentityInfo> {
  if (userName === undefined) return { type: UserTokenType.Anonymous };
  const password =
    passwordFile === undefined
      ? options.password
      : await readPasswordFile(passwordFile, options.secretFolders);
  return { type: UserTokenType.UserName, userName, password: password ?? "" };
}

function clientOptions(
  target: Target,
  options: OpcuaOptions,
  { certificate, privateKey, applicationUri }: Identity,
  store: Store,
): OPCUAClientOptions {
  const timeoutMs = target.timeoutMs ?? options.timeoutMs;
  return {
    applicationName: "longshore-opcua-mapper",
    applicationUri,
    clientName: "longshore-opcua-mapper",
    // The SDK tries again, with pauses that grow.
    connectionStrategy: { maxRetry: 0, initialDelay: 100, maxDelay: 200 },
    endpointMustExist: false,
    securityPolicy: SecurityPolicy[target.policy],
    securityMode: MessageSecurityMode[target.mode],
    clientCertificateManager: store,
    certificateKeyPairProvider: {
      getCertificate: () => certificate,
      getCertificateChain: () => [certificate],
      getPrivateKey: () => privateKey,
    },
    keepSessionAlive: true,
    keepAliveInterval: options.keepAliveMs,
    requestedSessionTimeout: options.keepAliveMs * 6,
    transportTimeout: timeoutMs,
    defaultTransactionTimeout: timeoutMs,
    transportSettings: {
      // The library takes a new buffer of this size for each request.
      sendBufferSize: CHUNK_BYTES,
      receiveBufferSize: CHUNK_BYTES,
      maxMessageSize: options.maxMessageBytes,
      maxChunkCount: Math.ceil(options.maxMessageBytes / CHUNK_BYTES),
    },
  };
}

const CHUNK_BYTES = 16 * 1024;

/** What the library asks of a store of certificates; this one is never told to trust. */
function storeOf(judge: (der: Buffer) => Promise<Verdict>): Store {
  const verdictOf = async (given: Buffer | Buffer[]): Promise<Verdict> =>
    judge(Array.isArray(given) ? Buffer.concat(given) : given);
  const status = async (given: Buffer | Buffer[]) => STATUS_OF[await verdictOf(given)];
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    referenceCounter: 0,
    initialize: nothing,
    dispose: nothing,
    checkCertificate: status,
    // Asked of the mapper's own certificate.
    verifyCertificate: () => Promise.resolve("Good"),
    getTrustStatus: status,
    trustCertificate: nothing,
    rejectCertificate: nothing,
    addIssuer: nothing,
    addRevocationList: nothing,
  };
}

const STATUS_OF = {
  trusted: StatusCodes.Good,
  untrusted: StatusCodes.BadCertificateUntrusted,
  expired: StatusCodes.BadCertificateTimeInvalid,
  broken: StatusCodes.BadCertificateInvalid,
} as const;

async function open(
  client: OPCUAClient,
  target: Target,
  login: UserIdentityInfo,
  signal: AbortSignal,
): Promise<Link> {
  let isBroken = false;
  const broke = (): void => {
    isBroken = true;
  };
  client.on("connection_lost", broke).on("close", broke);
  const abort = (): void => {
    client.disconnect().catch(() => undefined); // whoever waits for the connect is told
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect(target.url);
    const session = await client.createSession(login);
    session.on("session_closed", broke);
    session.on("keepalive_failure", broke);
    signal.throwIfAborted();
    return {
      session,
      dataTypes: new Map(),
      isBroken: () => isBroken,
      close: async () => {
        isBroken = true;
        await endsSoon(session.close()); // a broken one is closed already
        await endsSoon(client.disconnect());
      },
    };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

const MAX_REASON = 160;

function reasonFor(error: unknown, verdict: Verdict | undefined): OpcuaError {
  const said = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
  if (verdict !== undefined && verdict !== "trusted") {
    return new OpcuaError("UNTRUSTED", `the server's certificate is ${verdict}`, { cause: error });
  }
  const status = /Bad[A-Za-z]+/.exec(said)?.[0];
  if (status !== undefined)
    return new OpcuaError("REFUSED", `the server refuses: ${status}`, { cause: error });
  return new OpcuaError("UNREACHABLE", `no connection: ${said.slice(0, MAX_REASON)}`, { cause: error });
}
