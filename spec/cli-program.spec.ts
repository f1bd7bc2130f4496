import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { text } from "node:stream/consumers";

import { deliver, notification } from "telesign-callback/testing";

import manifest from "../package.json";
import { BUILT, receiver, runBuilt, spawnBuilt } from "./support/command-line.js";
import { closeServers, serve } from "./support/receivers.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const anyNumber: unknown = expect.any(Number);
// These specs start programs, on machines that may be busy.
jest.setTimeout(30_000);

afterEach(closeServers);

describe("the built program", () => {
  const lines = (readline: Interface) => readline[Symbol.asyncIterator]();

  it("sends to its own listener, which exits 0 on Ctrl-C", async () => {
    const env = { TELESIGN_API_KEY: apiKey };
    const listener = spawnBuilt(["listen", "--port", "0", "--json"], env);
    const output = lines(createInterface(listener.stdout));
    const { url } = JSON.parse(String((await output.next()).value)) as { url: string };
    const sent = await runBuilt(["conversation", "--pace", "0", "--waits", "0,0", url], env);
    expect(sent).toMatchObject({ status: 0, err: "" });
    const events: unknown[] = [];
    while (events.length < 10) {
      events.push((JSON.parse(String((await output.next()).value)) as { event: unknown }).event);
    }
    expect(events.filter((event) => event === "message")).toHaveLength(8);
    expect(events.filter((event) => event === "duplicate")).toHaveLength(2);
    const ended = once(listener, "exit");
    listener.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
  });

  it("exits 2 for a wrong flag", async () => {
    const { status, out, err } = await runBuilt(["send", "--txet", "hi", "http://127.0.0.1:9/"]);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^telesign-callback send: Unknown option '--txet'\n/);
  });

  it("waits on Ctrl-C for the answer that is due, then prints the summary", async () => {
    let answer = () => {};
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const url = await serve((_, res) => {
      answer = () => void res.end();
      arrive();
    });
    const child = spawnBuilt(["send", "--count", "10", "--rate", "1", url]);
    const exit = once(child, "exit");
    const out = text(child.stdout);
    await arrived;
    child.kill("SIGINT");
    answer();
    expect(await out).toMatch(/delivery attempt 1 {2}200[^]*sent: 1, answered 200: 1, /);
    expect(await exit).toEqual([130, null]);
  });

  it("listens even if nobody reads its standard error", async () => {
    const listener = spawnBuilt(["listen", "--port", "0", "--json"]);
    listener.stderr.destroy();
    const ended = once(listener, "exit");
    const { value } = await lines(createInterface(listener.stdout)).next();
    const { url } = JSON.parse(String(value)) as { url: string };
    expect(await deliver(url, notification())).toEqual([{ status: 200, ms: anyNumber }]);
    listener.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
  });

  it("says in one line that listen needs Express if Express is not installed", async () => {
    const root = join(__dirname, "..");
    const project = await mkdtemp(join(tmpdir(), "telesign-callback-project-"));
    await cp(join(root, "dist"), join(project, "dist"), { recursive: true });
    await cp(join(root, "package.json"), join(project, "package.json"));
    await mkdir(join(project, "node_modules"));
    for (const name of ["joi", "lru-cache"]) {
      await symlink(join(root, "node_modules", name), join(project, "node_modules", name));
    }
    const installed = join(project, "dist/cli/cli.js");
    expect(await runBuilt(["listen", "--port", "0"], {}, installed)).toEqual({
      status: 1,
      out: "",
      err: "telesign-callback: listen needs express: npm install express\n",
    });
    expect(await runBuilt(["--version"], {}, installed)).toMatchObject({
      out: `${manifest.version}\n`,
    });
    await rm(project, { recursive: true });
  });

  it("shows a progress bar on a real terminal", async () => {
    const { url } = await receiver();
    const command = `'${process.execPath}' '${BUILT}' send --count 3 --rate 1000 '${url}'`;
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      env: { ...process.env, TERM: "xterm-256color" },
    });
    const shown = (await text(child.stdout)).replaceAll("\u001b", "ESC");
    expect(shown).toMatch(/\rESC\[K\[#{24}\] 3\/3, [^]*sent: 3,/);
  });

  it("sends without loading Express", async () => {
    const { url } = await receiver();
    const spy = `require("module")._load = ((load) => (name, ...rest) => {
      if (/express|joi|lru-cache/.test(name)) throw new Error("loaded " + name);
      return load(name, ...rest);
    })(require("module")._load)`;
    const preload = `data:text/javascript,${encodeURIComponent(`import{createRequire}from"node:module";const require=createRequire("/");${spy}`)}`;
    const env = { NODE_OPTIONS: `--import ${preload}` };
    expect(await runBuilt(["send", url], env)).toMatchObject({ status: 0, err: "" });
  });

  it("prints no warning, however many messages wait for a retry", async () => {
    const { url } = await receiver(...Array.from({ length: 15 }, () => 503));
    const args = ["send", "--count", "15", "--rate", "1000", "--waits", "99,99,99,99", url];
    expect(await runBuilt(args)).toMatchObject({ status: 0, err: "" });
  });

  it("ends quietly when the reader of its output goes away", async () => {
    const { url } = await receiver();
    const child = spawnBuilt(["send", "--count", "100", "--rate", "100", url]);
    const exit = once(child, "exit");
    const err = text(child.stderr);
    await once(child.stdout, "data");
    child.stdout.destroy();
    expect(await exit).toEqual([130, null]);
    expect(await err).toBe("");
  });
});
