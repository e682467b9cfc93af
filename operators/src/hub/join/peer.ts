// SPDX-License-Identifier: Apache-2.0
import { certificatePem, createHubCertificate, HUB_DAYS, keyPem, type Credential } from "./pki.ts";

/** What a hub shows other hubs, in PEM. */
export interface PeerCredential {
  readonly cert: string;
  readonly key: string;
}

const LIFE_MS = HUB_DAYS * 86_400_000;

/** This hub's credential towards other hubs: kept in memory, and made anew when two thirds of its life are over. */
export class HubPeer {
  readonly #ca: Credential;
  readonly #hub: string;
  readonly #clock: { wallMs(): number };
  #current: PeerCredential = { cert: "", key: "" };
  #dueMs = -Infinity;
  #renewing: Promise<void> | undefined;

  constructor(ca: Credential, hub: string, clock: { wallMs(): number }) {
    this.#ca = ca;
    this.#hub = hub;
    this.#clock = clock;
  }

  get credential(): PeerCredential {
    return this.#current;
  }

  /** Makes a new one if it is time to. */
  renew(): Promise<void> {
    const nowMs = this.#clock.wallMs();
    if (nowMs < this.#dueMs) return Promise.resolve();
    this.#renewing ??= this.#make(nowMs).finally(() => (this.#renewing = undefined));
    return this.#renewing;
  }

  async #make(nowMs: number): Promise<void> {
    const { certificate, key } = await createHubCertificate(this.#ca, this.#hub, nowMs);
    this.#current = { cert: certificatePem(certificate), key: keyPem(key) };
    this.#dueMs = nowMs + (LIFE_MS * 2) / 3;
  }
}
