// SPDX-License-Identifier: Apache-2.0
import {
  StreamError,
  toStreamError,
  type KubeletCall,
  type OpenedStream,
  type StreamOpener,
  type StreamRequest,
} from "@longshore/crds/stream";
import type { HubAddress } from "../delivery/directory.ts";
import type { Clock, Log } from "../runtime/index.ts";
import { Deadline, lastSeen, offlineText, placePod, type Absence } from "./locate/index.ts";
import type { StreamMetrics } from "./metrics.ts";
import type { StreamServerOptions } from "./options.ts";
import { UnreachableError, type PeerPool } from "./peers/index.ts";
import type { StreamServerDeps } from "./port.ts";
import type { Slots } from "./slots.ts";

export interface SwitchboardDeps extends Pick<
  StreamServerDeps,
  "client" | "directory" | "openerOf" | "hasSession"
> {
  readonly peers: Pick<PeerPool, "open">;
  readonly slots: Slots;
  readonly metrics: StreamMetrics;
  readonly clock: Clock;
  readonly log: Log;
  readonly options: Pick<StreamServerOptions, "openTimeoutMs" | "resolveTimeoutMs">;
}

/** Of the time to find a node, what is left for finding out when it was last seen. */
const LAST_SEEN_MS = 300;

/** A stream, and of whom. */
export interface PlacedStream extends OpenedStream {
  readonly node: string;
  readonly verb: StreamRequest["verb"];
}

interface Wanted {
  readonly node: string;
  readonly request: StreamRequest;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
}

/** Connects those who ask with the node that they mean, wherever it is. */
export class Switchboard {
  readonly #deps: SwitchboardDeps;
  readonly #live = new Set<OpenedStream["stream"]>();
  #isStopped = false;

  constructor(deps: SwitchboardDeps) {
    this.#deps = deps;
  }

  /** Fails all streams, so that whoever asked for one may still be told. */
  stop(): void {
    this.#isStopped = true;
    for (const stream of this.#live) stream.destroy(new StreamError("LOST", "this hub stops"));
  }

  /** For the API server: finds the node, here or at another hub. @throws {StreamError} */
  open(call: KubeletCall, signal: AbortSignal): Promise<PlacedStream> {
    const { clock, options } = this.#deps;
    const deadline = new Deadline(clock, options.resolveTimeoutMs - LAST_SEEN_MS);
    return this.#measured(call.request, async () => {
      const { node, request } = await this.#place(call, deadline, signal);
      const opened = await this.#held(node, request, () => this.#route({ node, request, deadline, signal }));
      return { ...opened, node, verb: request.verb };
    });
  }

  /** For another hub: a node that is here, or OFFLINE. @throws {StreamError} */
  openHere(node: string, request: StreamRequest, signal: AbortSignal): Promise<OpenedStream> {
    return this.#measured(request, async () => {
      const opener = this.#deps.openerOf(node);
      if (opener === undefined)
        throw new StreamError("OFFLINE", this.#isWithoutStreams(node) ? withoutStreams(node) : "");
      return await this.#held(node, request, () => this.#openAt(node, opener, request, signal));
    });
  }

  async #measured<T extends OpenedStream>(request: StreamRequest, open: () => Promise<T>): Promise<T> {
    const { metrics, clock, log, slots } = this.#deps;
    const { verb } = request;
    const startedMs = clock.nowMs();
    try {
      const giveBack = slots.takeOpening();
      const opened = await open().finally(giveBack);
      metrics.opens.inc({ verb, result: "ok" });
      metrics.openSeconds.observe({ verb }, (clock.nowMs() - startedMs) / 1000);
      log.debug({ ...naming(request) }, "stream opened");
      return opened;
    } catch (err) {
      const error = toStreamError(err);
      metrics.opens.inc({ verb, result: error.code.toLowerCase() });
      log.warn({ ...naming(request), code: error.code, reason: error.message }, "stream not opened");
      throw error;
    }
  }

  async #place(
    call: KubeletCall,
    deadline: Deadline,
    signal: AbortSignal,
  ): Promise<{ node: string; request: StreamRequest }> {
    const { request, node } = call;
    if (request.verb === "read") {
      if (node === undefined) throw new StreamError("BAD_REQUEST", "the request names no node");
      return { node, request };
    }
    const { namespace, pod, uid } = request;
    const placed = await placePod(this.#deps.client, { namespace, pod, uid, node }, deadline, signal);
    return { node: placed.node, request: { ...request, uid: placed.uid } };
  }

  /** Counts the stream from before it is opened until it is closed. */
  async #held(
    node: string,
    { verb }: StreamRequest,
    open: () => Promise<OpenedStream>,
  ): Promise<OpenedStream> {
    const { slots, metrics } = this.#deps;
    const giveBack = slots.takeStream(node);
    try {
      const opened = await open();
      opened.stream.on("error", () => undefined); // before anybody else listens
      if (this.#isStopped) opened.stream.destroy();
      if (opened.stream.closed) throw new StreamError("LOST", "the stream was over at once");
      metrics.active.inc({ verb });
      this.#live.add(opened.stream);
      opened.stream.once("close", () => {
        this.#live.delete(opened.stream);
        giveBack();
        metrics.active.dec({ verb });
      });
      return opened;
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  async #route(wanted: Wanted): Promise<OpenedStream> {
    const { node, request, signal } = wanted;
    const opener = this.#deps.openerOf(node);
    if (opener === undefined) return await this.#elsewhere(wanted);
    try {
      return await this.#openAt(node, opener, request, signal);
    } catch (error) {
      // Gone at this moment; it was not asked, so asking again elsewhere does nothing twice.
      if (isOffline(error)) return await this.#elsewhere(wanted);
      throw error;
    }
  }

  async #elsewhere(wanted: Wanted): Promise<OpenedStream> {
    const hubs = await this.#hubsOf(wanted);
    if (hubs === undefined) throw await this.#offline(wanted, { why: "directory" });
    const unreached: string[] = [];
    let said = "";
    for (const hub of hubs) {
      try {
        return await this.#forward(hub, wanted);
      } catch (error) {
        if (error instanceof UnreachableError) unreached.push(hub.hub);
        else if (isOffline(error)) said ||= error.message;
        else throw error;
      }
    }
    // A session without streams is no answer while the hub with the node's stream tunnel may be another.
    if (unreached.length > 0) throw await this.#offline(wanted, { why: "peers", hubs: unreached });
    if (said !== "") throw new StreamError("OFFLINE", said);
    throw await this.#offline(wanted, { why: "nowhere" });
  }

  /** @returns undefined when the directory does not say */
  async #hubsOf({ node, deadline, signal }: Wanted): Promise<readonly HubAddress[] | undefined> {
    try {
      return await deadline.bound(() => this.#deps.directory.hubsOf(node), "", signal);
    } catch (error) {
      if (error instanceof StreamError && error.code === "CANCELLED") throw error;
      this.#deps.log.warn({ err: error, node }, "the hubs of a node are not known");
      return undefined;
    }
  }

  #forward(hub: HubAddress, { node, request, deadline, signal }: Wanted): Promise<OpenedStream> {
    const opener: StreamOpener = {
      open: (asked, given = signal) =>
        this.#deps.peers.open(hub, { node, request: asked }, { deadline, signal: given }),
    };
    return this.#openAt(node, opener, request, signal);
  }

  async #offline({ node }: Wanted, absence: Absence): Promise<StreamError> {
    const { client, clock } = this.#deps;
    if (absence.why === "nowhere" && this.#isWithoutStreams(node))
      return new StreamError("OFFLINE", withoutStreams(node));
    const seen = await lastSeen(client, node, new Deadline(clock, LAST_SEEN_MS));
    return new StreamError("OFFLINE", offlineText(node, absence, seen, clock.wallMs()));
  }

  #openAt(
    node: string,
    opener: StreamOpener,
    request: StreamRequest,
    signal: AbortSignal,
  ): Promise<OpenedStream> {
    const { clock, options } = this.#deps;
    const { openTimeoutMs } = options;
    const ask = async (bound: AbortSignal): Promise<OpenedStream> => {
      const opened = await opener.open(request, bound);
      // An answer that came too late belongs to nobody.
      if (bound.aborted) opened.stream.destroy();
      return opened;
    };
    const what = `node "${node}" did not answer within ${openTimeoutMs / 1000} s`;
    return new Deadline(clock, openTimeoutMs).bound(ask, what, signal);
  }

  #isWithoutStreams(node: string): boolean {
    return this.#deps.hasSession?.(node) === true && this.#deps.openerOf(node) === undefined;
  }
}

const isOffline = (error: unknown): error is StreamError =>
  error instanceof StreamError && error.code === "OFFLINE";

const withoutStreams = (node: string): string =>
  `node "${node}" is connected, but without streams: set modules.edgeStream.enable to true in its edgecore.yaml`;

/** What of a request may be logged. */
function naming(request: StreamRequest): object {
  if (request.verb === "read") return { verb: request.verb, what: request.what };
  const { verb, namespace, pod } = request;
  return { verb, namespace, pod };
}
