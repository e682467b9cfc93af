// SPDX-License-Identifier: Apache-2.0
import { existsSync } from "node:fs";
import { ENVIRONMENTS, layoutOf } from "./cluster/layout.ts";
import { leftovers, sweep } from "./cluster/sweep.ts";
import { Fault, script } from "./fault.ts";
import { createSteps } from "./steps.ts";

await script(async () => {
  const steps = createSteps();
  for (const name of ENVIRONMENTS.toReversed()) {
    const layout = layoutOf(name);
    if (name !== "" && !existsSync(layout.dir) && !existsSync(layout.sockets)) continue;
    await steps.run(`Stop and remove ${name === "" ? "the local edge cloud" : name}`, () => sweep(layout));
    const left = await leftovers(layout);
    if (left.length > 0) throw new Fault("NOT_CLEAN", `still there: ${left.join("; ")}`);
  }
  process.stdout.write("Nothing runs any more. Logs are in .run/logs.\n");
});
