import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

import { deliver, notification } from "telesign-callback/testing";

import manifest from "../package.json";

const root = path.join(__dirname, "..");
const started: ChildProcess[] = [];

/** Runs what `npm start` runs, and reads its output line by line. */
function start() {
  const [command = "", ...rest] = manifest.scripts.start.split(" ");
  const program = command === "node" ? process.execPath : command;
  const child = spawn(program, rest, {
    cwd: root,
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  started.push(child);
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const until = async (pattern: RegExp) => {
    for (;;) {
      const found = lines.map((line) => pattern.exec(line)).find((match) => match !== null);
      if (found) return found;
      await once(reader, "line");
    }
  };
  return { child, lines, until };
}

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

// Each spec starts a process, which takes a while on a busy machine.
jest.setTimeout(20_000);

describe("npm start", () => {
  it("prints the documented message once, its retry as a duplicate, and the URL of the page", async () => {
    const { lines, until } = start();
    await until(/^A conversation is playing/);
    const printed = lines.join("\n");
    expect(printed.split("I am standing at the corner wearing a blue shirt")).toHaveLength(2);
    expect(printed.split("SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N")).toHaveLength(2);
    expect(printed).toMatch(/^ {2}message .* I am standing at the corner wearing a blue shirt$/m);
    expect(printed).toMatch(/^ {2}duplicate .*SA9WUKGP3TGRCQSRMS78QV5M5REKQ98N .*suppressed$/m);
    const [, page = ""] = await until(/^Page: +(http:\/\/127\.0\.0\.1:\d+\/)$/);
    const answer = await fetch(page);
    expect(await answer.text()).toContain("<title>Conversations</title>");
  });

  it("prints a curl command that sends a text and, if repeated, a retry of it", async () => {
    const { until } = start();
    const [, body = "", url = ""] = await until(/^curl -H .+ -d '(.+)' (\S+)$/);
    const post = () =>
      fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    expect(await (await post()).json()).toEqual({ status: "accepted" });
    expect(await (await post()).json()).toEqual({ status: "duplicate" });
    await until(/^ {2}message .*On my way$/);
    const { mo_reference_id } = JSON.parse(body) as { mo_reference_id: string };
    await until(new RegExp(`^ {2}duplicate +${mo_reference_id}`));
  });

  it("receives callbacks at another path each time, and refuses a POST from another site's page", async () => {
    const runs = [start(), start()];
    const urls = await Promise.all(
      runs.map(async ({ until }) => new URL((await until(/^Callbacks: (\S+)$/))[1] ?? "")),
    );
    const [first, second] = urls.map(({ pathname }) => pathname);
    expect(first).toMatch(/^\/telesign\/[0-9a-f]{16}$/);
    expect(second).not.toBe(first);
    const forged = await fetch(urls[0] ?? "", {
      method: "POST",
      headers: { "Sec-Fetch-Site": "cross-site", Origin: "https://page.example" },
      body: JSON.stringify(notification()),
    });
    expect(forged.status).toBe(403);
  });

  it("prints where a rejected request came from", async () => {
    const { until } = start();
    const [, url = ""] = await until(/^Callbacks: (\S+)$/);
    await fetch(url, { method: "POST", body: "{}" });
    await until(/^ {2}rejected +400 Not a valid notification, from 127\.0\.0\.1$/);
  });

  it("replaces the control characters of a text that it prints", async () => {
    const { until } = start();
    const [, url = ""] = await until(/^Callbacks: (\S+)$/);
    await deliver(url, notification({ mo_message: "\u001b[2Jgone\u202e" }));
    await until(/ \ufffd\[2Jgone\ufffd$/);
  });

  it("exits with 0 when the reader of its output goes away", async () => {
    const { child, until } = start();
    await until(/^A conversation is playing/);
    const closed = once(child, "exit");
    child.stdout.destroy();
    expect(await closed).toEqual([0, null]);
  });

  it.each(["-1", "65536"])("says in one line that it cannot listen on PORT=%s", (port) => {
    const env = { ...process.env, PORT: port };
    const run = () =>
      execFileSync(process.execPath, ["examples/conversations/start.js"], {
        cwd: root,
        env,
        stdio: "pipe",
      });
    expect(run).toThrow(/cannot listen on PORT=\S+: (ERR_SOCKET_BAD_PORT|EACCES|EADDRINUSE)\n$/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "prints its counts and exits with 0 on %s, even while a page is open",
    async (signal) => {
      const { child, lines, until } = start();
      const [, page = ""] = await until(/^Page: +(\S+)$/);
      await until(/Great, I will be outside in a minute/);
      const events = await fetch(new URL("events", page));
      const closed = once(child, "close");
      child.kill(signal);
      const [code] = (await closed) as [number | null];
      expect(code).toBe(0);
      expect(lines.at(-1)).toMatch(/^Stopped: 1\d messages, [23] suppressed retries, 0 rejected$/);
      await events.text().catch(() => {});
    },
  );
});
