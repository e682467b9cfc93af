// SPDX-License-Identifier: Apache-2.0
import { quoted, RenderFaultError } from "./fault.ts";
import { groupOf } from "./kinds.ts";
import type { RenderLimits } from "./limits.ts";
import { manifestField } from "./manifest.ts";
import type { Child, ChildObject, Rendered, RenderFault } from "./types.ts";

/** One object that is to be made. */
export interface Attempt {
  readonly ordinal: number;
  readonly target?: string;
  readonly version?: string;
  /** Kind and name of the manifest, for messages. */
  readonly title: string;
  readonly make: () => Child;
}

/** Makes what can be made. What cannot becomes a fault and stops nothing else. */
export function attemptAll(attempts: readonly Attempt[], limits: RenderLimits): Rendered {
  const collected = new Collected(limits);
  for (const attempt of attempts) {
    try {
      collected.add(attempt.make());
    } catch (error) {
      collected.faults.push(faultOf(attempt, error));
    }
  }
  const { children, faults } = collected;
  return { children, faults };
}

function faultOf({ ordinal, target, version, title }: Omit<Attempt, "make">, error: unknown): RenderFault {
  const { field, text } = error instanceof RenderFaultError ? error : unreadable(ordinal, error);
  return {
    ordinal,
    ...(target !== undefined && { target }),
    ...(version !== undefined && { version }),
    message: `${field}: ${text}${title === "" ? "" : ` (${title})`}`,
  };
}

/** What a schema would have refused: some value has another type than it is to have. */
function unreadable(ordinal: number, error: unknown): { readonly field: string; readonly text: string } {
  const why = quoted(error instanceof Error ? error.message : error);
  return {
    field: manifestField(ordinal),
    text: `or the overriders cannot be read (${why}); compare them with their kinds' fields`,
  };
}

class Collected {
  readonly children: Child[] = [];
  readonly faults: RenderFault[] = [];
  readonly #limits: RenderLimits;
  readonly #byKey = new Map<string, Child>();

  constructor(limits: RenderLimits) {
    this.#limits = limits;
  }

  add(child: Child): void {
    const field = manifestField(child.ordinal);
    const other = this.#byKey.get(keyOf(child.object));
    if (other !== undefined) {
      const text = `gives the same object ${child.object.metadata.name} as ${placeOf(other)}, which wins; rename one`;
      throw new RenderFaultError(`${field}.metadata.name`, text);
    }
    if (this.children.length >= this.#limits.maxChildren) {
      const text = `is beyond the ${String(this.#limits.maxChildren)} objects that there may be; split the application`;
      throw new RenderFaultError(field, text);
    }
    this.#byKey.set(keyOf(child.object), child);
    this.children.push(child);
  }
}

const keyOf = ({ apiVersion, kind, metadata }: ChildObject): string =>
  `${groupOf(apiVersion)}/${kind}/${metadata.name}`;

function placeOf({ ordinal, target, version }: Child): string {
  const place = [
    target === undefined ? "" : ` for ${target}`,
    version === undefined ? "" : `, ${version}`,
  ].join("");
  return `${manifestField(ordinal)}${place}`;
}
