// SPDX-License-Identifier: Apache-2.0
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { Cam, type CamProfile } from "onvif";
import type { Auth } from "./arguments.ts";
import { CameraError } from "./errors.ts";
import type { OnvifSource } from "./source.ts";

/** What a camera tells of itself. */
export interface CameraInformation {
  readonly manufacturer: string;
  readonly model: string;
  readonly firmwareVersion: string;
  readonly serialNumber: string;
  readonly hardwareId: string;
}

/** A camera that was asked for its services. Ends every question when its signal aborts. */
export interface OnvifCamera {
  information(signal: AbortSignal): Promise<CameraInformation>;
  /** Address of the profile's RTSP stream, at the host that the Device names, without credentials. */
  streamUrl(signal: AbortSignal): Promise<string>;
  close(): void;
}

export interface OnvifLimits {
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

/** @throws {CameraError} UNREACHABLE, REFUSED */
export async function connectOnvif(
  source: OnvifSource,
  auth: Auth | undefined,
  limits: OnvifLimits,
  signal: AbortSignal,
): Promise<OnvifCamera> {
  const agent = boundedAgent(source.isTls, limits.maxAnswerBytes);
  const cam = new Cam({
    hostname: source.host,
    port: source.port,
    path: source.path,
    useSecure: source.isTls,
    timeout: limits.timeoutMs,
    autoconnect: false,
    // What it says of its own address is often wrong, and would be a way to send the login elsewhere.
    preserveAddress: true,
    agent,
    ...(auth && { username: auth.userName, password: auth.password }),
  });
  // The library emits these as hints only.
  cam.on("error", () => undefined);
  const asker = askerOf(agent, limits.timeoutMs);
  await findServices(cam, asker, signal);
  return {
    information: async (abort) => informationOf(await asker((done) => cam.getDeviceInformation(done), abort)),
    streamUrl: async (abort) => {
      if (cam.profiles === undefined) await findProfiles(cam, asker, abort);
      const profileToken = tokenOf(cam.profiles ?? [], source.profile);
      const answer = await asker<unknown>(
        (done) => cam.getStreamUri({ protocol: "RTSP", profileToken }, done),
        abort,
      );
      return streamUrlOf(answer, source.host);
    },
    close: () => agent.destroy(),
  };
}

/**
 * Not the library's `connect`: that asks for more than is needed here, and never ends with a camera whose profiles lack
 * something.
 */
async function findServices(cam: Cam, asker: Asker, signal: AbortSignal): Promise<void> {
  // First the camera's time, which the login is made of.
  await asker((done) => cam.getSystemDateAndTime(done), signal);
  try {
    await asker<unknown>((done) => cam.getServices(true, done), signal);
  } catch (error) {
    if (!(error instanceof CameraError && error.code === "REFUSED")) throw error;
    await asker<unknown>((done) => cam.getCapabilities(done), signal); // of cameras that are older
  }
}

async function findProfiles(cam: Cam, asker: Asker, signal: AbortSignal): Promise<void> {
  try {
    await asker<unknown>((done) => cam.getProfiles(done), signal);
  } catch (error) {
    if (cam.media2Support !== true || signal.aborted) throw error;
    cam.media2Support = false; // it tells of the newer service and does not have it
    await asker<unknown>((done) => cam.getProfiles(done), signal);
  }
}

type Done<T> = (error: Error | null, answer?: T) => void;
/** Asks the library, and waits no longer than for the signal and the deadline, whether it calls back or not. */
type Asker = <T>(ask: (done: Done<T>) => void, signal: AbortSignal) => Promise<T>;

function askerOf(agent: HttpAgent, timeoutMs: number): Asker {
  return async <T>(ask: (done: Done<T>) => void, signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted();
    const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let abort = (): void => undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        abort = () => {
          agent.destroy();
          reject(new CameraError("UNREACHABLE", "the camera does not answer"));
        };
        end.addEventListener("abort", abort, { once: true });
        ask((error, answer) => (error ? reject(failureOf(error)) : resolve(answer as T)));
      });
    } finally {
      end.removeEventListener("abort", abort);
    }
  };
}

/** The library's own words may hold what the camera said: only faults are told, shortened. */
function failureOf(error: Error): CameraError {
  const code = "code" in error ? String(error.code) : "";
  if (code !== "" || /timeout/i.test(error.message)) {
    return new CameraError("UNREACHABLE", `the camera does not answer${code && `: ${code}`}`, {
      cause: error,
    });
  }
  const fault = /^(ONVIF SOAP Fault|Digest authentication failed)/.test(error.message);
  const why = fault ? error.message.slice(0, 160) : "it answers no ONVIF";
  return new CameraError("REFUSED", `the camera refuses: ${why}`);
}

function tokenOf(profiles: readonly CamProfile[], wanted: string | undefined): string {
  const known = profiles.map(({ $, name }) => ({ token: textOf($, "token"), name }));
  const found = known.find(({ token, name }) => {
    return token !== "" && (wanted === undefined || token === wanted || name === wanted);
  });
  if (found) return found.token;
  const which = wanted === undefined ? "no media profile" : `no media profile ${wanted}`;
  throw new CameraError("REFUSED", `the camera has ${which}`);
}

/** @throws {CameraError} REFUSED when the camera's answer is no RTSP address */
export function streamUrlOf(answer: unknown, host: string): string {
  const text = textOf(answer, "uri").trim();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "rtsp:" && url?.protocol !== "rtsps:") {
    throw new CameraError("REFUSED", "the camera names no RTSP address");
  }
  url.username = "";
  url.password = "";
  url.hostname = host.includes(":") ? `[${host}]` : host;
  return url.href;
}

const informationOf = (answer: unknown): CameraInformation => ({
  manufacturer: textOf(answer, "manufacturer"),
  model: textOf(answer, "model"),
  firmwareVersion: textOf(answer, "firmwareVersion"),
  serialNumber: textOf(answer, "serialNumber"),
  hardwareId: textOf(answer, "hardwareId"),
});

const MAX_TEXT = 2_048;

/** A word of an answer; the library makes numbers of what looks like one. */
function textOf(answer: unknown, key: string): string {
  const said =
    typeof answer === "object" && answer !== null
      ? new Map<string, unknown>(Object.entries(answer))
      : undefined;
  const value = said?.get(key);
  return typeof value === "string" || typeof value === "number" ? String(value).slice(0, MAX_TEXT) : "";
}

/** An agent whose connections end when the camera says more than `maxBytes` on one. */
function boundedAgent(isTls: boolean, maxBytes: number): HttpAgent {
  // Each question has a connection of its own, so that its bytes are the answer's.
  const agent = isTls ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false });
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    if (socket) endBeyond(socket, maxBytes);
    return socket;
  };
  return agent;
}

function endBeyond(socket: Duplex, maxBytes: number): void {
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) socket.destroy(new Error("the answer is too long"));
  });
}
