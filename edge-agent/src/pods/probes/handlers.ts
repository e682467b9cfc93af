// SPDX-License-Identifier: Apache-2.0
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Cri } from "../../cri/index.ts";
import { type Container, type HttpGetAction, messageOf, type ProbeHandler } from "../model/index.ts";

/** Whom to ask, and for how long. */
export interface HandlerTarget {
  readonly cri: Cri;
  readonly containerId: string;
  readonly container: Container;
  /** where the pod answers */
  readonly ip: string;
  readonly timeoutMs: number;
}

/** The answer, with words for people when it is no. */
export interface HandlerResult {
  readonly ok: boolean;
  readonly message: string;
}

const OK: HandlerResult = { ok: true, message: "" };
const no = (message: string): HandlerResult => ({ ok: false, message: message.slice(0, 500) });

const portOf = (port: number | string, container: Container): number => {
  if (typeof port === "number") return port;
  return (container.ports ?? []).find((p) => p.name === port)?.containerPort ?? Number(port);
};

async function runExec(command: readonly string[], t: HandlerTarget): Promise<HandlerResult> {
  const answer = await t.cri.execSync(t.containerId, command, Math.max(1, Math.ceil(t.timeoutMs / 1000)));
  if (answer.exitCode === 0) return OK;
  return no(
    `exit code ${answer.exitCode}: ${Buffer.concat([answer.stdout, answer.stderr]).toString("utf8", 0, 300)}`,
  );
}

function runHttp(action: HttpGetAction, t: HandlerTarget): Promise<HandlerResult> {
  const isTls = action.scheme === "HTTPS";
  const headers = Object.fromEntries((action.httpHeaders ?? []).map((h) => [h.name, h.value]));
  const options = {
    host: action.host ?? t.ip,
    port: portOf(action.port, t.container),
    path: action.path ?? "/",
    headers: { "user-agent": "kube-probe/longshore", accept: "*/*", ...headers },
    // Of the whole exchange: a peer that trickles bytes is never silent, and its body may be endless.
    signal: AbortSignal.timeout(Math.max(1, t.timeoutMs)),
    agent: false as const,
  };
  return new Promise((resolve) => {
    const send = isTls ? httpsRequest({ ...options, ...PROBE_TLS }) : httpRequest(options);
    send.on("response", (response) => {
      response.on("error", () => undefined); // the verdict is in the status
      response.resume();
      const code = response.statusCode ?? 0;
      resolve(code >= 200 && code < 400 ? OK : no(`HTTP probe failed with statuscode: ${code}`));
    });
    send.on("error", (error) => resolve(no(options.signal.aborted ? "timeout" : error.message)));
    send.end();
  });
}

/** A probe only asks whether a process of this node answers and sends it nothing; the API defines it as unverified. */
// eslint-disable-next-line no-restricted-syntax -- HTTPS probes skip verification by definition of the Pod API
const PROBE_TLS = { rejectUnauthorized: false };

function runTcp(action: { port: number | string; host?: string }, t: HandlerTarget): Promise<HandlerResult> {
  return new Promise((resolve) => {
    const socket = connect({
      host: action.host ?? t.ip,
      port: portOf(action.port, t.container),
      timeout: Math.max(1, t.timeoutMs),
    });
    const end = (result: HandlerResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => end(OK));
    socket.on("timeout", () => end(no("timeout")));
    socket.on("error", (error) => end(no(error.message)));
  });
}

const sleep = (ms: number): Promise<HandlerResult> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(OK), ms);
  });

/** Runs one handler of a probe or a lifecycle hook. Never throws. */
export async function runHandler(handler: ProbeHandler, target: HandlerTarget): Promise<HandlerResult> {
  try {
    if (handler.exec) return await runExec(handler.exec.command ?? [], target);
    if (handler.httpGet) return await runHttp(handler.httpGet, target);
    if (handler.tcpSocket) return await runTcp(handler.tcpSocket, target);
    if (handler.sleep) return await sleep(Math.min(handler.sleep.seconds * 1000, target.timeoutMs));
    return no("no handler of a known kind");
  } catch (error) {
    return no(messageOf(error));
  }
}
