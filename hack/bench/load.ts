// SPDX-License-Identifier: Apache-2.0
// Connects simulated edges to any hub of KubeEdge's tunnel protocol, and tells what they get until it is stopped:
//   node hack/bench/load.ts --hub 10.0.0.1:10000 --join 10.0.0.1:10002 --token-file token --count 200
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Fault, script } from "../fault.ts";
import { DIALECTS, type Dialect } from "./edges/dialect.ts";
import { Fleet } from "./edges/fleet.ts";
import { joinNodes } from "./edges/join.ts";

const USAGE = `usage: node hack/bench/load.ts --hub HOST:PORT --join HOST:PORT --token-file FILE
         (--nodes NAME,NAME,… | --nodes-file FILE | --count N [--prefix sim-])
         [--dialect ${DIALECTS.join("|")}] [--seconds N]
  The nodes must exist in the cluster; the token is what \`keadm gettoken\` prints.`;

const REPORT_MS = 1_000;

function read() {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      ...{ hub: text, join: text, "token-file": text, nodes: text, "nodes-file": text, count: text },
      ...{ prefix: { ...text, default: "sim-" }, dialect: { ...text, default: "kubeedge" }, seconds: text },
    },
  });
  const dialect = DIALECTS.find((known): known is Dialect => known === values.dialect);
  const nodes = nodesOf(values);
  const { hub, join, "token-file": tokenFile } = values;
  if (hub === undefined || join === undefined || tokenFile === undefined || !dialect || nodes.length === 0)
    throw new Fault("USAGE", USAGE);
  const endsAtMs = performance.now() + Number(values.seconds ?? Infinity) * 1000;
  return { hub, join, token: readFileSync(tokenFile, "utf8"), nodes, dialect, endsAtMs };
}

interface Names {
  readonly nodes?: string | undefined;
  readonly "nodes-file"?: string | undefined;
  readonly count?: string | undefined;
  readonly prefix: string;
}

function nodesOf({ nodes, "nodes-file": file, count, prefix }: Names): string[] {
  if (nodes !== undefined) return nodes.split(",");
  if (file !== undefined)
    return readFileSync(file, "utf8")
      .split(/\s+/)
      .filter((name) => name !== "");
  return Array.from({ length: Number(count ?? 0) }, (_, i) => `${prefix}${i}`);
}

await script(async () => {
  const { hub, join, token, nodes, dialect, endsAtMs } = read();
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { ca, identities } = await joinNodes({ join, token }, nodes);
  say(`${nodes.length} certificates`);
  const fleet = new Fleet();
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const startedMs = performance.now();
  await fleet.add({ hub, ca, dialect }, identities);
  say(`${nodes.length} edges connected in ${((performance.now() - startedMs) / 1000).toFixed(2)} s`);
  let before = fleet.progress.acked;
  while (!stop.signal.aborted && performance.now() < endsAtMs) {
    await sleep(REPORT_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    const { acked, connected, round, atNewest } = fleet.progress;
    if (acked !== before)
      say(`connected ${connected}, acked ${acked} (+${acked - before}), round ${round}: ${atNewest}`);
    before = acked;
  }
  await fleet.stop();
});
