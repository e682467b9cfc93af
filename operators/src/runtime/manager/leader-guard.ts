// SPDX-License-Identifier: Apache-2.0
import type { Client } from "../client.ts";
import { ApiError } from "../errors.ts";

/**
 * A client that refuses to write once `hasLost` says so. Timers may be hours late after a stall or SIGSTOP, and a
 * write could run before any of them; this check is in the write's own way.
 *
 * @throws {ApiError} code 0, reason "LeadershipLost"
 */
export function guardWrites(client: Client, hasLost: () => boolean): Client {
  const check = (): void => {
    if (!hasLost()) return;
    throw new ApiError({
      code: 0,
      reason: "LeadershipLost",
      message: "not the leader any more: nothing was written",
    });
  };
  const guarded =
    <A extends unknown[], R>(write: (...args: A) => Promise<R>): ((...args: A) => Promise<R>) =>
    async (...args) => {
      check();
      return write(...args);
    };
  return {
    ...client,
    create: guarded(client.create.bind(client)) as Client["create"],
    update: guarded(client.update.bind(client)) as Client["update"],
    patch: guarded(client.patch.bind(client)) as Client["patch"],
    apply: guarded(client.apply.bind(client)) as Client["apply"],
    delete: guarded(client.delete.bind(client)),
    deleteCollection: guarded(client.deleteCollection.bind(client)),
    createSubresource: guarded(client.createSubresource.bind(client)) as Client["createSubresource"],
  };
}
