import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { transformSync } from "@swc/core";

const APPS = ["paths", "receiver", "express-app", "express", "bullmq", "sqlite"];

/** Writes the apps again in CommonJS, as an older app would have them. */
export function writeCommonJs(project) {
  mkdirSync(join(project, "apps-cjs"), { recursive: true });
  for (const app of APPS) {
    const source = readFileSync(join(project, `apps/${app}.mjs`), "utf8");
    const options = { module: { type: "commonjs" }, jsc: { target: "es2022" } };
    const { code } = transformSync(source, options);
    writeFileSync(join(project, `apps-cjs/${app}.cjs`), code.replaceAll(".mjs", ".cjs"));
  }
}

/** Scripts that bundle `entry` into `output`. `node -e` runs them with the project's tools. */
export const BUNDLERS = {
  esbuild: {
    dependencies: { esbuild: "latest" },
    script: ({ entry, output, isModule }) => `
      const banner = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
      require("esbuild").buildSync({
        entryPoints: [${quote(entry)}], outfile: ${quote(output)}, bundle: true, platform: "node",
        format: ${quote(isModule ? "esm" : "cjs")}, logLevel: "error",
        banner: ${isModule} ? { js: banner } : {},
      });`,
  },
  webpack: {
    dependencies: { webpack: "latest" },
    script: ({ entry, folder, file, isModule }) => `
      require("webpack")({
        mode: "production", target: "node", entry: ${quote(entry)},
        experiments: { outputModule: ${isModule} }, performance: { hints: false },
        output: { path: ${quote(folder)}, filename: ${quote(file)}, ${isModule ? "module: true" : 'library: { type: "commonjs2" }'} },
      }, (error, stats) => {
        if (error || stats.hasErrors()) throw error ?? new Error(stats.toString({ all: false, errors: true }));
      });`,
  },
  rollup: {
    dependencies: {
      rollup: "latest",
      "@rollup/plugin-node-resolve": "latest",
      "@rollup/plugin-commonjs": "latest",
      "@rollup/plugin-json": "latest",
    },
    script: ({ entry, output, isModule }) => `
      const plugin = (name) => { const module = require("@rollup/plugin-" + name); return module.default ?? module; };
      (async () => {
        const bundle = await require("rollup").rollup({
          input: ${quote(entry)}, onwarn() {},
          plugins: [
            plugin("node-resolve")({ preferBuiltins: true, exportConditions: ["node"] }),
            plugin("commonjs")({ ignoreDynamicRequires: true }), plugin("json")(),
          ],
        });
        await bundle.write({
          file: ${quote(output)}, format: ${quote(isModule ? "es" : "cjs")}, inlineDynamicImports: true,
        });
      })();`,
  },
  ncc: {
    dependencies: { "@vercel/ncc": "latest" },
    script: ({ entry, output, isModule }) => `
      require("@vercel/ncc")(${quote(entry)}, { esm: ${isModule}, quiet: true })
        .then(({ code }) => require("node:fs").writeFileSync(${quote(output)}, code));`,
  },
};

const quote = (value) => JSON.stringify(value);
