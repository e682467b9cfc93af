// Who may import whom: the table of docs/architecture.md as rules. `make verify` runs them through
// hack/verify/imports.ts, which also fails when suspiciously few modules were seen.
// A rule with `pathNot` lists what is allowed; everything else is refused.

/** An npm package, wherever it is installed. */
const npm = (...names) => names.map((name) => `(^|/)node_modules/${name}/`);
/** The cruiser names what npm links into node_modules by its real path: crds/src/… */
const CRDS = "^crds/src/";

const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: "error",
  from,
  to: { pathNot: allowed, dependencyTypesNot: ["core"] },
});
const never = (name, from, to, comment) => ({
  name,
  comment,
  severity: "error",
  from: typeof from === "string" ? { path: from } : from,
  to: { path: to },
});

/** Folders of operators/src that are not a controller. */
const ROOMS = ["config", "roles", "runtime", "delivery", "hub", "placement", "stream", "node-job"];
const CONTROLLER = `^operators/src/(?!(?:${ROOMS.join("|")})/)([^/]+)/`;
const PORTS_OF_DELIVERY = "^operators/src/delivery/(outbox|placement|errors)\\.ts$";
const LEDGER = "^operators/src/delivery/ledger\\.ts$";
const OBJECT_SYNC = "^operators/src/object-sync/";
const PORTS_OF_MAILBOX = "^operators/src/delivery/(outbox|mailbox|ledger|errors)\\.ts$";
const PORTS_OF_STREAM = "^operators/src/delivery/(directory|errors)\\.ts$";
const RUNTIME = "^operators/src/runtime/";
const MAIN = "^operators/src/main\\.ts$";
const CONFIG = "^operators/src/config/";
const ROLES = "^operators/src/roles/";
const REDIS = npm("bullmq", "ioredis");

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "not even of types: files that need each other are one thought in two places",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "declared",
      comment: "an npm package must be named in the package.json of its user",
      severity: "error",
      from: { path: "^(crds|operators|webhooks|edge-agent|mapper|mapper/drivers)/src/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    only(
      "crds-alone",
      { path: CRDS },
      [CRDS, ...npm("ajv", "@bufbuild/protobuf", "rfc6902")],
      "the contract depends on nothing but its codecs",
    ),
    only(
      "runtime-knows-no-kind",
      { path: RUNTIME },
      [RUNTIME, ...npm("@kubernetes/client-node", "prom-client", "pino", "undici", "yaml")],
      "the runtime is a library: no kinds of ours, no controller",
    ),
    never("crds-not-in-runtime", RUNTIME, CRDS, "the runtime knows no edge kind"),
    only(
      "controller-stays-home",
      { path: CONTROLLER, pathNot: OBJECT_SYNC },
      [
        "^operators/src/$1/",
        RUNTIME,
        CRDS,
        PORTS_OF_DELIVERY,
        "^operators/src/(node-job|placement)/",
        ...npm("prom-client", "pino"),
      ],
      "a controller uses runtime, crds and the delivery ports; never another controller, the hub or Redis",
    ),
    only(
      "object-sync-stays-home",
      { path: OBJECT_SYNC },
      [
        OBJECT_SYNC,
        RUNTIME,
        CRDS,
        PORTS_OF_DELIVERY,
        LEDGER,
        "^operators/src/(node-job|placement)/",
        ...npm("prom-client", "pino"),
      ],
      "a controller as the others, and the only one that reads what was acked",
    ),
    only(
      "placement-is-shared",
      { path: "^operators/src/placement/" },
      ["^operators/src/placement/", RUNTIME, CRDS, PORTS_OF_DELIVERY],
      "what placement controllers share knows none of them",
    ),
    only(
      "jobs-are-decided-purely",
      { path: "^operators/src/node-job/(?!shell/)" },
      ["^operators/src/node-job/(?!shell/)", CRDS],
      "what becomes of a fleet job follows from what it is given: no client, no clock",
    ),
    only(
      "job-shell-is-shared",
      { path: "^operators/src/node-job/shell/" },
      ["^operators/src/(node-job|placement)/", RUNTIME, CRDS, PORTS_OF_DELIVERY, ...npm("prom-client")],
      "what the controllers of fleet jobs share knows none of them",
    ),
    only(
      "config-alone",
      { path: CONFIG },
      [CONFIG, ...npm("yaml")],
      "what can be set is known without anything that uses it",
    ),
    never(
      "config-by-roles-only",
      { path: "^operators/src/", pathNot: [CONFIG, ROLES, MAIN] },
      CONFIG,
      "parts get their options from the role that starts them",
    ),
    never("roles-by-main-only", { path: "^operators/src/", pathNot: [ROLES, MAIN] }, ROLES, "roles compose"),
    only(
      "delivery-adapters",
      { path: "^operators/src/delivery/" },
      ["^operators/src/delivery/", ...REDIS, ...npm("prom-client", "pino", "lru-cache"), CRDS],
      "adapters know Redis and the ports, nothing above",
    ),
    never(
      "redis-in-adapters-only",
      {
        path: "^(operators|webhooks)/src/",
        pathNot: ["^operators/src/delivery/", MAIN],
      },
      REDIS.join("|"),
      "Redis is behind the delivery ports",
    ),
    {
      ...never(
        "hub-uses-ports",
        "^operators/src/hub/",
        "^operators/src/",
        "the hub knows ports, the contract and a client",
      ),
      to: { path: "^operators/src/", pathNot: ["^operators/src/hub/", PORTS_OF_MAILBOX, RUNTIME] },
    },
    never(
      "hub-without-redis",
      "^operators/src/hub/",
      REDIS.join("|"),
      "the hub reaches Redis only through ports",
    ),
    only(
      "stream-uses-ports",
      { path: "^operators/src/stream/" },
      [
        "^operators/src/stream/",
        RUNTIME,
        CRDS,
        PORTS_OF_STREAM,
        ...npm("fastify", "@fastify/websocket", "ws", "@types/ws", "prom-client", "pino"),
      ],
      "streams know who holds a node by ports, and nothing of the hub's sessions",
    ),
    only(
      "webhooks",
      { path: "^webhooks/src/" },
      [
        "^webhooks/src/",
        CRDS,
        RUNTIME,
        ...npm("fastify", "ajv", "pino", "prom-client", "yaml", "@peculiar/x509", "reflect-metadata", "re2"),
      ],
      "admission uses the contract and the runtime",
    ),
    never(
      "edge-agent-alone",
      "^edge-agent/src/",
      "^(operators|webhooks|mapper|cli|hack)/",
      "the edge never imports the cloud",
    ),
    never(
      "cloud-without-edge",
      "^(operators|webhooks)/src/",
      "^(edge-agent|mapper|cli|hack)/",
      "the cloud never imports the edge",
    ),
    only(
      "mapper-alone",
      { path: "^mapper/src/" },
      ["^mapper/src/", CRDS, ...npm("@grpc/grpc-js", "@bufbuild/protobuf", "mqtt", "ioredis", "mysql2")],
      "device developers get the SDK and the contract, nothing of the platform",
    ),
    only(
      "shipped-mappers",
      { path: "^mapper/drivers/src/" },
      [
        "^mapper/drivers/src/",
        "^mapper/src/index\\.ts$",
        ...npm("modbus-serial", "mqtt", "node-opcua-client", "onvif"),
      ],
      "a mapper that we ship is written as anybody's would be",
    ),
    {
      ...never(
        "edge-rooms-apart",
        "^edge-agent/src/(dmi|cri|store|tunnel)/",
        "^edge-agent/src/",
        "dmi, cri, store and tunnel are wired by main.ts alone",
      ),
      // What lies beside the rooms (clock, log, metrics) is for all of them, and so are the rooms' ports.
      to: {
        path: "^edge-agent/src/[^/]+/",
        pathNot: ["^edge-agent/src/$1/", "^edge-agent/src/[^/]+/port\\.ts$"],
      },
    },
    never("sources-without-tests", "^[^/]+/src/", "^([^/]+/test|hack)/", "tests and scripts are not shipped"),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^[^/]+/dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "node", "default", "types"],
      extensions: [".ts", ".js", ".json"],
    },
    builtInModules: { add: ["node:sqlite"] },
  },
};
