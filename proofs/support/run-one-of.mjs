/**
 * Runs the file that the first argument names, as if Node had been started with it.
 *
 * @param {string} script what the npm script is called
 * @param {string} from the URL that the files are relative to
 * @param {Record<string, string>} files each name, and its file
 * @param {string} [otherwise] the file to run when no name is given
 */
export async function runOneOf(script, from, files, otherwise) {
  const [node, , name, ...rest] = process.argv;
  const isNamed = name !== undefined && Object.hasOwn(files, name);
  const file = isNamed ? files[name] : otherwise;
  const isMistake = !isNamed && name !== undefined && !name.startsWith("-");
  if (file === undefined || isMistake) {
    console.error(`Usage: npm run ${script} ${Object.keys(files).join("|")} -- [options]`);
    process.exit(2);
  }
  const url = new URL(file, from);
  process.argv = [node, url.pathname, ...(isNamed ? rest : process.argv.slice(2))];
  await import(url.href);
}
