import { defineConfig } from "rolldown";

// Few files, because finding and reading each module of lib by itself took a third of the time that
// importing them takes.
export default defineConfig({
  input: {
    index: "lib/index.ts",
    testing: "lib/testing.ts",
    "bullmq-inbox": "lib/bullmq-inbox.ts",
    cli: "lib/cli.ts",
  },
  platform: "node",
  external: /^[^./]/,
  output: {
    dir: "dist",
    cleanDir: true,
    chunkFileNames: "chunks/[name].js",
    format: "cjs",
    strict: true,
    esModule: true,
    sourcemap: true,
  },
});
