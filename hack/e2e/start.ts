// SPDX-License-Identifier: Apache-2.0
// Brings up an environment of the end-to-end tests, by its name. The tests call it themselves; hack/test.ts removes it.
import { ensureControlPlane } from "../control-plane/build.ts";
import { startEnvironment } from "../cluster/environment.ts";
import { E2E_ENVIRONMENTS, layoutOf } from "../cluster/layout.ts";
import { describeFailure, Fault, script } from "../fault.ts";
import { ensureMetricsServer } from "../metrics-server/build.ts";
import { ensurePrerequisites, requireRoot, TEST_REQUIREMENTS } from "../prerequisites.ts";
import { createSteps, type Say } from "../steps.ts";

/** Two missed Lease renewals, so that tests see a dead node in seconds. */
const NODE_GRACE_SECONDS = 20;

/** What needs it fails without it, and tells; everything else is tested all the same. */
const tryMetricsServer = (say: Say): Promise<string | undefined> =>
  ensureMetricsServer(say).catch((error: unknown) => {
    say(`going on without: ${describeFailure(error)}`);
    return undefined;
  });

await script(async () => {
  requireRoot("make e2e");
  const name = E2E_ENVIRONMENTS.find((one) => one === process.argv[2]);
  if (name === undefined)
    throw new Fault("NO_ENVIRONMENT", `one of ${E2E_ENVIRONMENTS.join(", ")} is started`);
  const layout = layoutOf(name);
  const steps = createSteps();
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say, TEST_REQUIREMENTS));
  const bin = await steps.run("Get the control plane", (say) => ensureControlPlane(say));
  const metricsServer = await steps.run("Get metrics-server", (say) => tryMetricsServer(say));
  const hubPorts = { tunnel: layout.firstPort + 12, join: layout.firstPort + 13 };
  await startEnvironment(layout, steps, {
    bin,
    nodeGraceSeconds: NODE_GRACE_SECONDS,
    hubPorts,
    withLink: true,
    withMapper: true,
    withSecondHub: true,
    withPrometheus: true,
    metricsServer,
  });
});
