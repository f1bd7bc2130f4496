import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import type { Browser, Page } from "playwright-core";
import request from "supertest";
import { memoryInbox, type Inbox } from "telesign-callback";
import { deliver, notification } from "telesign-callback/testing";

import { createConversations } from "../examples/conversations/app.js";
import { documented } from "../examples/conversations/scenario.js";
import { describeInBrowser, launchBrowser } from "./support/browser.js";
import fixture from "./fixtures/documented.json";

const TIME_LIMIT = 20_000;
const CALLBACK_PATH = "/telesign/4f9d0c";
const OTHER_SESSION = "00000000000000000000000000000002";

jest.setTimeout(TIME_LIMIT);

interface Site {
  readonly url: string;
  readonly send: (...overrides: Parameters<typeof notification>) => Promise<void>;
  readonly drop: () => void;
  readonly stop: () => Promise<void>;
}

interface SiteOptions {
  readonly port?: number;
  readonly log?: { maxEntries?: number };
  readonly inbox?: Inbox;
}

const sites: Site[] = [];

/** The example on a port of its own, or on the one that a former one had. */
async function startSite({ port = 0, ...options }: SiteOptions = {}): Promise<Site> {
  const { app, close } = createConversations({ path: CALLBACK_PATH, ...options });
  const server = createServer(app).listen(port, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const site = {
    url,
    async send(overrides = {}) {
      await deliver(url + CALLBACK_PATH, notification(overrides), { waits: [] });
    },
    drop: () => server.closeAllConnections(),
    async stop() {
      await close();
      await closeServer(server);
    },
  };
  sites.push(site);
  return site;
}

/** An inbox that takes callbacks, and to which a burst of texts can be given without HTTP's pace. */
function burstInbox() {
  const inbox = memoryInbox();
  let give: Parameters<typeof inbox.consume>[0];
  return {
    ...inbox,
    consume(handOver: typeof give) {
      give = handOver;
      return inbox.consume(handOver);
    },
    async burst(length: number, overrides: (number: number) => object = () => ({})) {
      const start = Date.now() - length * 1_000;
      for (let number = 1; number <= length; number += 1) {
        const submittedAt = new Date(start + number * 1_000);
        const delivery = { receivedAt: new Date(), submittedAt, attempt: 1 };
        const sent = notification({ mo_message: `No. ${number}`, ...overrides(number) });
        await give(sent, delivery);
      }
    },
  };
}

async function closeServer(server: Server) {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}

afterEach(async () => {
  await Promise.all(sites.splice(0).map(({ stop }) => stop()));
});

describe("The page of conversations", () => {
  it("plays the example as TeleSign's page prints it", () => {
    expect(JSON.stringify(documented)).toBe(JSON.stringify(fixture));
  });

  it("forbids whatever is not its own, inline scripts and styles included", async () => {
    const { app } = createConversations();
    const { headers } = await request(app).get("/").set("Host", "127.0.0.1").expect(200);
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none';script-src 'self';style-src 'self';img-src 'self';connect-src 'self';" +
        "base-uri 'none';form-action 'none';frame-ancestors 'none';" +
        "require-trusted-types-for 'script'",
    );
  });

  it("is not there for who comes through a tunnel, while callbacks are", async () => {
    const { app } = createConversations();
    await request(app).get("/").set("Host", "tunnel.example").expect(404);
    await request(app).get("/events").set("Host", "tunnel.example:443").expect(404);
    await request(app).post("/").set("Host", "tunnel.example").send(fixture).expect(200);
  });

  it.each(["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Via"])(
    "is not there for who comes through a tunnel that rewrites Host and adds %s",
    async (header) => {
      const { app } = createConversations();
      const local = { Host: "127.0.0.1", [header]: "tunnel.example" };
      await request(app).get("/").set(local).expect(404);
      await request(app).get("/events").set(local).expect(404);
      await request(app).post("/").set(local).send(fixture).expect(200);
    },
  );

  it("answers HEAD on its events with their headers, and ends", async () => {
    const { app } = createConversations();
    const { headers } = await request(app).head("/events").set("Host", "127.0.0.1").expect(200);
    expect(headers["content-type"]).toBe("text/event-stream");
  });
});

describeInBrowser("The page of conversations, in a browser", () => {
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    page = await browser.newPage({ reducedMotion: "reduce" });
    // Under Jest's own time limit, so that what was awaited is named.
    page.setDefaultTimeout(TIME_LIMIT - 5_000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // That a server is away is not the page's fault.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        complaints.push(message.text());
      }
    });
  }, TIME_LIMIT);

  afterEach(async () => {
    await page?.goto("about:blank");
    // Exceptions, and violations of the Content-Security-Policy.
    expect(complaints.splice(0)).toEqual([]);
  });

  afterAll(() => browser?.close());

  async function open(site: Site, viewport = { width: 1280, height: 800 }) {
    await page.setViewportSize(viewport);
    await page.goto(site.url);
    await page.getByText("Live", { exact: true }).waitFor();
  }

  const texts = () => page.locator("#texts .words");
  const counted = (kind: string, count: number) =>
    page.locator(`#count-${kind}`, { hasText: new RegExp(`^${count.toLocaleString("en")}$`) });

  it("says that there is nothing yet, and shows a text as soon as it is delivered", async () => {
    const site = await startSite();
    await open(site);
    await page.getByText("No texts yet").waitFor();
    await site.send({ mo_message: "Hello there" });
    await texts().getByText("Hello there").waitFor();
    await counted("message", 1).waitFor();
    expect(await page.getByRole("option").count()).toBe(1);
  });

  it("shows a retry as a count, and the text once", async () => {
    const site = await startSite();
    await open(site);
    const sent = notification({ mo_message: "Only once" });
    await site.send(sent);
    await site.send(sent);
    await counted("duplicate", 1).waitFor();
    await page.getByText("retry suppressed").waitFor();
    expect(await texts().allTextContents()).toEqual(["Only once"]);
  });

  it("counts what was rejected, and says why", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_reference_id: "" });
    await counted("rejected", 1).waitFor();
    const reason = await page.locator("#last-rejection").textContent();
    expect(reason).toContain("400 Not a valid notification");
  });

  it("shows markup as the text that it is, and runs none of it", async () => {
    const site = await startSite();
    await open(site);
    const markup = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script>';
    await site.send({ mo_message: markup });
    await texts().first().waitFor();
    expect(await texts().allTextContents()).toEqual([markup]);
    expect(await page.locator(".row-preview").textContent()).toBe(markup);
    expect(await page.locator("main img, main script").count()).toBe(0);
    expect(await page.title()).toBe("Conversations");
  });

  it("keeps the empty, the endless and the right-to-left readable", async () => {
    const site = await startSite();
    await open(site);
    const endless = "endless".repeat(1_000);
    for (const mo_message of ["", "مرحبا", endless]) await site.send({ mo_message });
    const unfold = page.getByRole("button", { name: "Show all 7,000 characters" });
    await unfold.click();
    expect(await texts().allTextContents()).toEqual(["Empty text", "مرحبا", endless]);
    const direction = texts()
      .nth(1)
      .evaluate((node) => getComputedStyle(node).direction);
    expect(await direction).toBe("rtl");
    expect(await overflow()).toBe(0);
  });

  it("masks numbers until they are clicked", async () => {
    const site = await startSite();
    await open(site);
    await site.send();
    const number = page.getByRole("button", { name: /^A 1555•••34/, pressed: false });
    await number.waitFor();
    expect(await page.locator("body").innerText()).not.toContain("15551234");
    await number.click();
    await page.getByRole("button", { name: /^A 15551234/, pressed: true }).waitFor();
    await page.getByRole("option", { name: /^15551234 ⇄ 1555•••67/ }).waitFor();
    await page.getByRole("button", { name: /^A 15551234/ }).press("Enter");
    await number.waitFor();
    expect(await page.locator("body").innerText()).not.toContain("15551234");
  });

  it("masks numbers of every length", async () => {
    const site = await startSite();
    await open(site);
    for (const from_phone_number of ["+123456789012345", "12345", "7"]) {
      await site.send({ from_phone_number });
    }
    await counted("message", 3).waitFor();
    const masked = ["+1234•••45", "1555•••67", "•••45", "•••"];
    expect(await page.locator("#parties .number").allTextContents()).toEqual(masked);
  });

  it("is read from the keyboard alone", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_message: "The older one", session_reference_id: OTHER_SESSION });
    await site.send({ mo_message: "The newer one" });
    await counted("message", 2).waitFor();
    const focused = () =>
      page.evaluate(() => {
        const { id, textContent } = document.activeElement ?? document.body;
        return id === "" ? textContent : id;
      });
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("session-list");
    await page.keyboard.press("End");
    await texts().getByText("The older one").waitFor();
    await page.keyboard.press("ArrowUp");
    await texts().getByText("The newer one").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.getByRole("option", { selected: true }).getByText("The older one").waitFor();
    const active = await page.getByRole("listbox").getAttribute("aria-activedescendant");
    expect(active).toBe(`session-${OTHER_SESSION}`);
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("A 1555•••34, show the whole number");
    await page.keyboard.press("Space");
    expect(await focused()).toBe("A 15551234, show the whole number");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("B 1555•••67, show the whole number");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("scroller");
    await page.keyboard.press("Escape");
    expect(await focused()).toBe("session-list");
    await page.keyboard.press("Enter");
    expect(await focused()).toBe("scroller");
  });

  it("keeps the keyboard's place in the list while texts move the rows", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ session_reference_id: OTHER_SESSION });
    await texts().first().waitFor();
    await page.getByRole("listbox").focus();
    await site.send();
    await page.getByRole("option").nth(1).waitFor();
    const list = page.getByRole("listbox");
    expect(await list.evaluate((node) => node === document.activeElement)).toBe(true);
    expect(await list.getAttribute("aria-activedescendant")).toBe(`session-${OTHER_SESSION}`);
  });

  it("puts a text that arrives late where it was sent", async () => {
    const site = await startSite();
    await open(site);
    const at = (second: number) => ({ submit_timestamp: `2026-01-01T12:00:0${second}.000000` });
    await site.send({ ...at(1), mo_message: "first" });
    await site.send({ ...at(3), mo_message: "third" });
    await site.send({ ...at(2), mo_message: "second" });
    await counted("message", 3).waitFor();
    expect(await texts().allTextContents()).toEqual(["first", "second", "third"]);
  });

  it("loses and doubles nothing when the connection drops", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_message: "before" });
    await texts().getByText("before").waitFor();
    site.drop();
    await site.send({ mo_message: "meanwhile" });
    await page.getByText("Reconnecting…").waitFor();
    await texts().getByText("meanwhile").waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await site.send({ mo_message: "after" });
    await texts().getByText("after").waitFor();
    expect(await texts().allTextContents()).toEqual(["before", "meanwhile", "after"]);
  });

  it("keeps what it has when the server restarts, and goes on counting", async () => {
    const site = await startSite();
    await open(site);
    const old = notification({ mo_message: "before" });
    await site.send(old);
    await texts().getByText("before").waitFor();
    await site.stop();
    await page.getByText("Reconnecting…").waitFor();
    const restarted = await startSite({ port: Number(new URL(site.url).port) });
    await restarted.send(old);
    await restarted.send({ mo_message: "after" });
    await texts().getByText("after").waitFor();
    expect(await texts().allTextContents()).toEqual(["before", "after"]);
  });

  it("starts again where the browser gave up, and where it left off", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_message: "before" });
    await texts().getByText("before").waitFor();
    // An EventSource stays closed after an answer other than 200, such as a proxy's.
    await page.route("**/events*", (route) => route.fulfill({ status: 502 }), { times: 1 });
    site.drop();
    await page.getByText("Reconnecting…").waitFor();
    await site.send({ mo_message: "after" });
    await texts().getByText("after").waitFor();
    expect(await texts().allTextContents()).toEqual(["before", "after"]);
  });

  it("leaves the reader in peace who has scrolled up, and says what is new", async () => {
    const site = await startSite();
    for (let number = 1; number <= 30; number += 1)
      await site.send({ mo_message: `No. ${number}` });
    await open(site);
    await texts().getByText("No. 30").waitFor();
    await page.locator("#scroller").press("Home");
    await page.getByRole("button", { name: "To the latest" }).waitFor();
    await site.send({ mo_message: "No. 31" });
    const newer = page.getByRole("button", { name: "1 new text" });
    await newer.waitFor();
    expect(await page.locator("#scroller").evaluate(({ scrollTop }) => scrollTop)).toBe(0);
    await newer.click();
    await texts().getByText("No. 31").waitFor();
    expect(await newer.isVisible()).toBe(false);
  });

  it("holds a window of 5,000 texts in the document, and touches little for one more", async () => {
    const inbox = burstInbox();
    const site = await startSite({ inbox });
    await open(site);
    const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
    await countAddedNodes();
    await inbox.burst(5_000);
    await counted("message", 5_000).waitFor();
    await texts().getByText("No. 5000", { exact: true }).waitFor();
    // Fewer than there are texts: it is drawn by the frame, and only what can be seen.
    expect(await addedNodes()).toBeLessThan(5_000);
    expect(await nodes()).toBeLessThan(2_000);

    await site.send({ mo_message: "One more" });
    await texts().getByText("One more").waitFor();
    expect(await addedNodes()).toBeLessThan(10);

    await page.locator("#scroller").press("Home");
    await texts().getByText("No. 1", { exact: true }).waitFor();
    await page.locator("#scroller").evaluate((node) => {
      node.scrollTop = node.scrollHeight;
    });
    await texts().getByText("No. 160", { exact: true }).waitFor();
    expect(await nodes()).toBeLessThan(2_000);
    await page.locator("#scroller").press("End");
    await texts().getByText("One more").waitFor();
    expect(await nodes()).toBeLessThan(2_000);
  });

  it("holds the sessions in sight in the document, and no others", async () => {
    const site = await startSite();
    const ids = Array.from({ length: 100 }, (_, index) => String(index).padStart(32, "0"));
    for (const session_reference_id of ids) await site.send({ session_reference_id });
    await open(site);
    await page.locator("#session-count").getByText("100").waitFor();
    expect(await page.getByRole("option").count()).toBeLessThan(30);
    await page.getByRole("listbox").press("End");
    const last = page.locator(`#session-${ids[0]}`);
    await last.waitFor();
    expect(await last.getAttribute("aria-posinset")).toBe("100");
    expect(await page.getByRole("option").count()).toBeLessThan(30);
  });

  it("shows the list or the conversation on a phone, and Back leads to the list", async () => {
    const site = await startSite();
    await open(site, { width: 390, height: 844 });
    await site.send({ mo_message: "On a phone" });
    await page.getByRole("option").click();
    await texts().getByText("On a phone").waitFor();
    expect(await page.getByRole("listbox").isVisible()).toBe(false);
    expect(await overflow()).toBe(0);
    await page.getByRole("button", { name: "Back to the sessions" }).click();
    await page.getByRole("listbox").waitFor();
    expect(await texts().first().isVisible()).toBe(false);
    expect(await overflow()).toBe(0);
    await page.getByRole("listbox").press("Enter");
    await texts().getByText("On a phone").waitFor();
    await page.goBack();
    await page.getByRole("listbox").waitFor();
  });

  it("heads a conversation with eight numbers at most, whatever is sent to it", async () => {
    const inbox = burstInbox();
    const site = await startSite({ inbox });
    await open(site);
    await inbox.burst(300, (number) => ({
      from_phone_number: String(15_550_000_000 + number),
      to_phone_number: String(15_560_000_000 + number),
    }));
    await texts().getByText("No. 300", { exact: true }).waitFor();
    expect(await page.locator("#parties button").count()).toBe(8);
  });

  it("opens a conversation at its latest text on a small phone, and follows it", async () => {
    const inbox = burstInbox();
    const site = await startSite({ inbox });
    await inbox.burst(30, (number) =>
      number % 2 ? {} : { from_phone_number: "15554567", to_phone_number: "15551234" },
    );
    await open(site, { width: 320, height: 568 });
    await page.getByRole("option").click();
    await texts().getByText("No. 30").waitFor();
    expect(await belowTheFold()).toBeLessThan(2);
    // Whole numbers are wider, and may need a line of their own.
    for (const party of ["A", "B"]) {
      await page.getByRole("button", { name: new RegExp(`^${party} `) }).click();
    }
    await page.getByRole("button", { name: "Back to the sessions" }).click();
    await page.getByRole("option").click();
    await texts().getByText("No. 30").waitFor();
    expect(await belowTheFold()).toBeLessThan(2);
    await site.send({ mo_message: "No. 31" });
    await texts().getByText("No. 31").waitFor();
    expect(await belowTheFold()).toBeLessThan(2);
    expect(await page.locator("#newer").isVisible()).toBe(false);
    expect(await overflow()).toBe(0);
  });

  it("forgets the oldest texts where the server's log is full, and counts them still", async () => {
    const site = await startSite({ log: { maxEntries: 3 } });
    for (const mo_message of ["1", "2", "3", "4", "5"]) await site.send({ mo_message });
    // What is rejected takes no text's place.
    for (let time = 1; time <= 3; time += 1) await site.send({ mo_reference_id: "" });
    await open(site);
    await counted("message", 5).waitFor();
    await counted("rejected", 3).waitFor();
    expect(await texts().allTextContents()).toEqual(["3", "4", "5"]);
  });

  /** From now on. */
  const countAddedNodes = () =>
    page.evaluate(() => {
      const observer = new MutationObserver((records) => {
        const count = records.reduce((total, { addedNodes }) => total + addedNodes.length, 0);
        const { dataset } = document.documentElement;
        dataset.added = String(Number(dataset.added ?? 0) + count);
      });
      observer.observe(document.body, { childList: true, subtree: true });
    });

  /** Since it was asked last. */
  const addedNodes = () =>
    page.evaluate(() => {
      const { dataset } = document.documentElement;
      const added = Number(dataset.added ?? 0);
      dataset.added = "0";
      return added;
    });

  /** How many pixels of the conversation are left to scroll, once the page has settled. */
  const belowTheFold = () =>
    page.locator("#scroller").evaluate(async (node) => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      for (let count = 1; count <= 4; count += 1) await frame();
      return node.scrollHeight - node.scrollTop - node.clientHeight;
    });

  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
});
