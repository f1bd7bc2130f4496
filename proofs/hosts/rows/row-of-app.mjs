import { join } from "node:path";

import { checkList } from "../check-list.mjs";
import { versionIn } from "../packages.mjs";
import { http1 } from "../senders.mjs";
import { runParts } from "./parts.mjs";

/**
 * A row that starts one of the apps and makes all the checks of `checkList`.
 *
 * @param {object} settings
 * @param {string} settings.name the row's name
 * @param {string} settings.app its file in `apps`
 * @param {Record<string, string>} settings.dependencies what is installed beside the package; the
 *   version of the first is shown
 * @param {string} [settings.version] what to show instead
 * @param {string} [settings.folder] the project's name, if rows share one
 * @param {Function} [settings.prepare] gets the project ready, such as by building it
 * @param {Function} [settings.sender] makes the sender from a port
 * @param {Record<string, object>} [settings.environments] the environments to run it in, by name
 * @param {Function} [settings.further] checks more; takes the port and resolves to failures
 * @param {Record<string, string>} [settings.except] claims that cannot hold here, and why
 * @param {boolean} [settings.isShort] whether `--short` includes it
 */
export function rowOfApp({
  name,
  app,
  dependencies,
  version,
  folder = name,
  prepare = () => {},
  sender = http1,
  environments = { [app]: {} },
  further = () => [],
  except = {},
  isShort = false,
}) {
  async function run(workshop) {
    const [shown] = Object.keys(dependencies);
    const project = await workshop.project(folder, { express: "^5.0.0", ...dependencies });
    await prepare(project);
    const parts = Object.entries(environments).map(([what, env]) => [
      what,
      async () => {
        const program = [join(project, "apps", app)];
        const started = await workshop.startApp(process.execPath, program, { cwd: project, env });
        try {
          const failures = await checkList(sender(started.port), { except: Object.keys(except) });
          return [...failures, ...(await further(started.port))];
        } finally {
          await started.end();
        }
      },
    ]);
    const failures = await runParts(Object.fromEntries(parts));
    return { version: version ?? versionIn(project, shown), failures };
  }
  return { name, except, isShort, run };
}
