import manifest from "../package.json";
import { run } from "./support/command-line.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";

describe("telesign-callback", () => {
  it.each([["--help"], ["-h"]])("lists its commands with %s", async (flag) => {
    const { status, out } = await run([flag]);
    expect(status).toBe(0);
    expect(out).toMatch(
      /^NAME\n {4}telesign-callback - [^]*SYNOPSIS[^]*send[^]*conversation[^]*listen[^]*dead-letters/,
    );
  });

  it.each(["send", "conversation", "listen", "dead-letters"])(
    "has a manual for %s",
    async (command) => {
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
    },
  );

  it.each(["send", "conversation", "listen", "dead-letters"])(
    "accepts every flag that the manual of %s shows",
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
    ["with an unknown command", ["sned"], "no such command"],
    ["with the name of an inherited property as its command", ["toString"], "no such command"],
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
    ["--timeout", ["send", "--timeout", "1e3", url]],
    ["--header", ["send", "--header", "secret", url]],
    ["--header", ["send", "--header", ": secret", url]],
    ["--header", ["send", "--header", "X-A: secret\n", url]],
    ["--header", ["conversation", "--header", "Host: secret", "--header", "host: b", url]],
    ["Content-Length", ["conversation", "--header", "content-length: 5", url]],
    [
      "Authorization",
      ["send", "--header", "Authorization: secret", url],
      { TELESIGN_API_KEY: apiKey },
    ],
    ["--pace", ["conversation", "--pace", "-1", url]],
    ["--port", ["listen", "--port", "70000"]],
    ["--count", ["listen", "--count", "1"]],
    ["--path", ["listen", "--path", "secret"]],
    ["--path", ["listen", "--path", "secret"], { TELESIGN_API_KEY: apiKey }],
    ["--customer-id", ["send", "--customer-id", "!! secret", url]],
    ["--customer-id", ["send", "--customer-id", "a b", url], { TELESIGN_API_KEY: apiKey }],
    ["--customer-id", ["conversation", "--customer-id", "", url]],
    ["TELESIGN_API_KEY is empty", ["send", url], { TELESIGN_API_KEY: "" }],
    ["TELESIGN_API_KEY is empty", ["listen"], { TELESIGN_API_KEY: "" }],
    ["TELESIGN_API_KEY must be base64", ["send", url], { TELESIGN_API_KEY: "%" }],
    ["URL", ["send"]],
    ["URL", ["send", "/secret"]],
    ["URL", ["send", "ftp://127.0.0.1/secret"]],
    ["URL", ["send", "http://user:secret@127.0.0.1:9/"]],
    ["URL", ["send", "http://secret@127.0.0.1:9/"], { TELESIGN_API_KEY: apiKey }],
    ["URL", ["conversation", "http://%zz:secret@127.0.0.1:9/"]],
    ["URL", ["conversation", url, url]],
    ["flags only", ["listen", "secret"]],
    ["flags only", ["dead-letters", "secret"]],
    ["one of --sqlite, --redis and --postgres", ["dead-letters"]],
    [
      "one of --sqlite, --redis and --postgres",
      ["dead-letters", "--sqlite=a", "--redis=redis://b"],
    ],
    ["--sqlite", ["dead-letters", "--sqlite", ""]],
    ["--redis", ["dead-letters", "--redis", "secret"]],
    ["--postgres", ["dead-letters", "--postgres", "redis://secret"]],
    ["--queue", ["dead-letters", "--sqlite", "secret", "--queue", "a"]],
    ["--schema", ["dead-letters", "--redis", "redis://secret", "--schema", "a"]],
    ["--schema", ["dead-letters", "--postgres", "postgres://h", "--schema", "se cret"]],
    ["--limit", ["dead-letters", "--sqlite", "secret", "--limit", "0"]],
    ["--timeout", ["dead-letters", "--sqlite", "secret", "--timeout", "0"]],
    ["--redrive", ["dead-letters", "--sqlite", "secret", "--redrive", ""]],
    ["--discard", ["dead-letters", "--sqlite", "secret", "--discard", ""]],
    ["--redrive and --discard", ["dead-letters", "--sqlite=a", "--redrive=secret", "--discard=b"]],
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
  ])("says what is wrong with %j in one line", async (flags, fault) => {
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

  it("does not report its own fault as a wrong flag", async () => {
    const env = Object.defineProperty({}, "TELESIGN_API_KEY", {
      get() {
        throw new RangeError("broken");
      },
    });
    await expect(run(["send", url], { env })).rejects.toThrow(RangeError);
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
