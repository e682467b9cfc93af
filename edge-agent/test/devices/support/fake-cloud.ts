// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { TunnelError, type Uplink, type UplinkRequest } from "../../../src/tunnel/port.ts";

/** A cloud that answers "OK", or as a test says. */
export class FakeCloud implements Uplink {
  readonly requests: UplinkRequest[] = [];
  readonly #listeners = new Set<(connected: boolean) => void>();
  connected: boolean;
  /** As a hub of ours does. */
  takesBatches = false;
  /** Undefined: never answers. */
  answer: (request: UplinkRequest) => { operation?: string; content: unknown } | undefined = () => ({
    content: "OK",
  });
  /** How long the cloud takes. */
  delay: () => Promise<void> = () => Promise.resolve();
  inFlight = 0;
  maxInFlight = 0;

  constructor(connected = true) {
    this.connected = connected;
  }
  isConnected(): boolean {
    return this.connected;
  }
  takesDeviceBatches(): boolean {
    return this.connected && this.takesBatches;
  }
  connect(connected: boolean): void {
    this.connected = connected;
    for (const listener of this.#listeners) listener(connected);
  }
  onState(listener: (connected: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  send(request: UplinkRequest): void {
    this.requests.push(request);
  }
  async request(request: UplinkRequest): Promise<Frame> {
    if (!this.connected) throw new TunnelError("OFFLINE", "not connected");
    this.requests.push(request);
    this.maxInFlight = Math.max(this.maxInFlight, ++this.inFlight);
    await this.delay();
    this.inFlight--;
    const answer = this.answer(request);
    if (answer === undefined) throw new TunnelError("TIMEOUT", "no reply in time");
    const { operation = "response", content } = answer;
    return { header: { msg_id: "1", timestamp: 0 }, route: { operation }, content };
  }
}
