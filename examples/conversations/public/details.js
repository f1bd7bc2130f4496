import { element, setText } from "./element.js";
import { exactTime } from "./times.js";
import { oneLine } from "./words.js";

const byId = (id) => document.getElementById(id);

/** The dialog with every count, the last rejections and the dead letters. */
export function createDetails({ numbers }) {
  const dialog = byId("details");
  let board;
  let drawn;

  function update(latest) {
    board = latest;
  }

  function render() {
    if (!dialog.open || !board || board === drawn) return;
    drawn = board;
    const { startedAt, stats, rejections, deadLetters } = board;
    setText(byId("counts-title"), `Counts since the server started, ${exactTime(startedAt)}`);
    byId("all-counts").replaceChildren(...countsOf(stats).map(createCount));
    fill("rejection-list", "no-rejections", rejections.map(createRejection));
    byId("dead-letters").hidden = deadLetters === undefined;
    const letters = (deadLetters?.list ?? []).map((letter) => createDeadLetter(letter, numbers));
    fill("dead-letter-list", "no-dead-letters", letters);
  }

  byId("open-details").addEventListener("click", () => {
    drawn = undefined;
    dialog.showModal();
    render();
  });
  byId("close-details").addEventListener("click", () => dialog.close());
  // The content covers the whole dialog, so a click on the dialog itself is on the backdrop.
  dialog.addEventListener("click", ({ target }) => {
    if (target === dialog) dialog.close();
  });

  return { update, render };
}

function fill(listId, emptyId, items) {
  byId(listId).replaceChildren(...items);
  byId(emptyId).hidden = items.length > 0;
}

/** Each count under its name in `stats()`, and what it counts. */
function countsOf(stats) {
  const { rejected, lastAcceptedAt } = stats;
  const byStatus = Object.entries(rejected).map(([status, count]) => `${status}: ${format(count)}`);
  const last = lastAcceptedAt ? `, the last at ${exactTime(Date.parse(lastAcceptedAt))}` : "";
  return [
    ["accepted", stats.accepted, `new texts, answered with 200${last}`],
    ["duplicates", stats.duplicates, "retries that were suppressed"],
    ["rejected", byStatus.join(", ") || 0, "requests by the status they got"],
    ["delivered", stats.delivered, "hand-overs in which every listener succeeded"],
    ["failed", stats.failed, "hand-overs in which a listener failed"],
    ["deadLettered", stats.deadLettered, "texts that became dead letters"],
    ["inboxErrors", stats.inboxErrors, "errors of the inbox"],
    ["running", stats.running, "hand-overs under way now"],
    ["waiting", stats.waiting, "texts in this process that no listener has been given yet"],
  ];
}

const format = (count) => (typeof count === "number" ? count.toLocaleString("en") : count);

function createCount([name, count, meaning]) {
  return element(
    "div",
    {},
    element("dt", {}, element("code", {}, name)),
    element("dd", { className: "meaning small quiet" }, meaning),
    element("dd", {}, format(count)),
  );
}

function createRejection(rejection) {
  const { status, title, fields, address = "an unknown address", receivedAt } = rejection;
  const faults = fields.map(({ field, rule }) => element("code", {}, oneLine(`${field}: ${rule}`)));
  return element(
    "li",
    {},
    element("p", { className: "what" }, `${status} ${title}`),
    element("p", { className: "small quiet" }, createTime(receivedAt), ` from ${oneLine(address)}`),
    element("p", { className: "faults small" }, ...faults),
  );
}

function createDeadLetter({ from, to, text, attempts, failedAt, error, reference }, numbers) {
  const words =
    text === undefined
      ? element("p", { className: "what is-blank" }, "This text cannot be read")
      : element("p", { className: "what", dir: "auto" }, oneLine(text, 300));
  const parties = from && to ? `${numbers.label(from)} → ${numbers.label(to)} · ` : "";
  const tries = attempts === 1 ? "1 attempt" : `${attempts} attempts`;
  return element(
    "li",
    {},
    words,
    element(
      "p",
      { className: "small quiet" },
      `${parties}${tries}, the last at `,
      createTime(failedAt),
    ),
    element(
      "p",
      { className: "faults small" },
      element("code", {}, error),
      element("code", {}, reference),
    ),
  );
}

function createTime(time) {
  return element("time", { dateTime: new Date(time).toISOString() }, exactTime(time));
}
