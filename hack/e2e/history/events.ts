// SPDX-License-Identifier: Apache-2.0
// What a history is made of: what was wanted, what faults there were, and what was seen at the edge.

/** The API server took a change. `key` is `kind/namespace/name`, as at the edge. */
export interface Wanted {
  readonly type: "wanted";
  readonly atMs: number;
  readonly op: "put" | "delete";
  readonly key: string;
  readonly uid: string;
  /** Of a put. */
  readonly rv: string;
}

/** A desired value is about to be asked for; whether it came into effect the API server may not live to tell. */
export interface Desired {
  readonly type: "desired";
  readonly atMs: number;
  readonly device: string;
  readonly value: string;
}

/** A change that the edge's store has committed, in the order of the commits. */
export interface Stored {
  readonly type: "stored";
  readonly atMs: number;
  readonly op: "put" | "delete";
  readonly key: string;
  readonly uid: string;
  readonly rv: string;
  readonly epoch: number;
}

/** A container, or a sandbox, that the runtime had, told once. */
export interface Created {
  readonly type: "created";
  readonly atMs: number;
  readonly id: string;
  readonly uid: string;
  /** Name of the container; "" is the sandbox. */
  readonly container: string;
}

/** What a container itself wrote down when it began to run. */
export interface Began {
  readonly type: "began";
  readonly uid: string;
}

/** A value that was set at the device; `write` counts from when the mapper opened it. */
export interface Set {
  readonly type: "set";
  readonly device: string;
  readonly value: string;
  readonly write: number;
}

/** A fault began, the part is ready again, or the edge has what is wanted again. */
export interface Faulted {
  readonly type: "fault";
  readonly atMs: number;
  readonly name: string;
  readonly phase: "down" | "ready" | "converged";
}

export type HistoryEvent = Wanted | Desired | Stored | Created | Began | Set | Faulted;

/** What is wrong with a history, and which invariant that breaks. */
export interface Violation {
  readonly invariant: "I1" | "I2" | "I3" | "I4";
  readonly message: string;
}
