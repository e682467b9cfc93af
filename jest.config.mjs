import { fileURLToPath } from "node:url";

const seeded = fileURLToPath(new URL("hack/verify/seeded-fast-check.mjs", import.meta.url));

// One project a package. Unit tests run everywhere; `*.int.test.ts` need real parts (redis-server,
// kube-apiserver, containerd), which hack/test.ts installs or builds before it calls jest.
// Each worker of project e2e has an environment of its own, of which there are two: run it with `make e2e`.
const base = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  moduleNameMapper: { "^fast-check$": seeded },
  testEnvironmentOptions: { customExportConditions: ["source", "node", "node-addons"] },
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2023" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
};
const project = (name) => ({ ...base, displayName: name, rootDir: `<rootDir>/${name}` });

export default {
  projects: [
    ...["crds", "operators", "webhooks", "edge-agent", "mapper", "mapper/drivers", "hack"].map(project),
    { ...project("hack"), displayName: "e2e", testMatch: ["<rootDir>/e2e/**/*.e2e.test.ts"] },
  ],
  // Hangs are to end, not tests on a machine that has much else to do.
  testTimeout: 60_000,
  coverageProvider: "v8",
  collectCoverageFrom: ["*/src/**/*.ts"],
  reporters: ["default", "<rootDir>/hack/verify/plain-reporter.mjs"],
};
