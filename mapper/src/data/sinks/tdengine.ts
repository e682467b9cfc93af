// SPDX-License-Identifier: Apache-2.0
import { SinkError, type Secrets, type Sink, type SinkErrorCode, type TdengineTarget } from "../port.ts";
import { basic, checkStatus, createPostSession, type Answer } from "./post.ts";
import { createSuperTable, insertSamples, superTableOf } from "./tdengine-sql.ts";

/** A statement may have 1 MiB. */
const MAX_BATCH = 100;
/** Super tables known to be there; past it they are asked for anew. */
const MAX_KNOWN_TABLES = 10_000;

/**
 * Writes through TDengine's REST API (`POST /rest/sql/<database>`) with the secrets `username` and `password`. A batch
 * is one statement.
 */
export function createTdengineSink(target: TdengineTarget, secrets: Secrets): Sink<TdengineTarget> {
  const { endpoint, database } = target;
  const path = `/rest/sql/${encodeURIComponent(database)}`;
  const known = new Set<string>();
  const session = createPostSession({
    ...{ kind: "tdengine", endpoint, secrets, contentType: "text/plain; charset=utf-8" },
    authorize: async (read) => {
      const [username, password] = await Promise.all(["username", "password"].map(read));
      return username === undefined ? undefined : basic(username, password ?? "");
    },
  });

  async function run(statement: string, signal: AbortSignal): Promise<void> {
    checkAnswer(await session.post({ path, body: statement, signal }));
  }

  return {
    maxBatch: MAX_BATCH,
    send: async (batch, signal) => {
      const samples = batch.map(({ sample }) => sample);
      const statement = insertSamples(samples);
      for (const table of new Set(samples.map(superTableOf))) {
        if (known.has(table)) continue;
        await run(createSuperTable(table), signal);
        if (known.size >= MAX_KNOWN_TABLES) known.clear();
        known.add(table);
      }
      await run(statement, signal);
    },
    close: () => session.close(),
  };
}

/** It answers 200 to nearly all, and tells the outcome in the body. */
function checkAnswer({ status, body }: Answer): void {
  const code = codeOf(body);
  if (code === undefined) {
    checkStatus(status);
    throw new SinkError("UNAVAILABLE", "the answer is not of TDengine");
  }
  if (code === 0) return;
  const message = `TDengine answered 0x${code.toString(16).padStart(4, "0")}`;
  throw new SinkError(status === 401 ? "UNAUTHORIZED" : meaningOf(code), message);
}

/** The last 16 bits, as its manual lists them. */
function codeOf(body: Buffer): number | undefined {
  try {
    const answer: unknown = JSON.parse(body.toString("utf8"));
    const code = typeof answer === "object" && answer !== null && "code" in answer ? answer.code : undefined;
    return typeof code === "number" ? code & 0xffff : undefined;
  } catch {
    return undefined;
  }
}

const UNAUTHORIZED = [0x0207, 0x0208, 0x0303, 0x0357, 0x0512, 0x1105, 0x2644];
/** Time of the sample out of what the database keeps; the table is of another super table. */
const REFUSED = [0x0127, 0x0216, 0x0219, 0x021f, 0x0224, 0x060b, 0x061d];
/** The table is gone: it is made anew at the next attempt. */
const TABLE_GONE = 0x2603;

function meaningOf(code: number): SinkErrorCode {
  if (UNAUTHORIZED.includes(code)) return "UNAUTHORIZED";
  const isOfParser = code >= 0x2600 && code < 0x2700 && code !== TABLE_GONE;
  return isOfParser || REFUSED.includes(code) ? "REFUSED" : "UNAVAILABLE";
}
