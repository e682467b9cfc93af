// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, existsSync } from "node:fs";
import { ensureControlPlane } from "./control-plane/build.ts";
import { startInfrastructure } from "./cluster/infrastructure.ts";
import { layoutOf, makeFolders } from "./cluster/layout.ts";
import { createPorts } from "./cluster/ports.ts";
import { recordedProcesses } from "./cluster/processes.ts";
import { sweep } from "./cluster/sweep.ts";
import { script } from "./fault.ts";
import { ensurePrerequisites, requireRoot } from "./prerequisites.ts";
import { createSteps } from "./steps.ts";

await script(async () => {
  requireRoot("make up");
  const layout = layoutOf("");
  const steps = createSteps();
  const theirs = process.env["KUBECONFIG"];
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say));
  const bin = theirs ? undefined : await steps.run("Get the control plane", (say) => ensureControlPlane(say));
  if (recordedProcesses(layout).length > 0) await steps.run("Remove what ran before", () => sweep(layout));
  makeFolders(layout);
  if (theirs !== undefined && existsSync(theirs)) copyFileSync(theirs, layout.kubeconfig);
  await startInfrastructure(layout, createPorts(), steps, { bin, nodeGraceSeconds: 50 });
  process.stdout.write(`\n${steps.table()}\n`);
});
