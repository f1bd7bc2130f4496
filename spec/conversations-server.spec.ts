import { once } from "node:events";
import { get, type IncomingMessage, type Server } from "node:http";
import { connect } from "node:net";

import request from "supertest";
import { memoryInbox, telesignCallback, type Inbox } from "telesign-callback";
import { notification } from "telesign-callback/testing";

import { createConversations } from "../examples/conversations/app.js";
import { createBoard } from "../examples/conversations/board.js";
import { documented } from "../examples/conversations/scenario.js";
import fixture from "./fixtures/documented.json";
import { burstInbox, startSite, stopSites } from "./support/conversations-site.js";

const OWN_PAGE = [{}, { "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "none" }];
const OTHER_PAGES = [
  { "Sec-Fetch-Site": "cross-site" },
  { "Sec-Fetch-Site": "same-site" },
  { Origin: "https://page.example" },
  { Origin: "null" },
];

// A thousand connections take long on a busy machine.
jest.setTimeout(20_000);

afterEach(stopSites);

describe("The page of conversations", () => {
  it("is demonstrated with TeleSign's documented example, unchanged", () => {
    expect(JSON.stringify(documented)).toBe(JSON.stringify(fixture));
  });

  it("forbids every resource that is not its own, and inline scripts and styles", async () => {
    const { app } = createConversations();
    const { headers } = await request(app).get("/").set("Host", "127.0.0.1").expect(200);
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';" +
        "base-uri 'none';form-action 'none';frame-ancestors 'none';" +
        "require-trusted-types-for 'script'",
    );
  });

  it("is not served through a tunnel, although callbacks are accepted", async () => {
    const { app } = createConversations();
    await request(app).get("/").set("Host", "tunnel.example").expect(404);
    await request(app).get("/events").set("Host", "tunnel.example:443").expect(404);
    await request(app).post("/").set("Host", "tunnel.example").send(fixture).expect(200);
  });

  it.each(["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"])(
    "is not served through a tunnel that rewrites Host and adds %s, although callbacks are accepted",
    async (header) => {
      const { app } = createConversations();
      const local = { Host: "127.0.0.1", [header]: "tunnel.example" };
      await request(app).get("/").set(local).expect(404);
      await request(app).get("/events").set(local).expect(404);
      await request(app).post("/").set(local).send(fixture).expect(200);
    },
  );

  it("answers HEAD for its event stream with the headers only", async () => {
    const { app } = createConversations();
    const { headers } = await request(app).head("/events").set("Host", "127.0.0.1").expect(200);
    expect(headers["content-type"]).toBe("text/event-stream");
  });

  it.each(OTHER_PAGES)(
    "refuses a request that a browser makes for another page: %j",
    async (headers) => {
      const { app, callback } = createConversations();
      const local = { Host: "127.0.0.1", ...headers };
      await request(app).post("/").set(local).send(fixture).expect(403);
      await request(app).get("/").set(local).expect(403);
      await request(app).get("/events").set(local).expect(403);
      expect(callback.stats()).toMatchObject({ accepted: 0, rejected: {} });
    },
  );

  it.each(OWN_PAGE)(
    "answers requests of its own, and of clients that are not browsers: %j",
    async (headers) => {
      const { app } = createConversations();
      const local = { Host: "127.0.0.1", ...headers };
      await request(app).post("/").set(local).send(fixture).expect(200);
      await request(app).get("/").set(local).expect(200);
      await request(app).head("/events").set(local).expect(200);
    },
  );

  it("survives 1,000 clients that do not read, and still accepts texts", async () => {
    const inbox = burstInbox();
    const { server, url, send } = await startSite({ inbox });
    await inbox.burst(200, () => ({ mo_message: "x".repeat(60_000) }));
    const answers: IncomingMessage[] = [];
    while (answers.length < 1_000) {
      answers.push(...(await Promise.all(Array.from({ length: 100 }, () => openPaused(url)))));
    }
    const served = answers.filter(({ statusCode }) => statusCode === 200);
    const refused = answers.filter(({ statusCode }) => statusCode === 503);
    expect([served.length, refused.length]).toEqual([32, 968]);
    await send({ mo_message: "Still there" });
    expect(server.listening).toBe(true);
    for (const answer of answers) answer.destroy();
  });

  it("disconnects a client that does not read, which makes room for another", async () => {
    const inbox = burstInbox();
    const { server, url } = await startSite({ inbox, stream: { maxStreams: 1, drainTimeout: 20 } });
    // More than the operating system buffers for a connection.
    await inbox.burst(130, () => ({ mo_message: "x".repeat(60_000) }));
    const isCutOff = closeOfNextConnection(server);
    const reader = connect(Number(new URL(url).port), "127.0.0.1").pause();
    reader.write("GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await isCutOff;
    reader.destroy();
    const answer = await openPaused(url);
    expect(answer.statusCode).toBe(200);
    answer.destroy();
  });

  it("counts a text once in its minute, however often an inbox hands it over", async () => {
    const consume = jest.fn<ReturnType<Inbox["consume"]>, Parameters<Inbox["consume"]>>(
      () => () => Promise.resolve(),
    );
    const callback = telesignCallback({ inbox: { ...memoryInbox(), consume } });
    const board = createBoard(callback);
    const [handOver] = consume.mock.lastCall!;
    const sent = notification();
    for (const attempt of [1, 2, 3]) {
      const changed = once(board.changes, "change");
      await handOver(sent, { receivedAt: new Date(), submittedAt: undefined, attempt });
      await changed;
    }
    board.close();
    const { minutes, stats } = JSON.parse(board.json()) as { minutes: unknown; stats: object };
    expect(stats).toMatchObject({ delivered: 3 });
    expect(minutes).toEqual([[expect.any(Number), 1]]);
  });

  it("sends a full log in frames of bounded size, each text once and in order", async () => {
    const inbox = burstInbox();
    const { url } = await startSite({ inbox });
    await inbox.burst(150, (number) => ({ mo_message: `${number} ${"x".repeat(20_000)}` }));
    const numbers: number[] = [];
    for await (const frame of framesOf(await openPaused(url))) {
      expect(frame.length).toBeLessThan(260_000);
      const [, data] = /^event: texts\n.*\ndata: (.*)$/s.exec(frame) ?? [];
      const entries = JSON.parse(data ?? "[]") as { text: string }[];
      numbers.push(...entries.map(({ text }) => parseInt(text)));
      if (numbers.length >= 150) break;
    }
    expect(numbers).toEqual(Array.from({ length: 150 }, (_, index) => index + 1));
  });
});

/** Asks for the events and reads no more than the head of the answer. */
async function openPaused(url: string) {
  const [answer] = (await once(get(`${url}/events`, { agent: false }), "response")) as [
    IncomingMessage,
  ];
  return answer.pause();
}

async function closeOfNextConnection(server: Server) {
  const [socket] = await once(server, "connection");
  await once(socket, "close");
}

async function* framesOf(answer: IncomingMessage) {
  let rest = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    const frames = (rest + String(chunk)).split("\n\n");
    rest = frames.pop() ?? "";
    yield* frames;
  }
}
