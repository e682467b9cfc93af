// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from "fastify";
import { changeCertificate, createAdmissionServer, type ServerOptions } from "./server.ts";
import type { ServingCert } from "./serving-cert.ts";

export interface FrontOptions extends Omit<ServerOptions, "tls" | "isDraining"> {
  readonly host: string;
  readonly port: number;
  /** The port cannot be listened on. */
  readonly failed: (error: unknown) => void;
}

/** Longer than an API server waits for an answer. */
const CLOSE_MS = 3_500;

/** The admission server, which listens from its first certificate on. */
export class Front {
  readonly #options: FrontOptions;
  #server: FastifyInstance | undefined;
  #isListening = false;
  #isDraining = false;

  constructor(options: FrontOptions) {
    this.#options = options;
  }

  /** Why no review can be answered; undefined when they can. */
  get notReady(): string | undefined {
    if (this.#isDraining) return "stopping";
    return this.#isListening ? undefined : "not listening yet";
  }

  /** Serves with this certificate from now on. */
  serve(tls: ServingCert): void {
    if (this.#server) {
      changeCertificate(this.#server, tls);
      return;
    }
    const { rules, observer, host, port, failed } = this.#options;
    this.#server = createAdmissionServer({ rules, observer, tls, isDraining: () => this.#isDraining });
    this.#server.listen({ host, port }).then(() => (this.#isListening = true), failed);
  }

  /** Still answers, and ends each connection with its answer. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Waits for reviews that are being answered, for a while. */
  async close(): Promise<void> {
    this.#isDraining = true;
    const server = this.#server;
    if (!server) return;
    const cut = setTimeout(() => server.server.closeAllConnections(), CLOSE_MS);
    const giveUp = new Promise<void>((resolve) => setTimeout(resolve, 2 * CLOSE_MS).unref());
    await Promise.race([server.close(), giveUp]);
    clearTimeout(cut);
  }
}
