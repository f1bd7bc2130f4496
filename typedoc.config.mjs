import { readFileSync } from "node:fs";

const { exports } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));

/** @type {import('typedoc').TypeDocOptions} */
export default {
  // Every entry point of the package, by the source it is built from.
  entryPoints: Object.values(exports)
    .filter((entry) => typeof entry === "object")
    .map((entry) => entry.default.replace(/^\.\/dist\/(.*)\.js$/, "lib/$1.ts")),
  // Links into a repository would need a remote, which a clone may not have.
  disableSources: true,
  out: "reference",
  readme: "none",
  githubPages: false,
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
};
