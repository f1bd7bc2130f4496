import { linesOf, receiver, run, start } from "./support/command-line.js";
import { closeServers } from "./support/receivers.js";

afterEach(closeServers);

describe("telesign-callback conversation", () => {
  it("sends messages between two people in one session, and two of the messages twice", async () => {
    const { url, messages, received } = await receiver();
    const { status, out } = await run(["conversation", "--pace", "1", "--waits", "1,1", url]);
    expect(status).toBe(0);
    expect(out).toMatch(/sent: 8, answered 200: 8, retries: 2, failed: 0\n$/);
    const sent = messages();
    expect(new Set(sent.map((message) => message.session_reference_id)).size).toBe(1);
    expect(sent[0]?.session_reference_id).toMatch(/^[0-9A-F]{32}$/);
    expect(new Set(sent.map((message) => message.from_phone_number)).size).toBe(2);
    expect(received).toHaveLength(10);
    expect(new Set(received.map(({ body }) => String(body))).size).toBe(8);
    expect(out).toContain("15554567 → 15551234  Great, two minutes! Which car is it?\n");
    expect(out).toContain("200 in");
    expect(out.match(/answer treated as lost, next attempt in 1 ms/g)).toHaveLength(2);
  });

  it("sends the phone numbers, the session and the headers that its flags give", async () => {
    const { url, messages, received } = await receiver();
    const args = ["--from", "15550001", "--to", "15550002", "--session", "s", "--no-retries"];
    args.push("--header", "X-Forwarded-For: 192.0.2.1");
    const { status, out } = await run(["conversation", "--pace", "0", url, ...args]);
    expect(status).toBe(0);
    expect(out).toMatch(/sent: 8, answered 200: 8, retries: 0, failed: 0\n$/);
    for (const { headers } of received) {
      expect(headers).toMatchObject({ "x-forwarded-for": "192.0.2.1" });
    }
    expect(messages()[1]).toMatchObject({
      from_phone_number: "15550002",
      to_phone_number: "15550001",
      session_reference_id: "s",
    });
  });

  it("prints nothing but JSON with --json", async () => {
    const { url } = await receiver();
    const args = ["--json", "--pace", "0", "--waits", "0,0", url];
    const { out } = await run(["conversation", ...args], { isTerminal: true });
    expect(linesOf(out)).toHaveLength(11);
    expect(linesOf(out)).toContainEqual(expect.objectContaining({ isLost: true, wait: 0 }));
  });

  it("stops early on Ctrl-C", async () => {
    const { url } = await receiver();
    const { out, status, interrupt } = start(["conversation", "--pace", "60000", url]);
    await out.until(/200 in/);
    interrupt();
    expect(await status).toBe(130);
    expect(out.written()).toMatch(/sent: 1, answered 200: 1,/);
  });
});
