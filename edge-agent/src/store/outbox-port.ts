// SPDX-License-Identifier: Apache-2.0

/** One message that waits for the cloud. */
export interface OutboxRow {
  /** Rises; never used again. */
  readonly id: number;
  readonly atMs: number;
  readonly topic: string;
  readonly payload: string;
}

/** What had to go before the cloud took it, and nobody was told of yet. */
export interface Gap {
  readonly dropped: number;
  readonly bytes: number;
  /** when the oldest and the newest of them came, in milliseconds since the epoch */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Messages that survive the agent until the cloud has them; within a quota, the oldest go first and are counted. */
export interface Outbox {
  readonly count: number;
  readonly bytes: number;
  /** Resolves when it is durable. @throws {StoreError} FULL, IO: it is not stored */
  put(topic: string, payload: string): Promise<void>;
  /** The oldest after `afterId`; at least one where there is any. */
  next(afterId: number, maxRows: number, maxChars: number): readonly OutboxRow[];
  /** Resolves when they are gone for good. @throws {StoreError} */
  delete(ids: readonly number[]): Promise<void>;
  gap(): Gap | undefined;
  /** The cloud knows of this gap; what was dropped since stays one. @throws {StoreError} */
  forgetGap(gap: Gap): Promise<void>;
  /** Drops what is too old. @throws {StoreError} */
  dropOld(): Promise<void>;
  close(): void;
}
