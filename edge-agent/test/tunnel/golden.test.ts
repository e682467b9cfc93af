// SPDX-License-Identifier: Apache-2.0
import type { Frame } from "@longshore/crds/wire";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { createAuthority, type Authority } from "../join/authority.ts";
import { startBench } from "./bench.ts";
import { until } from "./fakes.ts";

const GOLDEN = new URL("../../../crds/test/golden/", import.meta.url);

interface Line {
  readonly dir: string;
  readonly msg?: Frame;
}

/** Pushes that were recorded from a real CloudCore, each with the answer of a real EdgeCore where it gave one. */
function exchanges(file: string): { push: Frame; answer: Frame | undefined }[] {
  const text = readFileSync(new URL(file, GOLDEN), "utf8");
  const lines = text
    .split("\n")
    .filter((line) => line.includes('"msg"'))
    .map((line) => JSON.parse(line) as Line);
  const frames = (dir: string) => lines.flatMap((line) => (line.dir === dir && line.msg ? [line.msg] : []));
  const ups = frames("up");
  const pushes = frames("down").filter(({ header }) => header.parent_msg_id === undefined);
  return pushes.map((push) => ({
    push,
    answer: ups.find(({ header }) => header.parent_msg_id === push.header.msg_id),
  }));
}

const files = readdirSync(GOLDEN).filter((name) => name.endsWith(".jsonl") && exchanges(name).length > 0);

let authority: Authority;
beforeAll(async () => {
  authority = await createAuthority();
});

describe("what a real CloudCore sent", () => {
  it.each(files)("%s is answered as the real EdgeCore did", async (file) => {
    const bench = await startBench(authority, { negotiates: false, node: "edge-node" });
    bench.tunnel.start();
    const connection = await bench.hub.connection(1);
    await until(() => bench.tunnel.isConnected(), "a session");
    try {
      for (const { push, answer } of exchanges(file)) {
        connection.send(push);
        if (answer === undefined) continue;
        const own = await connection.next(
          `the answer to ${push.route.operation ?? ""} ${push.route.resource ?? ""}`,
          ({ header }) => header.parent_msg_id === push.header.msg_id,
        );
        expect({ route: own.route, content: own.content }).toEqual({
          route: answer.route,
          content: answer.content,
        });
      }
    } finally {
      await bench.end();
    }
  });

  it("was recorded in at least ten files", () => {
    expect(files.length).toBeGreaterThanOrEqual(10);
  });
});
