// SPDX-License-Identifier: Apache-2.0
// `make stop|start|kill PART=hub`: one process of the local edge cloud, to see what the others do without it.
import { layoutOf } from "./cluster/layout.ts";
import { openPart, PART_NAMES, type Part } from "./cluster/parts.ts";
import { Fault, script } from "./fault.ts";
import { createSteps } from "./steps.ts";

const ACTIONS: Readonly<Record<string, { title: string; run(part: Part): Promise<void> }>> = {
  stop: { title: "Stop", run: (part) => part.stop() },
  kill: { title: "Kill", run: (part) => part.kill9() },
  start: { title: "Start", run: (part) => (part.isRunning() ? Promise.resolve() : part.start()) },
};

await script(async () => {
  const [wanted = "", partName = ""] = process.argv.slice(2);
  const action = ACTIONS[wanted];
  const name = PART_NAMES.find((known) => known === partName);
  if (!action || name === undefined) {
    throw new Fault("USAGE", `make ${wanted || "stop"} PART=…: one of ${PART_NAMES.join(", ")}`);
  }
  await createSteps().run(`${action.title} ${name}`, () => action.run(openPart(layoutOf(""), name)));
});
