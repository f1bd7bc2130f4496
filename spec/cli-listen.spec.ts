import { deliver, notification } from "telesign-callback/testing";

import { createOutput, linesOf, run, start } from "./support/command-line.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";

describe("telesign-callback listen", () => {
  async function listen(args: string[], options?: Parameters<typeof start>[1]) {
    const listening = start(["listen", "--port", "0", ...args], options);
    const [, url = ""] = await listening.err.until(/^Listening on (\S+)\n/);
    return { ...listening, url };
  }

  it("prints the URL to give to TeleSign through a tunnel, and the command that tries it", async () => {
    const { err, url, status, interrupt } = await listen([]);
    const { host, port, pathname } = new URL(url);
    expect(host).toBe(`127.0.0.1:${port}`);
    expect(pathname).toMatch(/^\/telesign\/[0-9a-f]{24}$/);
    expect(err.written()).toContain(`https://<host of the tunnel>${pathname}\n`);
    expect(err.written()).toMatch(/Point a tunnel at this port/);
    expect(err.written()).toContain(`npx telesign-callback send ${url}\n`);
    expect(err.written()).toMatch(/Signatures are not verified/);
    interrupt();
    expect(await status).toBe(0);
  });

  it("prints messages and suppressed retries with their references, and rejected requests", async () => {
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
      ` message   ${message.mo_reference_id}  15551234 → 15554567  a\\u001b[2Jb\\u000ac\\u202e
 retry     ${message.mo_reference_id}  suppressed
 rejected  400 Not a valid notification, mo_message (string.base)
 rejected  404 Not a POST on the private path
`,
    );
  });

  it("takes the path literally, even one that starts with two slashes", async () => {
    const { err, url, status, interrupt } = await listen(["--path", "//4f9d0c"]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\/4f9d0c$/);
    expect(err.written()).toContain("https://<host of the tunnel>//4f9d0c\n");
    const [attempt] = await deliver(url, notification(), { waits: [] });
    expect(attempt?.status).toBe(200);
    interrupt();
    await status;
  });

  it("prints in colour on a terminal", async () => {
    const { out, url, status, interrupt } = await listen([], { isTerminal: true });
    await deliver(url, notification());
    await out.until(/message/);
    expect(out.written()).toContain("ESC[36mmessage ESC[39m");
    interrupt();
    await status;
  });

  it("prints lines of JSON with --json, with the strings as they were sent", async () => {
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
    const details = { reference: message.mo_reference_id, receivedAt, message };
    const errors: unknown = expect.arrayContaining([{ field: "mo_message", rule: "any.required" }]);
    expect(linesOf(out.written())).toEqual([
      { event: "listening", url },
      { event: "message", ...details },
      { event: "duplicate", ...details },
      { event: "rejected", status: 400, title: "Not a valid notification", errors },
      { event: "elsewhere", status: 404 },
    ]);
    for (const control of ["ESC", "\u009b", "\u202e"]) expect(out.written()).not.toContain(control);
  });

  it("verifies signatures with the key in TELESIGN_API_KEY", async () => {
    const env = { TELESIGN_API_KEY: apiKey };
    const { err, url, status, interrupt } = await listen([], { env });
    expect(err.written()).toMatch(/Signatures are verified/);
    expect(err.written()).toMatch(/in another terminal, with the same TELESIGN_API_KEY/);
    const [unsigned] = await deliver(url, notification(), { waits: [] });
    const [signed] = await deliver(url, notification(), { apiKey });
    expect([unsigned?.status, signed?.status]).toEqual([401, 200]);
    interrupt();
    await status;
  });

  describe("when a module fails", () => {
    /** Runs the command with a replaced module. */
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

    it("exits 1 and says what to install if Express is missing", async () => {
      expect(await runWith("express", () => fail("Cannot find module 'express'"))).toEqual({
        status: 1,
        out: "",
        err: "telesign-callback: listen needs express: npm install express\n",
      });
    });

    it("does not report another fault as a missing Express", async () => {
      await expect(runWith("express", () => fail("broken"))).rejects.toThrow("broken");
    });

    it("does not report a fault of the callback as a wrong flag", async () => {
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
        "telesign-callback listen: cannot listen: EADDRINUSE; " +
        "choose another port with --port\n",
    });
    interrupt();
    await status;
  });

  it("stops at once if Ctrl-C came before it was listening", async () => {
    const { status, interrupt } = start(["listen", "--port", "0"]);
    interrupt();
    expect(await status).toBe(0);
  });
});
