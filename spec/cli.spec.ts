import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { buffer, text } from "node:stream/consumers";

import { verifySignature } from "telesign-callback";
import { deliver, notification } from "telesign-callback/testing";

import manifest from "../package.json";
import { main } from "../lib/cli/main.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
// Some of these start programs, on machines that may be busy.
jest.setTimeout(30_000);

const built = join(__dirname, "../dist/cli/cli.js");
const anyNumber: unknown = expect.any(Number);

/** What a command has written, and the means to wait for more. */
function createOutput(isTerminal: boolean, columns?: number) {
  let written = "";
  let wake = () => {};
  return {
    isTTY: isTerminal,
    columns,
    hasColors: () => isTerminal,
    write(more: string) {
      written += more;
      wake();
    },
    // With the escape character made visible, which regular expressions had better not contain.
    written: () => written.replaceAll("\u001b", "ESC"),
    async until(pattern: RegExp) {
      while (!pattern.test(written)) await new Promise<void>((resolve) => (wake = resolve));
      return pattern.exec(written)!;
    },
  };
}

interface RunOptions {
  isTerminal?: boolean;
  columns?: number;
  env?: Record<string, string>;
}

/** Runs the command line in this process. */
function start(args: string[], { isTerminal = false, columns, env = {} }: RunOptions = {}) {
  const out = createOutput(isTerminal, columns);
  const err = createOutput(isTerminal);
  const interruption = new AbortController();
  const status = main(args, { out, err, env, interrupted: interruption.signal });
  return { out, err, status, interrupt: () => interruption.abort() };
}

async function run(args: string[], options?: RunOptions) {
  const { out, err, status } = start(args, options);
  return { status: await status, out: out.written(), err: err.written() };
}

/** Runs the built program as users do. */
function spawnBuilt(args: string[], env: Record<string, string> = {}, program = built) {
  return spawn(process.execPath, [program, ...args], { env: { ...process.env, ...env } });
}

async function runBuilt(args: string[], env?: Record<string, string>, program?: string) {
  const child = spawnBuilt(args, env, program);
  const exit = once(child, "exit");
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = (await exit) as [number];
  return { status, out, err };
}

function linesOf(out: string): unknown[] {
  return out
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/telesign/4f9d0c`;
}

/** A receiver that answers with the given statuses in turn, then 200. */
async function receiver(...statuses: number[]) {
  const bodies: Buffer[] = [];
  const signatures: (string | undefined)[] = [];
  const url = await serve((req, res) => {
    void buffer(req).then((body) => {
      bodies.push(body);
      signatures.push(req.headers.authorization);
      res.writeHead(statuses.shift() ?? 200).end();
    });
  });
  const messages = () =>
    bodies.map((body) => JSON.parse(body.toString()) as Record<string, string>);
  return { url, bodies, signatures, messages };
}

describe("telesign-callback", () => {
  it.each([["--help"], ["-h"]])("shows its commands with %s", async (flag) => {
    const { status, out } = await run([flag]);
    expect(status).toBe(0);
    expect(out).toMatch(
      /^NAME\n {4}telesign-callback - [^]*SYNOPSIS[^]*send[^]*conversation[^]*listen/,
    );
  });

  it.each(["send", "conversation", "listen"])("has a manual of %s", async (command) => {
    const { status, out } = await run([command, "--help"]);
    expect(status).toBe(0);
    for (const title of [
      "NAME",
      "SYNOPSIS",
      "DESCRIPTION",
      "OPTIONS",
      "ENVIRONMENT",
      "EXIT STATUS",
    ]) {
      expect(out).toMatch(new RegExp(`^${title}$`, "m"));
    }
    expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it.each(["send", "conversation", "listen"])(
    "has the flags in the manual of %s",
    async (command) => {
      const { out } = await run([command, "--help"]);
      const flags = out.match(/--[a-z]+(-[a-z]+)*/g)!.filter((flag) => flag !== "--help");
      expect(flags).toContain("--json");
      for (const flag of flags) {
        const { err } = await run([command, `${flag}=`]);
        expect(err).toMatch(/Try /);
        expect(err).not.toMatch(/Unknown option/);
      }
    },
  );

  it.each([
    ["without a command", [], "expected a command"],
    ["with an unknown one", ["sned"], "no such command"],
    ["with a word that every object has", ["toString"], "no such command"],
  ])("exits 2 %s", async (_, args, fault) => {
    expect(await run(args)).toEqual({
      status: 2,
      out: "",
      err: `telesign-callback: ${fault}\nTry 'telesign-callback --help'.\n`,
    });
  });

  const url = "http://127.0.0.1:9/secret";
  it.each<[string, string[], Record<string, string>?]>([
    ["--txet", ["send", "--txet", "secret", url]],
    ["--text", ["send", url, "--text"]],
    ["--json", ["send", "--json=secret", url]],
    ["--count", ["send", "--count", "0", url]],
    ["--count", ["send", "--count", "1.5", url]],
    ["--rate", ["send", "--rate", "secret", url]],
    ["--waits", ["send", "--waits", "10,", url]],
    ["--timeout", ["send", "--timeout", "0", url]],
    ["--pace", ["conversation", "--pace", "-1", url]],
    ["--port", ["listen", "--port", "70000"]],
    ["--count", ["listen", "--count", "1"]],
    ["--path", ["listen", "--path", "secret"]],
    ["--path", ["listen", "--path", "secret"], { TELESIGN_API_KEY: apiKey }],
    ["--customer-id", ["send", "--customer-id", "!! secret", url]],
    ["--customer-id", ["send", "--customer-id", "a b", url], { TELESIGN_API_KEY: apiKey }],
    ["--customer-id", ["conversation", "--customer-id", "", url]],
    ["TELESIGN_API_KEY", ["send", url], { TELESIGN_API_KEY: "" }],
    ["TELESIGN_API_KEY", ["listen"], { TELESIGN_API_KEY: "" }],
    ["URL", ["send"]],
    ["URL", ["send", "/secret"]],
    ["URL", ["send", "ftp://127.0.0.1/secret"]],
    ["URL", ["send", "http://user:secret@127.0.0.1:9/"]],
    ["URL", ["send", "http://secret@127.0.0.1:9/"], { TELESIGN_API_KEY: apiKey }],
    ["URL", ["conversation", "http://%zz:secret@127.0.0.1:9/"]],
    ["URL", ["conversation", url, url]],
    ["flags only", ["listen", "secret"]],
  ])("exits 2 and names what is wrong: %s in %j", async (name, args, env = {}) => {
    const { status, out, err } = await run(args, { env });
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(name);
    expect(err).toMatch(`Try 'telesign-callback ${args[0]} --help'.`);
    expect(err).not.toMatch(/secret/);
  });

  it.each([
    ["--foo.bar=x", "Unknown option '--foo.bar'"],
    ["--foo\n\u001b", "Unknown option '--foo\\u000a\\u001b'"],
    ["--json=x", "Option '--json' does not take an argument"],
    ["--text", "Option '--text <value>' argument missing"],
    [
      "--text -hello",
      "Option '--text' argument is ambiguous; " +
        "to specify one starting with a dash use '--text=-XYZ'",
    ],
  ])("says what is wrong with %j in one whole line", async (flags, fault) => {
    const { err } = await run(["send", ...flags.split(" ")]);
    expect(err).toBe(`telesign-callback send: ${fault}\nTry 'telesign-callback send --help'.\n`);
  });

  it("prints the package's version with --version", async () => {
    expect(await run(["--version"])).toEqual({
      status: 0,
      out: `${manifest.version}\n`,
      err: "",
    });
  });

  it("does not take a fault of its own for a wrong flag", async () => {
    const env = Object.defineProperty({}, "TELESIGN_API_KEY", {
      get() {
        throw new RangeError("broken");
      },
    });
    await expect(run(["send", url], { env })).rejects.toThrow(RangeError);
  });
});

describe("telesign-callback send", () => {
  it("sends one text, shows the attempt and a summary, and exits 0", async () => {
    const { url, messages, signatures } = await receiver();
    const args = ["--text", "Grüße", "--from", "15550001", "--to", "15550002", "--session", "s"];
    const { status, out } = await run(["send", url, ...args]);
    const sent = messages();
    expect(sent).toEqual([
      expect.objectContaining({
        mo_message: "Grüße",
        from_phone_number: "15550001",
        to_phone_number: "15550002",
        session_reference_id: "s",
      }),
    ]);
    expect(out).toMatch(
      new RegExp(
        `^${sent[0]?.mo_reference_id}  attempt 1  200 in \\d+ ms\n` +
          "sent: 1, answered 200: 1, retries: 0, failed: 0\n$",
      ),
    );
    expect(status).toBe(0);
    expect(signatures).toEqual([undefined]);
  });

  it("signs with the key in TELESIGN_API_KEY", async () => {
    const { url, bodies, signatures } = await receiver();
    const env = { TELESIGN_API_KEY: apiKey };
    await run(["send", url, "--customer-id", "CUSTOMER-1"], { env });
    await run(["send", url], { env });
    expect(signatures[0]).toMatch(/^TSA CUSTOMER-1:/);
    expect(
      signatures.map((signature, i) => verifySignature(bodies[i]!, signature, apiKey)),
    ).toEqual([true, true]);
  });

  it("retries with the same bytes, and shows each attempt", async () => {
    const { url, bodies } = await receiver(500, 503);
    const { status, out } = await run(["send", "--waits", "1,2", url]);
    expect(status).toBe(0);
    expect(out).toMatch(/attempt 1 {2}500 in \d+ ms, next attempt in 1 ms\n/);
    expect(out).toMatch(/attempt 2 {2}503 in \d+ ms, next attempt in 2 ms\n/);
    expect(out).toMatch(
      /attempt 3 {2}200 in \d+ ms\nsent: 1, answered 200: 1, retries: 2, failed: 0/,
    );
    expect(bodies[1]).toEqual(bodies[0]);
    expect(bodies[2]).toEqual(bodies[0]);
  });

  it("exits 1 unless every message ended in a 200", async () => {
    const { url } = await receiver(500);
    const { status, out } = await run([
      "send",
      "--no-retries",
      "--count",
      "2",
      "--rate",
      "1000",
      url,
    ]);
    expect(status).toBe(1);
    expect(out).toMatch(/sent: 2, answered 200: 1, retries: 0, failed: 1\n$/);
  });

  it("shows why there was no answer, and no address", async () => {
    const url = await serve((req) => req.socket.destroy());
    const { status, out } = await run(["send", "--no-retries", url]);
    expect(status).toBe(1);
    expect(out).toMatch(/attempt 1 {2}ECONNRESET in/);
    expect(out).not.toMatch(/127\.0\.0\.1/);
  });

  it("gives each of many messages a reference of its own, in plain lines for a pipe", async () => {
    const { url, messages } = await receiver();
    const { status, out } = await run(["send", "--count", "20", "--rate", "1000", url]);
    expect(status).toBe(0);
    expect(new Set(messages().map((message) => message.mo_reference_id)).size).toBe(20);
    expect(out.trimEnd().split("\n")).toHaveLength(21);
    expect(out).not.toMatch(/\r|ESC/);
  });

  it("shows a bar on a terminal for many messages, and a line for each failure", async () => {
    const { url } = await receiver(500);
    const args = ["--count", "4", "--rate", "1000", "--waits", "1,1", url];
    const { status, out } = await run(["send", ...args], { isTerminal: true });
    expect(status).toBe(0);
    expect(out).toContain("\rESC[K[############            ] 2/4, retries: ");
    expect(out.match(/attempt \d/g)).toEqual(["attempt 1"]);
    expect(out).toMatch(/\[#{24}\] 4\/4, retries: 1, failed: 0\rESC\[Ksent: 4,/);
  });

  it.each([
    [0, 24],
    [20, 0],
    [45, 13],
    [200, 24],
  ])("fits a terminal of %i columns with it", async (columns, width) => {
    const { url } = await receiver();
    const args = ["--count", "12", "--rate", "1000", url];
    const { out } = await run(["send", ...args], { isTerminal: true, columns });
    const drawn = out.split("\rESC[K").slice(1, -1);
    expect(drawn).toHaveLength(12);
    for (const { length } of drawn) expect(length).toBeLessThan(columns || 80);
    expect(drawn.at(-1)).toMatch(new RegExp(`^\\[#{${width}}\\] 12/12, `));
  });

  it("colours a single attempt on a terminal", async () => {
    const { url } = await receiver();
    const { out } = await run(["send", url], { isTerminal: true });
    expect(out).toContain("ESC[32m200ESC[39m in");
  });

  it.each([false, true])(
    "writes lines of JSON with --json; on a terminal: %s",
    async (isTerminal) => {
      const { url, messages } = await receiver(500);
      const args = ["--json", "--count", "1", "--waits", "1,1", url];
      const { out } = await run(["send", ...args], { isTerminal });
      const { mo_reference_id: reference } = messages()[0]!;
      const attempt = { event: "attempt", reference, ms: anyNumber, isLost: false };
      expect(linesOf(out)).toEqual([
        { ...attempt, attempt: 1, status: 500, wait: 1 },
        { ...attempt, attempt: 2, status: 200 },
        { event: "summary", sent: 1, delivered: 1, retries: 1, failed: 0 },
      ]);
    },
  );

  it("begins nothing after Ctrl-C, finishes what is under way, and exits 130", async () => {
    let answer = () => {};
    let arrive = () => {};
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const url = await serve((_, res) => {
      answer = () => void res.end();
      arrive();
    });
    const { out, status, interrupt } = start(["send", "--count", "1000", "--rate", "1", url]);
    await arrived;
    interrupt();
    answer();
    expect(await status).toBe(130);
    expect(out.written()).toMatch(/^\S+ {2}attempt 1 {2}200 in \d+ ms\nsent: 1, answered 200: 1,/);
  });

  it("does not wait for a retry after Ctrl-C", async () => {
    const { url } = await receiver(500);
    const { out, status, interrupt } = start(["send", url]);
    await out.until(/next attempt in 10000 ms/);
    interrupt();
    expect(await status).toBe(130);
    expect(out.written()).toMatch(/sent: 1, answered 200: 0, retries: 0, failed: 1\n$/);
  });
});

describe("telesign-callback conversation", () => {
  it("plays two people in one session, with two retries of the same bytes", async () => {
    const { url, messages, bodies } = await receiver();
    const { status, out } = await run(["conversation", "--pace", "1", "--waits", "1,1", url]);
    expect(status).toBe(0);
    expect(out).toMatch(/sent: 8, answered 200: 8, retries: 2, failed: 0\n$/);
    const sent = messages();
    expect(new Set(sent.map((message) => message.session_reference_id)).size).toBe(1);
    expect(sent[0]?.session_reference_id).toMatch(/^[0-9A-F]{32}$/);
    expect(new Set(sent.map((message) => message.from_phone_number)).size).toBe(2);
    expect(bodies).toHaveLength(10);
    expect(new Set(bodies.map(String)).size).toBe(8);
    expect(out).toContain("15554567 → 15551234  Great, two minutes! Which car is it?\n");
    expect(out).toContain("200 in");
    expect(out.match(/and the answer gets lost, next attempt in 1 ms/g)).toHaveLength(2);
  });

  it("takes numbers and a session", async () => {
    const { url, messages } = await receiver();
    const args = ["--from", "15550001", "--to", "15550002", "--session", "s", "--no-retries"];
    const { status, out } = await run(["conversation", "--pace", "0", url, ...args]);
    expect(status).toBe(0);
    expect(out).toMatch(/sent: 8, answered 200: 8, retries: 0, failed: 0\n$/);
    expect(messages()[1]).toMatchObject({
      from_phone_number: "15550002",
      to_phone_number: "15550001",
      session_reference_id: "s",
    });
  });

  it("writes nothing but JSON with --json", async () => {
    const { url } = await receiver();
    const args = ["--json", "--pace", "0", "--waits", "0,0", url];
    const { out } = await run(["conversation", ...args], { isTerminal: true });
    expect(linesOf(out)).toHaveLength(11);
    expect(linesOf(out)).toContainEqual(expect.objectContaining({ isLost: true, wait: 0 }));
  });

  it("stops in the middle on Ctrl-C", async () => {
    const { url } = await receiver();
    const { out, status, interrupt } = start(["conversation", "--pace", "60000", url]);
    await out.until(/200 in/);
    interrupt();
    expect(await status).toBe(130);
    expect(out.written()).toMatch(/sent: 1, answered 200: 1,/);
  });
});

describe("telesign-callback listen", () => {
  async function listen(args: string[], options?: Parameters<typeof start>[1]) {
    const listening = start(["listen", "--port", "0", ...args], options);
    const [, url = ""] = await listening.err.until(/^Listening on (\S+)\n/);
    return { ...listening, url };
  }

  it("says what to give to TeleSign, that a tunnel is needed, and how to try it", async () => {
    const { err, url, status, interrupt } = await listen([]);
    const { host, port, pathname } = new URL(url);
    expect(host).toBe(`127.0.0.1:${port}`);
    expect(pathname).toMatch(/^\/telesign\/[0-9a-f]{24}$/);
    expect(err.written()).toContain(`https://<host of the tunnel>${pathname}\n`);
    expect(err.written()).toMatch(/a tunnel is needed/);
    expect(err.written()).toContain(`npx telesign-callback send ${url}\n`);
    expect(err.written()).toMatch(/Signatures are not verified/);
    interrupt();
    expect(await status).toBe(0);
  });

  it("prints texts, suppressed retries and rejected requests", async () => {
    const { out, url, status, interrupt } = await listen(["--path", "/t/4f9d0c"]);
    const message = notification({ mo_message: "a\u001b[2Jb\nc\u202e" });
    await deliver(url, message);
    await deliver(url, message);
    await deliver(url, { ...message, mo_message: 5 }, { waits: [] });
    await deliver(new URL("/elsewhere", url), message, { waits: [] });
    await out.until(/private path/);
    interrupt();
    expect(await status).toBe(0);
    expect(new URL(url).pathname).toBe("/t/4f9d0c");
    const lines = out.written().replace(/^\d\d:\d\d:\d\d /gm, "");
    expect(lines).toBe(
      ` message   15551234 → 15554567  a\\u001b[2Jb\\u000ac\\u202e
 retry     of ${message.mo_reference_id}, suppressed
 rejected  400 Not a valid notification, mo_message (string.base)
 rejected  404 Not a POST on the private path
`,
    );
  });

  it("takes the path literally, two slashes too", async () => {
    const { err, url, status, interrupt } = await listen(["--path", "//4f9d0c"]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\/4f9d0c$/);
    expect(err.written()).toContain("https://<host of the tunnel>//4f9d0c\n");
    const [attempt] = await deliver(url, notification(), { waits: [] });
    expect(attempt?.status).toBe(200);
    interrupt();
    await status;
  });

  it("colours what it prints on a terminal", async () => {
    const { out, url, status, interrupt } = await listen([], { isTerminal: true });
    await deliver(url, notification());
    await out.until(/message/);
    expect(out.written()).toContain("ESC[36mmessage ESC[39m");
    interrupt();
    await status;
  });

  it("prints lines of JSON with --json, whose strings are what was sent", async () => {
    const { out, url, status, interrupt } = await listen(["--json"]);
    const message = notification({ mo_message: "a\u001b\u009b31m\nb\u202e", added: { deep: 1 } });
    await deliver(url, message);
    await deliver(url, message);
    await deliver(url, {}, { waits: [] });
    await deliver(new URL("/elsewhere", url), {}, { waits: [] });
    await out.until(/elsewhere.*\n/);
    interrupt();
    await status;
    const receivedAt: unknown = expect.any(String);
    const errors: unknown = expect.arrayContaining([{ field: "mo_message", rule: "any.required" }]);
    expect(linesOf(out.written())).toEqual([
      { event: "listening", url },
      { event: "message", receivedAt, message },
      { event: "duplicate", receivedAt, message },
      { event: "rejected", status: 400, title: "Not a valid notification", errors },
      { event: "elsewhere", status: 404 },
    ]);
    for (const control of ["ESC", "\u009b", "\u202e"]) expect(out.written()).not.toContain(control);
  });

  it("verifies with the key in TELESIGN_API_KEY", async () => {
    const env = { TELESIGN_API_KEY: apiKey };
    const { err, url, status, interrupt } = await listen([], { env });
    expect(err.written()).toMatch(/Signatures are verified/);
    expect(err.written()).toMatch(/in another terminal, where TELESIGN_API_KEY is set, too/);
    const [unsigned] = await deliver(url, notification(), { waits: [] });
    const [signed] = await deliver(url, notification(), { apiKey });
    expect([unsigned?.status, signed?.status]).toEqual([401, 200]);
    interrupt();
    await status;
  });

  describe("when what it loads is broken", () => {
    /** Runs it with something else in place of a module. */
    async function runWith(name: string, mock: () => unknown) {
      const [out, err] = [createOutput(false), createOutput(false)];
      const { signal: interrupted } = new AbortController();
      let status: number | undefined;
      await jest.isolateModulesAsync(async () => {
        jest.doMock(name, mock);
        const { main: isolated } = await import("../lib/cli/main.js");
        status = await isolated(["listen"], { out, err, env: {}, interrupted });
      });
      return { status, out: out.written(), err: err.written() };
    }

    function fail(text: string): never {
      throw new RangeError(text);
    }

    afterEach(() => jest.dontMock("express").dontMock("../lib/callback.js"));

    it("exits 1 and says what to install where Express is missing", async () => {
      expect(await runWith("express", () => fail("Cannot find module 'express'"))).toEqual({
        status: 1,
        out: "",
        err: "telesign-callback: listen needs express: npm install express\n",
      });
    });

    it("does not take another fault for that", async () => {
      await expect(runWith("express", () => fail("broken"))).rejects.toThrow("broken");
    });

    it("does not take a fault of the callback's own for a wrong flag", async () => {
      const callback = { telesignCallback: () => fail("broken") };
      await expect(runWith("../lib/callback.js", () => callback)).rejects.toThrow(/^broken/);
    });
  });

  it("exits 1 when the port is taken", async () => {
    const { url, status, interrupt } = await listen([]);
    expect(await run(["listen", "--port", new URL(url).port])).toEqual({
      status: 1,
      out: "",
      err:
        "telesign-callback listen: cannot listen, EADDRINUSE; " +
        "choose another port with --port\n",
    });
    interrupt();
    await status;
  });

  it("ends at once when Ctrl-C came before it listened", async () => {
    const { status, interrupt } = start(["listen", "--port", "0"]);
    interrupt();
    expect(await status).toBe(0);
  });
});

describe("the built program", () => {
  const lines = (readline: Interface) => readline[Symbol.asyncIterator]();

  it("sends to its own listener, which ends in good order on Ctrl-C", async () => {
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

  it("exits 2 at a wrong flag", async () => {
    const { status, out, err } = await runBuilt(["send", "--txet", "hi", "http://127.0.0.1:9/"]);
    expect(status).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(/^telesign-callback send: Unknown option '--txet'\n/);
  });

  it("drains on Ctrl-C: waits for the answer under way, then sums up", async () => {
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
    expect(await out).toMatch(/attempt 1 {2}200[^]*sent: 1, answered 200: 1, /);
    expect(await exit).toEqual([130, null]);
  });

  it("listens although no one reads its standard error", async () => {
    const listener = spawnBuilt(["listen", "--port", "0", "--json"]);
    listener.stderr.destroy();
    const ended = once(listener, "exit");
    const { value } = await lines(createInterface(listener.stdout)).next();
    const { url } = JSON.parse(String(value)) as { url: string };
    expect(await deliver(url, notification())).toEqual([{ status: 200, ms: anyNumber }]);
    listener.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
  });

  it("says in one line that listen needs Express, where that is not installed", async () => {
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

  it("shows a bar on a real terminal", async () => {
    const { url } = await receiver();
    const command = `'${process.execPath}' '${built}' send --count 3 --rate 1000 '${url}'`;
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

  it("says nothing but what it is asked for, however many messages await a retry", async () => {
    const { url } = await receiver(...Array.from({ length: 15 }, () => 503));
    const args = ["send", "--count", "15", "--rate", "1000", "--waits", "200", url];
    expect(await runBuilt(args)).toMatchObject({ status: 0, err: "" });
  });

  it("ends quietly when its reader has had enough", async () => {
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

describe("lib/cli/cli.ts", () => {
  it("runs the command line of this process and sets its exit status", async () => {
    const argv = process.argv;
    const write = jest.spyOn(process.stdout, "write").mockReturnValue(true);
    const exited = new Promise<unknown>((resolve) => {
      jest.spyOn(process, "exitCode", "set").mockImplementation(resolve);
    });
    process.argv = ["node", "cli.js", "--help"];
    await import("../lib/cli/cli.js");
    expect(await exited).toBe(0);
    expect(write).toHaveBeenCalledWith(expect.stringMatching(/^NAME/));
    process.argv = argv;
  });
});
