// SPDX-License-Identifier: Apache-2.0
import { RenderFaultError } from "./fault.ts";
import { groupOf } from "./kinds.ts";
import { DEFAULT_RENDER_LIMITS, type RenderLimits } from "./limits.ts";
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
  return collected;
}

function faultOf({ ordinal, target, version, title }: Omit<Attempt, "make">, error: unknown): RenderFault {
  const known = error instanceof RenderFaultError;
  const field = known ? error.field : manifestField(ordinal);
  const text = known ? error.text : "cannot be read; compare it with what kubectl apply takes";
  return {
    ordinal,
    ...(target !== undefined && { target }),
    ...(version !== undefined && { version }),
    message: `${field}: ${text}${title === "" ? "" : ` (${title})`}`,
  };
}

class Collected implements Rendered {
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

/**
 * All of an application's children together. Where two would be the same object (web-a for b, web for a-b), the
 * first wins and the other is a fault.
 */
export function mergeRendered(
  parts: Iterable<Rendered>,
  limits: RenderLimits = DEFAULT_RENDER_LIMITS,
): Rendered {
  const collected = new Collected(limits);
  for (const { children, faults } of parts) {
    collected.faults.push(...faults);
    for (const child of children) {
      try {
        collected.add(child);
      } catch (error) {
        collected.faults.push(
          faultOf({ ...child, title: `${child.object.kind} ${child.manifestName}` }, error),
        );
      }
    }
  }
  return collected;
}
