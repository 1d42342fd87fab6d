// The arrows between the rooms (ARCHITECTURE.md). What is not listed is forbidden.
const ARROWS = {
  oci: [],
  storage: ["oci"],
  registry: ["storage", "oci", "puller/client"],
  "runtime-native": [],
  puller: ["runtime-native", "oci"],
  engine: ["puller", "runtime-native", "oci"],
};

module.exports = {
  forbidden: [
    ...Object.entries(ARROWS).map(([room, targets]) => ({
      name: `${room}-imports`,
      comment: `${room} may import ${targets.length === 0 ? "nothing of berth" : targets.join(", ")}`,
      severity: "error",
      from: { path: `^${room}/` },
      to: {
        path: "^(oci|storage|registry|puller|runtime-native|engine|cli|bench|test|tooling)/",
        pathNot: [room, ...targets].map((target) => `^${target}/`),
      },
    })),
    {
      name: "wire-client-imports",
      comment: "the registry may use the wire client, so it must not draw in the rest of the puller",
      severity: "error",
      from: { path: "^puller/client/" },
      to: { path: "^(puller/(?!client/)|runtime-native/)" },
    },
    {
      name: "cli-is-the-top",
      comment: "nothing imports cli, bench or test",
      severity: "error",
      from: { pathNot: "^(cli|bench|test|tooling)/" },
      to: { path: "^(cli|bench|test)/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|node_modules)/" },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".mjs", ".json"] },
  },
};
