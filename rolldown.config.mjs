import { defineConfig } from "rolldown";

const output = {
  dir: "dist",
  format: "cjs",
  strict: true,
  esModule: true,
  sourcemap: true,
};

// Few files, because finding and reading each module of lib by itself took a third of the time that
// importing them takes. What is for tests and terminals is built apart, with copies of what it takes
// from the core: what both shared would be files of its own, which the core would have to read.
export default defineConfig([
  {
    input: { index: "lib/index.ts", "bullmq-inbox": "lib/bullmq-inbox.ts" },
    platform: "node",
    external: /^[^./]/,
    output: { ...output, cleanDir: true, chunkFileNames: "chunks/[name].js" },
  },
  {
    input: { testing: "lib/testing.ts", cli: "lib/cli.ts" },
    platform: "node",
    external: [/^[^./]/, /\/index\.js$/],
    output: { ...output, chunkFileNames: "cli/[name].js" },
  },
]);
