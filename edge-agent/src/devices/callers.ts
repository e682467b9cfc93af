// SPDX-License-Identifier: Apache-2.0
import type { Counter } from "prom-client";
import { DmiFault, type DmiCall, type MapperTokens } from "../dmi/port.ts";
import type { AgentLog } from "../log.ts";

/** How mappers are known: `strict` by a token of each; `compatible` takes those of KubeEdge, which have none. */
export interface CallerOptions {
  readonly security: "compatible" | "strict";
  readonly tokens: MapperTokens;
}

/** Tells who calls, and what a caller may. */
export interface Callers {
  /** A mapper registers under a name. @throws {DmiFault} UNAUTHENTICATED */
  register(name: string, call: DmiCall): void;
  /** The mapper that reports; undefined where that is not known. @throws {DmiFault} UNAUTHENTICATED */
  identify(call: DmiCall): string | undefined;
  /**
   * It reports of a device that the mapper `owner` serves; undefined when none does.
   *
   * @throws {DmiFault} PERMISSION_DENIED
   */
  permit(name: string | undefined, owner: string | undefined): void;
}

type Doubt = "no token" | "unknown token" | "another mapper's token";

interface CallerDeps extends CallerOptions {
  readonly log: AgentLog;
  /** calls that were taken although the caller is in doubt */
  readonly doubts: Counter<"reason">;
}

/** Where no tokens are asked for, and none are known. */
export const ANYBODY: CallerOptions = {
  security: "compatible",
  tokens: { nameOf: () => undefined, offer: () => undefined },
};

function doubtOf(token: string | undefined, known: string | undefined, name: string): Doubt | undefined {
  if (token === undefined) return "no token";
  if (known === undefined) return "unknown token";
  return known === name ? undefined : "another mapper's token";
}

/** Knows callers by their tokens. A token is never in a log or an answer. */
export function createCallers({ security, tokens, log, doubts }: CallerDeps): Callers {
  const isStrict = security === "strict";
  const nameOf = (token: string | undefined): string | undefined =>
    token === undefined ? undefined : tokens.nameOf(token);
  const unauthenticated = (message: string): DmiFault => new DmiFault("UNAUTHENTICATED", "token", message);

  return {
    register: (name, { token }) => {
      const doubt = doubtOf(token, nameOf(token), name);
      if (doubt === undefined) return;
      if (isStrict) {
        const file = tokens.offer(name);
        const help = file === undefined ? "" : `: its token is in ${file}`;
        throw unauthenticated(`the mapper ${JSON.stringify(name)} calls with ${doubt}${help}`);
      }
      doubts.inc({ reason: doubt });
      log.warn({ mapper: name, reason: doubt }, "a mapper is taken at its word");
    },
    identify: ({ token }) => {
      const name = nameOf(token);
      if (name !== undefined) return name;
      const doubt = token === undefined ? "no token" : "unknown token";
      if (isStrict) throw unauthenticated(`reports need the token of a mapper: this has ${doubt}`);
      doubts.inc({ reason: doubt });
      return undefined;
    },
    permit: (name, owner) => {
      if (name === undefined || owner === name || (owner === undefined && !isStrict)) return;
      throw new DmiFault(
        "PERMISSION_DENIED",
        "mapper",
        owner === undefined ? "no mapper serves this device" : "another mapper serves this device",
      );
    },
  };
}
