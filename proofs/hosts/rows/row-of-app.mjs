import { join } from "node:path";

import { checkList } from "../check-list.mjs";
import { versionIn } from "../packages.mjs";
import { http1 } from "../senders.mjs";

/**
 * A row that starts one of the apps and checks everything.
 *
 * @param {object} settings
 * @param {string} settings.name the row's name
 * @param {string} settings.app its file in `apps`
 * @param {Record<string, string>} settings.dependencies what is installed beside the package; the
 *   version of the first is shown
 * @param {Function} [settings.sender] makes the sender from a port
 * @param {Function} [settings.command] makes the program and its arguments from the project's folder
 * @param {object} [settings.env] what the app is told
 * @param {string} [settings.folder] the project's name, if rows share one
 * @param {Function} [settings.prepare] gets the project ready, such as by building it
 * @param {Function} [settings.further] checks more; takes the port and the started app, resolves to failures
 * @param {Record<string, string>} [settings.except] claims that cannot hold here, and why
 * @param {boolean} [settings.isShort] whether the short form has it
 */
export function rowOfApp({
  name,
  folder = name,
  app,
  dependencies,
  sender = http1,
  command = (project) => [process.execPath, [join(project, "apps", app)]],
  env = {},
  prepare = () => {},
  further = () => [],
  except = {},
  ...rest
}) {
  async function run(workshop) {
    const [shown] = Object.keys(dependencies);
    const project = await workshop.project(folder, { express: "^5.0.0", ...dependencies });
    await prepare(project);
    const [program, args] = command(project);
    const started = await workshop.startApp(program, args, { cwd: project, env });
    try {
      const failures = await checkList(sender(started.port), Object.keys(except));
      failures.push(...(await further(started.port, started)));
      return { version: versionIn(project, shown), failures };
    } finally {
      await started.end();
    }
  }
  return { name, except, run, ...rest };
}
