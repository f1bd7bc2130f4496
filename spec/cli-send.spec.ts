import express from "express";
import { telesignCallback, verifySignature } from "telesign-callback";

import { linesOf, receiver, run, start } from "./support/command-line.js";
import { closeServers, serve } from "./support/receivers.js";

const apiKey = "ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
const anyNumber: unknown = expect.any(Number);

afterEach(closeServers);

describe("telesign-callback send", () => {
  it("sends one message, prints the delivery attempt and a summary, and exits 0", async () => {
    const { url, received, messages } = await receiver();
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
        `^${sent[0]?.mo_reference_id}  delivery attempt 1  200 in \\d+ ms\n` +
          "sent: 1, answered 200: 1, retries: 0, failed: 0\n$",
      ),
    );
    expect(status).toBe(0);
    expect(received[0]?.headers).not.toHaveProperty("authorization");
  });

  it("signs with the key in TELESIGN_API_KEY", async () => {
    const { url, received } = await receiver();
    const env = { TELESIGN_API_KEY: apiKey };
    await run(["send", url, "--customer-id", "CUSTOMER-1"], { env });
    await run(["send", url], { env });
    expect(received[0]?.headers.authorization).toMatch(/^TSA CUSTOMER-1:/);
    expect(
      received.map(({ body, headers }) => verifySignature(body, headers.authorization, apiKey)),
    ).toEqual([true, true]);
  });

  it("gives every message the reference of --reference", async () => {
    const { url, messages } = await receiver();
    const { out } = await run(["send", "--reference", "R\u202e1", "--count", "2", url]);
    expect(messages().map((message) => message.mo_reference_id)).toEqual(["R\u202e1", "R\u202e1"]);
    expect(out).toMatch(/^R\\u202e1 {2}delivery attempt 1/);
  });

  it("adds the headers of --header, and repeats a header that is given several times", async () => {
    const { url, received } = await receiver();
    const forwarded = ["--header", "X-Forwarded-For: 192.0.2.1 ", "--header=x-forwarded-for:::1"];
    await run(["send", ...forwarded, "--header", "X-Empty:", "--header", "__proto__: a", url]);
    expect(received[0]?.headers).toMatchObject({
      "x-forwarded-for": "192.0.2.1, ::1",
      "x-empty": "",
    });
    expect(received[0]?.rawHeaders).toContain("__proto__");
  });

  it("retries with the same bytes, and prints each delivery attempt", async () => {
    const { url, received } = await receiver(500, 503);
    const { status, out } = await run(["send", "--waits", "1,2", url]);
    expect(status).toBe(0);
    expect(out).toMatch(/delivery attempt 1 {2}500 in \d+ ms, next attempt in 1 ms\n/);
    expect(out).toMatch(/delivery attempt 2 {2}503 in \d+ ms, next attempt in 2 ms\n/);
    expect(out).toMatch(
      /delivery attempt 3 {2}200 in \d+ ms\nsent: 1, answered 200: 1, retries: 2, failed: 0/,
    );
    expect(received[1]?.body).toEqual(received[0]?.body);
    expect(received[2]?.body).toEqual(received[0]?.body);
  });

  it("accepts waits that are longer than the longest Node timer", async () => {
    const { url } = await receiver(500);
    const { out, status, interrupt } = start(["send", "--waits", String(2 ** 40), url]);
    await out.until(/next attempt in 1099511627776 ms/);
    interrupt();
    expect(await status).toBe(130);
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

  it("prints why there was no answer, without the address", async () => {
    const url = await serve((req) => req.socket.destroy());
    const { status, out } = await run(["send", "--no-retries", url]);
    expect(status).toBe(1);
    expect(out).toMatch(/attempt 1 {2}ECONNRESET in/);
    expect(out).not.toMatch(/127\.0\.0\.1/);
  });

  it.each([
    ["a title", "401", '{"title":"no signature\\u001b"}', "401 (no signature\\u001b) in"],
    ["no title", "400", '{"status":400}', "400 in"],
    ["a title that is not a string", "400", '{"title":1}', "400 in"],
    ["no JSON", "500", "<title>", "500 in"],
    [
      "failing fields",
      "400",
      '{"title":"bad","errors":[{"field":"mo_message","rule":"any.required"},{"field":1,"rule":"r"},{"field":"f"},null]}',
      "400 (bad, mo_message any.required) in",
    ],
    ["fields that are no array", "400", '{"title":"bad","errors":{}}', "400 (bad) in"],
  ])(
    "prints the status of a refusal, with its title and fields if there are any (the body has %s)",
    async (_, ...texts) => {
      const [status, body, printed] = texts;
      const url = await serve((_req, res) => {
        res
          .writeHead(Number(status), { "content-type": "application/problem+json; charset=utf-8" })
          .end(body);
      });
      const { out } = await run(["send", "--no-retries", url]);
      expect(out).toContain(`attempt 1  ${printed} `);
    },
  );

  it("prints that a 200 was for a duplicate", async () => {
    const url = await serve(express().use(telesignCallback()));
    const { out } = await run(["send", "--count", "2", "--reference", "A".repeat(32), url]);
    expect(out.match(/200.* in/g)).toEqual(["200 in", "200 (duplicate) in"]);
  });

  it("prints a title only from problem details", async () => {
    const url = await serve((_req, res) => {
      res.writeHead(400, { "content-type": "application/json" }).end('{"title":"secret"}');
    });
    expect((await run(["send", "--no-retries", url])).out).not.toMatch("secret");
  });

  it("gives each message a new reference, and prints plain lines to a pipe", async () => {
    const { url, messages } = await receiver();
    const { status, out } = await run(["send", "--count", "20", "--rate", "1000", url]);
    expect(status).toBe(0);
    expect(new Set(messages().map((message) => message.mo_reference_id)).size).toBe(20);
    expect(out.trimEnd().split("\n")).toHaveLength(21);
    expect(out).not.toMatch(/\r|ESC/);
  });

  it("shows many messages as a progress bar on a terminal, with a line for each failed attempt", async () => {
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
  ])("fits the progress bar into a terminal of %i columns", async (columns, width) => {
    const { url } = await receiver();
    const args = ["--count", "12", "--rate", "1000", url];
    const { out } = await run(["send", ...args], { isTerminal: true, columns });
    const drawn = out.split("\rESC[K").slice(1, -1);
    expect(drawn).toHaveLength(12);
    for (const { length } of drawn) expect(length).toBeLessThan(columns || 80);
    expect(drawn.at(-1)).toMatch(new RegExp(`^\\[#{${width}}\\] 12/12, `));
  });

  it("prints in colour on a terminal", async () => {
    const { url } = await receiver();
    const { out } = await run(["send", url], { isTerminal: true });
    expect(out).toContain("ESC[32m200ESC[39m in");
  });

  it.each([false, true])(
    "prints lines of JSON with --json (on a terminal: %s)",
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

  it("finishes the attempt under way after Ctrl-C, starts no other, and exits 130", async () => {
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
    expect(out.written()).toMatch(
      /^\S+ {2}delivery attempt 1 {2}200 in \d+ ms\nsent: 1, answered 200: 1,/,
    );
  });

  it("does not wait for the next attempt after Ctrl-C", async () => {
    const { url } = await receiver(500);
    const { out, status, interrupt } = start(["send", url]);
    await out.until(/next attempt in 10000 ms/);
    interrupt();
    expect(await status).toBe(130);
    expect(out.written()).toMatch(/sent: 1, answered 200: 0, retries: 0, failed: 1\n$/);
  });
});
