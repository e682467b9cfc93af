// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import { readIdentity, writeBundle, type IdentityPaths } from "./bundle.ts";
import { JoinError } from "./errors.ts";
import { checkIdentity, type Identity } from "./identity.ts";
import { joinWithToken, type JoinOptions } from "./join.ts";

/** What coming to an identity needs of the agent. */
export interface EnsureDeps {
  readonly paths: IdentityPaths;
  readonly options: JoinOptions;
  /** Reads the token now; undefined when none is configured. */
  readonly token: () => string | undefined;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;

/**
 * The identity of this node: the stored one where it is usable, else a new one by the token, for which it tries for as
 * long as nobody answers.
 *
 * @throws {JoinError} everything that trying again does not change
 */
export async function ensureIdentity(deps: EnsureDeps): Promise<Identity> {
  const stored = readIdentity(deps.paths);
  if (stored !== undefined && isUsable(stored, deps)) return stored;
  const token = deps.token();
  if (token === undefined) {
    if (stored !== undefined) checkIdentity(stored, deps.options.node);
    throw new JoinError(
      "TOKEN",
      "this node has no certificate yet and no token to ask for one with (modules.edgeHub.token)",
    );
  }
  const identity = await joinWithRetries(deps, token);
  writeBundle(deps.paths.bundle, identity);
  deps.log.info({ node: deps.options.node }, "joined");
  return identity;
}

/** A stored identity of another node is replaced by joining anew, as KubeEdge does when the node was renamed. */
function isUsable(identity: Identity, deps: EnsureDeps): boolean {
  try {
    checkIdentity(identity, deps.options.node);
    return true;
  } catch (err) {
    deps.log.warn({ err }, "stored identity is unusable");
    return false;
  }
}

async function joinWithRetries(deps: EnsureDeps, token: string): Promise<Identity> {
  for (let failures = 0; ; failures++) {
    try {
      return await joinWithToken(deps.options, token);
    } catch (error) {
      if (!(error instanceof JoinError) || !error.retryable) throw error;
      const delayMs = deps.random() * Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
      deps.log.warn(
        { err: error, delayMs: Math.round(delayMs) },
        "cannot reach the hub to join, trying again",
      );
      await pause(deps.clock, delayMs, deps.signal);
      deps.signal.throwIfAborted();
    }
  }
}
