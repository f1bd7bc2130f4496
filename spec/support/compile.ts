import { join } from "node:path";

import ts from "typescript";

const root = join(__dirname, "../..");

/** Names that an example may use without an import or a declaration. */
const TAKEN_FOR_GRANTED: Readonly<Record<string, string>> = {
  Joi: 'import Joi from "joi";',
  createPostgresBackend: 'import { createPostgresBackend } from "bullmq";',
  telesignCallback: 'import { telesignCallback } from "telesign-callback";',
  notificationSchema: 'import { notificationSchema } from "telesign-callback";',
  memoryInbox: 'import { memoryInbox } from "telesign-callback";',
  verifySignature: 'import { verifySignature } from "telesign-callback";',
  bullmqInbox: 'import { bullmqInbox } from "telesign-callback/bullmq";',
  sqliteInbox: 'import { sqliteInbox } from "telesign-callback/sqlite";',
  app: 'declare const app: import("express").Express;',
  server: 'declare const server: import("node:http").Server;',
  inbox: 'declare const inbox: import("telesign-callback/sqlite").DurableInbox;',
  callback: 'declare const callback: import("telesign-callback").TelesignCallback;',
  onMessage: "declare const onMessage: () => void;",
};

/** An example as a separate module, with declarations of the names that it takes for granted. */
export function moduleOf(code: string): string {
  const missing = Object.keys(TAKEN_FOR_GRANTED).filter(
    (name) =>
      new RegExp(`(?<![.\\w"/-])${name}\\b(?![:/-])`).test(code) &&
      !new RegExp(`(import [^;]*|const |function )\\b${name}\\b`).test(code),
  );
  return [...missing.map((name) => TAKEN_FOR_GRANTED[name]), code, "export {};"].join("\n");
}

/**
 * The compiler's complaints about modules that exist in memory only.
 *
 * @param options `{ paths: {} }` compiles against the built package, as a user's app does
 */
export function compile(
  modules: ReadonlyMap<string, string>,
  options: ts.CompilerOptions = {},
): string[] {
  const config = ts.getParsedCommandLineOfConfigFile(
    join(root, "spec/tsconfig.json"),
    // The compiler's defaults, as users have them: this project's own settings are stricter.
    {
      noUnusedLocals: false,
      noUnusedParameters: false,
      exactOptionalPropertyTypes: false,
      ...options,
    },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  const disk = ts.createCompilerHost(config!.options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => modules.has(file) || disk.fileExists(file),
    readFile: (file) => modules.get(file) ?? disk.readFile(file),
    getSourceFile: (file, version) => {
      const code = modules.get(file);
      if (code === undefined) return disk.getSourceFile(file, version);
      return ts.createSourceFile(file, code, version);
    },
  };
  const program = ts.createProgram([...modules.keys()], config!.options, host);
  return [...modules.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    const complaints = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return complaints.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  });
}
