// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@longshore/mapper";
import { OpcuaError } from "./errors.ts";
import type { Connect, Link } from "./link.ts";
import { endsSoon, orAborted } from "./patience.ts";
import type { Target } from "./target.ts";

/** Sessions by server and login, each shared by the devices that reach it the same way. */
export interface Sessions {
  /** @throws {OpcuaError} LIMIT */
  lease(target: Target): Lease;
  /** Sessions that somebody holds. */
  size(): number;
}

/** One device's share of a session. */
export interface Lease {
  /**
   * Runs with a session that works as far as is known; makes one when there is none. A failure that is not the node's
   * own is the session's: the next call makes another.
   */
  use<T>(run: (link: Link) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The last one to release closes the session. */
  release(): Promise<void>;
}

export interface SessionLimits {
  readonly maxSessions: number;
  readonly reconnectPauseMs: number;
}

interface Entry {
  holders: number;
  link: Link | undefined;
  connecting: Promise<Link> | undefined;
  readonly stop: AbortController;
  failure: { readonly error: unknown; readonly untilMs: number } | undefined;
}

export function createSessions(connect: Connect, limits: SessionLimits, clock: Clock): Sessions {
  const entries = new Map<string, Entry>();

  async function linkOf(entry: Entry, target: Target): Promise<Link> {
    if (entry.link && !entry.link.isBroken()) return entry.link;
    const { failure } = entry;
    if (failure && clock.monotonicMs() < failure.untilMs) throw failure.error;
    entry.connecting ??= renew(entry, target).finally(() => {
      entry.connecting = undefined;
    });
    return entry.connecting;
  }

  async function renew(entry: Entry, target: Target): Promise<Link> {
    await drop(entry);
    try {
      const link = await connect(target, entry.stop.signal);
      entry.failure = undefined;
      if (entry.stop.signal.aborted) {
        await link.close();
        throw new OpcuaError("UNREACHABLE", "the session is not wanted any more");
      }
      entry.link = link;
      return link;
    } catch (error) {
      entry.failure = { error, untilMs: clock.monotonicMs() + limits.reconnectPauseMs };
      throw error;
    }
  }

  function share(key: string): Entry {
    const entry = entries.get(key) ?? {
      ...{ holders: 0, link: undefined, connecting: undefined, failure: undefined },
      stop: new AbortController(),
    };
    if (entry.holders === 0 && entries.size >= limits.maxSessions) {
      throw new OpcuaError("LIMIT", `no more than ${limits.maxSessions} sessions are allowed`);
    }
    entries.set(key, entry);
    entry.holders++;
    return entry;
  }

  async function leave(key: string, entry: Entry): Promise<void> {
    entry.holders--;
    if (entry.holders > 0) return;
    entries.delete(key);
    entry.stop.abort();
    await endsSoon(entry.connecting); // it ends because it was aborted
    await drop(entry);
  }

  return {
    lease: (target) => {
      const key = JSON.stringify(target);
      const entry = share(key);
      let isHeld = true;
      return {
        use: async (run, signal) => {
          const link = await orAborted(() => linkOf(entry, target), signal);
          try {
            return await orAborted(() => run(link), signal);
          } catch (error) {
            if (!(error instanceof OpcuaError) && !signal.aborted) await drop(entry, link);
            throw asOpcuaError(error);
          }
        },
        release: async () => {
          if (!isHeld) return;
          isHeld = false;
          await leave(key, entry);
        },
      };
    },
    size: () => entries.size,
  };
}

/** @param only nothing is dropped when another link is there by now */
async function drop(entry: Entry, only?: Link): Promise<void> {
  const { link } = entry;
  if (!link || (only && link !== only)) return;
  entry.link = undefined;
  await link.close();
}

const asOpcuaError = (error: unknown): unknown => {
  if (!(error instanceof Error) || error instanceof OpcuaError || error.name === "AbortError") return error;
  const why = /Bad[A-Za-z]+|timeout/i.exec(error.message)?.[0] ?? "the connection broke";
  return new OpcuaError("UNREACHABLE", `the session failed: ${why}`, { cause: error });
};
