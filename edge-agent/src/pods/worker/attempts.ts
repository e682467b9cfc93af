// SPDX-License-Identifier: Apache-2.0
import { type Cri, CriError, type CriErrorCode } from "../../cri/index.ts";
import type { PodContainer } from "../model/index.ts";
import type { Journal } from "./journal.ts";

/** Answers after which the runtime has no container of that attempt; after all others it may. */
const REFUSALS: ReadonlySet<CriErrorCode> = new Set(["INVALID", "NOT_FOUND", "RUNTIME", "UNIMPLEMENTED"]);

/** One container as the runtime is asked to make it. */
export interface Attempt {
  readonly attempt: number;
  readonly sandboxId: string;
  readonly config: Parameters<Cri["createContainer"]>[1];
  readonly sandbox: Parameters<Cri["createContainer"]>[2];
}

/**
 * Keeps in the record which attempts were made, at the moment from which nobody could tell any more. That of an
 * ordinary container is its creation: the next one counts on, whatever became of this. That of an ephemeral container is
 * its start, after which there is no next; until then it is always the same attempt, of which the runtime has one at most.
 */
export class Attempts {
  readonly #cri: Pick<Cri, "createContainer" | "startContainer">;
  readonly #journal: Journal;

  constructor(cri: Pick<Cri, "createContainer" | "startContainer">, journal: Journal) {
    this.#cri = cri;
    this.#journal = journal;
  }

  /** @throws {CriError | StoreError} */
  async create({ container, role }: PodContainer, made: Attempt): Promise<string> {
    const { attempts } = this.#journal.value;
    if (role !== "ephemeral") await this.#note(container.name, made.attempt);
    try {
      return await this.#cri.createContainer(made.sandboxId, made.config, made.sandbox);
    } catch (error) {
      // Given back when the runtime surely made nothing.
      if (error instanceof CriError && REFUSALS.has(error.code)) this.#journal.writeSoon({ attempts });
      throw error;
    }
  }

  /** @throws {CriError | StoreError} */
  async start({ container, role }: PodContainer, id: string): Promise<void> {
    if (role === "ephemeral") await this.#note(container.name, 0);
    await this.#cri.startContainer(id);
  }

  async #note(name: string, attempt: number): Promise<void> {
    await this.#journal.write({ attempts: { ...this.#journal.value.attempts, [name]: attempt } });
  }
}
