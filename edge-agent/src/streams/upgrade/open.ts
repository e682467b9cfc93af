// SPDX-License-Identifier: Apache-2.0
import type { Duplex } from "node:stream";
import {
  StreamError,
  type AttachRequest,
  type ExecRequest,
  type PortForwardRequest,
} from "@longshore/crds/stream";
import type { Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import type { PodLookup } from "../port.ts";
import { connected, type Connect } from "./connect.ts";
import { judgeStreamingUrl } from "./judge-url.ts";
import { requestHead } from "./request-head.ts";

/** What the runtime serves itself, on a connection of its own. */
export type UpgradeRequest = ExecRequest | AttachRequest | PortForwardRequest;

/** What opening such a stream needs. */
export interface UpgradeDeps {
  readonly lookup: PodLookup;
  /** @throws {StreamError} INTERNAL while there is no runtime */
  readonly cri: () => Pick<Cri, "exec" | "attach" | "portForward">;
  readonly connect: Connect;
  readonly isOwnAddress: (ip: string) => boolean;
  readonly clock: Pick<Clock, "schedule">;
}

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Asks the runtime where it waits for this stream, connects there and hands over the upgrade request. From then on it is
 * bytes both ways: nothing of the stream, its window sizes included, is read here (what a size may be, the runtime says).
 *
 * @throws {StreamError | CriError}
 */
export async function openUpgrade(
  deps: UpgradeDeps,
  request: UpgradeRequest,
  signal: AbortSignal,
): Promise<Duplex> {
  const address = judgeStreamingUrl(await askRuntime(deps, request), deps.isOwnAddress);
  const wait = { clock: deps.clock, timeoutMs: CONNECT_TIMEOUT_MS, signal };
  signal.throwIfAborted();
  const { host, port } = address;
  const socket = await connected(deps.connect({ host, port }), wait);
  socket.write(requestHead(request.upgrade, address));
  return socket;
}

async function askRuntime({ lookup, cri }: UpgradeDeps, request: UpgradeRequest): Promise<string> {
  if (request.verb === "portForward") {
    const sandboxId = await lookup.sandbox(request);
    return cri().portForward({ sandboxId, ports: request.ports });
  }
  const [run] = await lookup.runs(request);
  if (!run.isRunning) {
    const { container, pod } = request;
    throw new StreamError("BAD_REQUEST", `container "${container}" in pod "${pod}" is not running`);
  }
  const { stdin, stdout, stderr, tty } = request;
  const ends = { containerId: run.id, stdin, stdout, stderr, tty };
  return request.verb === "exec" ? cri().exec({ ...ends, command: request.command }) : cri().attach(ends);
}
