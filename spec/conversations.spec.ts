import type { Browser, Locator, Page } from "playwright-core";
import { memoryInbox } from "telesign-callback";
import { notification } from "telesign-callback/testing";

import { burstInbox, startSite, stopSites, type Site } from "./support/conversations-site.js";
import { describeInBrowser, launchBrowser } from "./support/browser.js";

const TIME_LIMIT = 20_000;
const OTHER_SESSION = "00000000000000000000000000000002";

jest.setTimeout(TIME_LIMIT);

afterEach(stopSites);

describeInBrowser("The page of conversations, in a browser", () => {
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    page = await browser.newPage({ reducedMotion: "reduce" });
    // Shorter than Jest's own time limit, so that the error names what was awaited.
    page.setDefaultTimeout(TIME_LIMIT - 5_000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // A server that is away is not the page's fault.
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
    await counted("accepted", 1).waitFor();
    expect(await page.getByRole("option").count()).toBe(1);
  });

  it("shows a retry as a count, and the text once", async () => {
    const site = await startSite();
    await open(site);
    const sent = notification({ mo_message: "Only once" });
    await site.send(sent);
    await site.send(sent);
    await counted("duplicates", 1).waitFor();
    await page.getByText("retry suppressed").waitFor();
    expect(await texts().allTextContents()).toEqual(["Only once"]);
  });

  it("says when, from where and why a request was rejected, and cuts nothing off", async () => {
    const site = await startSite();
    await open(site, { width: 320, height: 568 });
    await page.getByText("Nothing rejected, nothing failed.").waitFor();
    await site.send({ mo_reference_id: "", from_phone_number: "nobody" });
    await counted("rejected", 1).waitFor();
    const trouble = page.locator("#trouble");
    const reason = /^Rejected \d\d:\d\d from 127\.0\.0\.1: 400 Not a valid notification$/;
    expect(await trouble.textContent()).toMatch(reason);
    expect(await isWhole(trouble)).toBe(true);
    const dialog = await openDetails();
    const rejections = dialog.locator("#rejection-list li");
    expect(await rejections.count()).toBe(1);
    expect(await rejections.innerText()).toMatch(
      /^400 Not a valid notification\n+\d\d:\d\d:\d\d from/,
    );
    expect(await rejections.locator("code").allTextContents()).toEqual([
      "from_phone_number: string.pattern.base",
      "mo_reference_id: string.empty",
    ]);
  });

  it("shows the counts of stats(), each by its name", async () => {
    const site = await startSite();
    await open(site);
    const sent = notification();
    await site.send(sent);
    await site.send(sent);
    await site.send({ mo_reference_id: "" });
    await counted("rejected", 1).waitFor();
    const dialog = await openDetails();
    const counts = await dialog
      .locator("#all-counts > div")
      .evaluateAll((rows) =>
        rows.map((row) => [row.querySelector("dt")?.textContent, row.lastChild?.textContent]),
      );
    expect(Object.fromEntries(counts)).toEqual({
      accepted: "1",
      duplicates: "1",
      rejected: "400: 1",
      delivered: "1",
      failed: "0",
      deadLettered: "0",
      inboxErrors: "0",
      running: "0",
      waiting: "0",
    });
    expect(await page.getByText("Dead letters").first().isVisible()).toBe(false);
  });

  it("shows the dead letters of an inbox that has them, with their numbers masked", async () => {
    const failedAt = new Date();
    const deadLetters = [
      {
        message: notification({ mo_message: "Never \u202earrived" }),
        reference: "A".repeat(32),
        attempts: 12,
        failedAt,
        error: { name: "Error", code: "ECONNREFUSED" },
      },
      {
        message: undefined,
        reference: "B".repeat(32),
        attempts: 1,
        failedAt,
        error: { name: "TypeError" },
      },
    ];
    const inbox = { ...memoryInbox(), deadLetters: () => Promise.resolve(deadLetters) };
    const site = await startSite({ inbox });
    await open(site, { width: 320, height: 568 });
    await counted("dead", 2).waitFor();
    await page.getByText("2 texts became dead letters and need a person.").waitFor();
    expect(await overflow()).toBe(0);
    const items = (await openDetails()).locator("#dead-letter-list li");
    const [first = "", second = ""] = await items.allInnerTexts();
    expect(first).toContain("Never U+202E arrived");
    expect(first).toContain("1555•••34 → 1555•••67 · 12 attempts, the last at");
    expect(first).toContain("Error ECONNREFUSED");
    expect(second).toContain("This text cannot be read");
    expect(second).toContain("B".repeat(32));
    expect(await overflow()).toBe(0);
  });

  it("opens and closes its details from the keyboard, and returns the focus", async () => {
    const site = await startSite();
    await open(site);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "Details" });
    await dialog.waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("open-details");
  });

  it("shows markup as text, and runs none of it", async () => {
    const site = await startSite();
    await open(site);
    const markup = '<img src="x" onerror="document.title = 1"><script>document.title = 2</script>';
    await site.send({ mo_message: markup });
    await texts().first().waitFor();
    expect(await texts().allTextContents()).toEqual([markup]);
    expect(await page.locator(".row-preview").textContent()).toBe(markup);
    expect(await page.locator("main script, .words *, .row-preview *").count()).toBe(0);
    expect(await page.title()).toBe("Conversations");
  });

  it("keeps empty, very long and right-to-left texts readable", async () => {
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

  it.each([
    ["   ", "Blank text (U+0020)"],
    ["\u200b\u2060\u200b", "Blank text (U+200B, U+2060)"],
    ["\u3164", "Blank text (U+3164)"],
    ["\n".repeat(600), "Blank text (U+000A)"],
    ["\u202e", "Blank text (U+202E)"],
  ])("says that a text is blank, and names its characters: %j", async (mo_message, words) => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_message });
    await texts().first().waitFor();
    expect(await texts().allTextContents()).toEqual([words]);
    expect(await page.locator(".row-preview").textContent()).toBe(words);
  });

  it("shows control characters as their codes, so that none reverses the text after it", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_message: "Hello" });
    await texts().getByText("Hello").waitFor();
    await site.send({ mo_message: "Pay \u202e05$\u2067 now\u0007" });
    await page.locator("#announcer").getByText("A: Pay U+202E 05$ U+2067 now U+0007").waitFor();
    await texts().locator(".control").nth(2).waitFor();
    expect(await texts().last().textContent()).toBe("Pay U+202E05$U+2067 nowU+0007");
    expect(await texts().last().locator(".control").count()).toBe(3);
    expect(await page.locator("body").textContent()).not.toMatch(/\p{Bidi_Control}/u);
  });

  it("folds a text of many lines, and shows all of it on demand", async () => {
    const site = await startSite();
    await open(site);
    const tall = `top${"\n".repeat(600)}end`;
    await site.send({ mo_message: tall });
    await texts().first().waitFor();
    const height = () =>
      texts()
        .first()
        .evaluate((node) => node.getBoundingClientRect().height);
    expect(await height()).toBeLessThan(400);
    const fold = page.getByRole("button", { name: "Show all 601 lines", expanded: false });
    await fold.press("Enter");
    expect(await texts().allTextContents()).toEqual([tall]);
    await page.getByRole("button", { name: "Show less", expanded: true }).press("Enter");
    await fold.waitFor();
    expect(await height()).toBeLessThan(400);
  });

  it("limits the height of a short text whose characters are as wide as a line", async () => {
    const site = await startSite();
    await open(site, { width: 320, height: 568 });
    await site.send({ mo_message: "\ufdfd\n\u{12031} ".repeat(11) + "\ufdfd ".repeat(200) });
    await page.getByRole("option").click();
    const words = texts().first();
    await words.waitFor();
    const height = await words.evaluate((node) => node.getBoundingClientRect().height);
    expect(height).toBeLessThan(600);
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
    await counted("accepted", 3).waitFor();
    const masked = ["+1234•••45", "1555•••67", "•••45", "•••"];
    expect(await page.locator("#parties .number").allTextContents()).toEqual(masked);
  });

  it("can be used with the keyboard alone", async () => {
    const site = await startSite();
    await open(site);
    await site.send({ mo_message: "The older one", session_reference_id: OTHER_SESSION });
    await site.send({ mo_message: "The newer one" });
    await counted("accepted", 2).waitFor();
    const focused = () =>
      page.evaluate(() => {
        const { id, textContent } = document.activeElement ?? document.body;
        return id === "" ? textContent : id;
      });
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("open-details");
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

  it("keeps the keyboard's place in the list while new texts move the rows", async () => {
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

  it("puts a text that arrives late at its place in the order of sending", async () => {
    const site = await startSite();
    await open(site);
    const at = (second: number) => ({ submit_timestamp: `2026-01-01T12:00:0${second}.000000` });
    await site.send({ ...at(1), mo_message: "first" });
    await site.send({ ...at(3), mo_message: "third" });
    await site.send({ ...at(2), mo_message: "second" });
    await counted("accepted", 3).waitFor();
    expect(await texts().allTextContents()).toEqual(["first", "second", "third"]);
  });

  it("neither loses nor repeats a text when the connection drops", async () => {
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

  it("keeps its texts when the server restarts, and shows the new server's counts", async () => {
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
    await counted("accepted", 2).waitFor();
  });

  it("reconnects after the browser gave up, and continues where it left off", async () => {
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

  it("does not scroll for a reader who has scrolled up, but counts the new texts", async () => {
    const site = await startSite();
    for (let number = 1; number <= 30; number += 1)
      await site.send({ mo_message: `No. ${number}` });
    await open(site);
    await texts().getByText("No. 30").waitFor();
    await page.locator("#scroller").press("Home");
    const latest = page.getByRole("button", { name: "To the latest" });
    await latest.waitFor();
    // The button stands below the texts and covers neither them nor their buttons.
    const edges = await page.evaluate(() => [
      document.getElementById("scroller")?.getBoundingClientRect().bottom ?? NaN,
      document.getElementById("newer")?.getBoundingClientRect().top ?? NaN,
    ]);
    expect(edges[1]).toBeGreaterThanOrEqual(edges[0] ?? NaN);
    await site.send({ mo_message: "No. 31" });
    const newer = page.getByRole("button", { name: "1 new text" });
    await newer.waitFor();
    expect(await page.locator("#scroller").evaluate(({ scrollTop }) => scrollTop)).toBe(0);
    await newer.click();
    await texts().getByText("No. 31").waitFor();
    expect(await newer.isVisible()).toBe(false);
  });

  it("keeps only part of 5,000 texts in the document, and adds little for one more", async () => {
    const inbox = burstInbox();
    const site = await startSite({ inbox });
    await open(site);
    const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
    await countAddedNodes();
    await inbox.burst(5_000);
    await texts().getByText("No. 5000", { exact: true }).waitFor();
    // Fewer nodes than texts: the page draws once a frame, and only what can be seen.
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

  it("keeps only the sessions in sight in the document", async () => {
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

  it("on a phone, shows either the list or a conversation; Back leads to the list", async () => {
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

  it("never scrolls sideways at 320 pixels, even with 1,200 texts", async () => {
    const inbox = burstInbox();
    const durable = { ...inbox, deadLetters: () => Promise.resolve([]) };
    const site = await startSite({ inbox: durable });
    await inbox.burst(1_200, (number) => ({
      session_reference_id: String(number % 30).padStart(32, "0"),
      from_phone_number: "+123456789012345",
    }));
    await site.send({ mo_reference_id: "" });
    await open(site, { width: 320, height: 568 });
    await page.getByText("most 1,200").waitFor();
    await counted("rejected", 1).waitFor();
    expect(await overflow()).toBe(0);
    await page.getByRole("option").first().click();
    await page.getByRole("button", { name: /^A / }).click();
    await texts().first().waitFor();
    expect(await overflow()).toBe(0);
    for (const party of await page.locator("#parties button").all()) {
      expect((await party.boundingBox())?.x).toBeGreaterThan(0);
      expect(await isInSight(party)).toBe(true);
    }
    await page.getByRole("button", { name: "Back to the sessions" }).click();
    await openDetails();
    expect(await overflow()).toBe(0);
  });

  it("keeps every count to its own column at 320 pixels", async () => {
    const site = await startSite();
    for (const count of [9_999, 12_345, 999_499]) {
      const stats = { accepted: count, duplicates: count, rejected: { 401: count }, failed: count };
      const deadLetters = { list: Array.from({ length: 50 }, () => ({})), hasMore: true };
      const board = { startedAt: 0, stats, minutes: [], rejections: [], deadLetters };
      const body = `event: board\ndata: ${JSON.stringify(board)}\n\n`;
      await page.route("**/events*", (route) =>
        route.fulfill({ contentType: "text/event-stream", body }),
      );
      await page.setViewportSize({ width: 320, height: 568 });
      await page.goto(site.url);
      await page.locator("#count-failed", { hasNotText: /^0$/ }).waitFor();
      for (const part of await page.locator(".counts dt:visible, .counts dd:visible").all()) {
        expect([count, await part.innerText(), await isWhole(part)]).toContain(true);
      }
      expect(await overflow()).toBe(0);
      await page.unroute("**/events*");
    }
  });

  it("shows at most eight numbers at the head of a conversation", async () => {
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

  it("opens a conversation at its latest text on a small phone, and follows new texts", async () => {
    const inbox = burstInbox();
    const site = await startSite({ inbox });
    await inbox.burst(30, (number) =>
      number % 2 ? {} : { from_phone_number: "15554567", to_phone_number: "15551234" },
    );
    await open(site, { width: 320, height: 568 });
    await page.getByRole("option").click();
    await texts().getByText("No. 30").waitFor();
    expect(await belowTheFold()).toBeLessThan(2);
    // Unmasked numbers are wider, and may need their own line.
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

  it("forgets the oldest texts when the server's log is full, and still counts them", async () => {
    const site = await startSite({ log: { maxEntries: 3 } });
    for (const mo_message of ["1", "2", "3", "4", "5"]) await site.send({ mo_message });
    // Rejected requests take no text's place.
    for (let time = 1; time <= 3; time += 1) await site.send({ mo_reference_id: "" });
    await open(site);
    await counted("accepted", 5).waitFor();
    await counted("rejected", 3).waitFor();
    expect(await texts().allTextContents()).toEqual(["3", "4", "5"]);
  });

  async function openDetails() {
    await page.getByRole("button", { name: "Details" }).click();
    const dialog = page.getByRole("dialog", { name: "Details" });
    await dialog.waitFor();
    return dialog;
  }

  /** Whether an element shows its whole content. */
  const isWhole = (locator: Locator) =>
    locator.evaluate(
      (node) => node.scrollWidth <= node.clientWidth && node.scrollHeight <= node.clientHeight,
    );

  const isInSight = (locator: Locator) =>
    locator.evaluate((node) => node.getBoundingClientRect().right <= innerWidth);

  /** Starts to count the nodes that are added to the page. */
  const countAddedNodes = () =>
    page.evaluate(() => {
      const observer = new MutationObserver((records) => {
        const count = records.reduce((total, { addedNodes }) => total + addedNodes.length, 0);
        const { dataset } = document.documentElement;
        dataset.added = String(Number(dataset.added ?? 0) + count);
      });
      observer.observe(document.body, { childList: true, subtree: true });
    });

  /** How many nodes were added since the last call. */
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
