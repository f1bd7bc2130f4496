import { createSvg, setText } from "./element.js";
import { clockTime, shortTime } from "./times.js";
import { oneLine } from "./words.js";

const MINUTES = 30;
const BAR = { width: 10, gap: 2, height: 40 };
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const byId = (id) => document.getElementById(id);

/** The strip with the counts, the plot and the last trouble. */
export function createTraffic() {
  const bars = Array.from({ length: MINUTES }, (_, index) => createBar(index));
  byId("plot").append(...bars.map(({ node }) => node));
  everyMinute(render);
  let board;

  function update(latest) {
    board = latest;
  }

  function render() {
    if (!board) return;
    renderCounts(board);
    const trouble = troubleOf(board);
    setText(byId("trouble"), trouble ?? "Nothing rejected, nothing failed.");
    byId("trouble").classList.toggle("is-trouble", trouble !== undefined);
    renderPlot(new Map(board.minutes));
  }

  function renderPlot(minutes) {
    const counts = lastMinutes().map((minute) => ({ minute, count: minutes.get(minute) ?? 0 }));
    const peak = Math.max(...counts.map(({ count }) => count));
    counts.forEach((minute, index) => bars[index].draw(minute, Math.max(peak, 4)));
    setText(byId("plot-peak"), peak > 0 ? `most ${peak.toLocaleString("en")}` : "");
    const now = counts.at(-1).count;
    byId("plot").setAttribute(
      "aria-label",
      `Texts in each of the last ${MINUTES} minutes: ${now} in this one, ${peak} at most`,
    );
  }

  return { update, render };
}

function renderCounts({ stats, deadLetters }) {
  const { accepted, duplicates, rejected, failed } = stats;
  const counts = { accepted, duplicates, rejected: sum(rejected), failed };
  for (const [name, count] of Object.entries(counts)) renderCount(name, count, short(count));
  // The memory inbox keeps no dead letters.
  byId("count-dead").parentElement.hidden = deadLetters === undefined;
  if (deadLetters) renderCount("dead", deadLetters.list.length, deadCount(deadLetters));
}

function renderCount(name, count, text) {
  setText(byId(`count-${name}`), text);
  byId(`count-${name}`).parentElement.classList.toggle("is-zero", count === 0);
}

const short = (count) => (count < 10_000 ? count.toLocaleString("en") : SHORT.format(count));

const deadCount = ({ list, hasMore }) => `${list.length}${hasMore ? "+" : ""}`;

/** The trouble that a person should know of first, in a sentence; undefined if there is none. */
function troubleOf({ stats, rejections: [rejection], deadLetters }) {
  const { inboxErrors, failed, waiting } = stats;
  if (deadLetters?.list.length === 1) return "1 text became a dead letter and needs a person.";
  if (deadLetters?.list.length > 1) {
    return `${deadCount(deadLetters)} texts became dead letters and need a person.`;
  }
  if (waiting > 0 && inboxErrors > 0) return "The inbox has trouble, and texts are waiting.";
  if (rejection) {
    const { receivedAt, status, title, address = "an unknown address" } = rejection;
    return `Rejected ${shortTime(receivedAt)} from ${oneLine(address)}: ${status} ${title}`;
  }
  if (failed > 0) return "A listener failed.";
  return inboxErrors > 0 ? "The inbox had trouble." : undefined;
}

/** How many requests were rejected, whatever their status. */
const sum = (rejected) => Object.values(rejected).reduce((total, count) => total + count, 0);

function lastMinutes() {
  const thisMinute = Math.floor(Date.now() / 60_000);
  return Array.from({ length: MINUTES }, (_, index) => thisMinute - (MINUTES - 1 - index));
}

function createBar(index) {
  const title = createSvg("title");
  const x = index * BAR.width + BAR.gap / 2;
  const node = createSvg("rect", { x, width: BAR.width - BAR.gap }, title);

  function draw({ minute, count }, peak) {
    // At least a line, so that a minute without texts shows as well.
    const height = Math.max((count / peak) * BAR.height, 1);
    node.setAttribute("y", BAR.height - height);
    node.setAttribute("height", height);
    node.classList.toggle("is-quiet", count === 0);
    setText(title, `${clockTime(minute * 60_000)}: ${count}`);
  }

  return { node, draw };
}

function everyMinute(action) {
  setTimeout(
    () => {
      action();
      everyMinute(action);
    },
    60_000 - (Date.now() % 60_000),
  );
}
