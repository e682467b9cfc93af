// SPDX-License-Identifier: Apache-2.0
// Brings up the environment of the end-to-end tests. The tests call it themselves; hack/test.ts removes it.
import { ensureControlPlane } from "../control-plane/build.ts";
import { startEnvironment } from "../cluster/environment.ts";
import { layoutOf } from "../cluster/layout.ts";
import { script } from "../fault.ts";
import { ensurePrerequisites, requireRoot } from "../prerequisites.ts";
import { createSteps } from "../steps.ts";

/** Two missed Lease renewals, so that tests see a dead node in seconds. */
const NODE_GRACE_SECONDS = 20;

await script(async () => {
  requireRoot("make e2e");
  const layout = layoutOf("e2e");
  const steps = createSteps();
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say));
  const bin = await steps.run("Get the control plane", (say) => ensureControlPlane(say));
  const hubPorts = { tunnel: layout.firstPort + 12, join: layout.firstPort + 13 };
  await startEnvironment(layout, steps, {
    bin,
    nodeGraceSeconds: NODE_GRACE_SECONDS,
    hubPorts,
    withLink: true,
    withMapper: true,
  });
});
