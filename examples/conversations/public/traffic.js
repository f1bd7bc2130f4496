import { setText } from "./element.js";
import { clockTime } from "./times.js";

const MINUTES = 30;
const BAR = { width: 10, gap: 2, height: 40 };
const KINDS = ["message", "duplicate", "rejected"];
const byId = (id) => document.getElementById(id);

/** The strip with the counts and the plot. */
export function createTraffic() {
  // A tally for each run of the server: after a restart it counts from 0, and we go on.
  const tallies = new Map();
  const bars = Array.from({ length: MINUTES }, (_, index) => createBar(index));
  byId("plot").append(...bars.map(({ node }) => node));
  everyMinute(render);

  function update({ run, tally }) {
    tallies.set(run, { ...tally, minutes: new Map(tally.minutes) });
    if (tally.lastRejection) showRejection(tally.lastRejection);
  }

  function render() {
    for (const kind of KINDS) {
      setText(byId(`count-${kind}`), sum([...tallies.values()].map((tally) => tally[kind])));
    }
    const counts = countByMinute([...tallies.values()]);
    const peak = Math.max(...counts.map(({ count }) => count));
    counts.forEach((minute, index) => bars[index].draw(minute, Math.max(peak, 4)));
    setText(byId("plot-peak"), peak > 0 ? `most ${peak}` : "");
    const now = counts.at(-1).count;
    byId("plot").setAttribute(
      "aria-label",
      `Texts in each of the last ${MINUTES} minutes: ${now} in this one, ${peak} at most`,
    );
  }

  return { update, render };
}

function showRejection({ status, title, receivedAt }) {
  const node = byId("last-rejection");
  node.hidden = false;
  setText(node, `${status} ${title}, ${clockTime(receivedAt)}`);
  node.title = node.textContent;
}

function countByMinute(tallies) {
  const thisMinute = Math.floor(Date.now() / 60_000);
  return Array.from({ length: MINUTES }, (_, index) => {
    const minute = thisMinute - (MINUTES - 1 - index);
    const counts = tallies.map(({ minutes }) => minutes.get(minute) ?? 0);
    return { minute, count: counts.reduce((total, count) => total + count, 0) };
  });
}

function createBar(index) {
  const node = createSvg("rect");
  const title = createSvg("title");
  node.append(title);
  node.setAttribute("x", index * BAR.width + BAR.gap / 2);
  node.setAttribute("width", BAR.width - BAR.gap);

  function draw({ minute, count }, peak) {
    // Never less than a line, so that a quiet minute is seen to be one.
    const height = Math.max((count / peak) * BAR.height, 1);
    node.setAttribute("y", BAR.height - height);
    node.setAttribute("height", height);
    node.classList.toggle("quiet", count === 0);
    setText(title, `${clockTime(minute * 60_000)}: ${count}`);
  }

  return { node, draw };
}

const createSvg = (tag) => document.createElementNS("http://www.w3.org/2000/svg", tag);

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0).toLocaleString("en");

function everyMinute(action) {
  setTimeout(
    () => {
      action();
      everyMinute(action);
    },
    60_000 - (Date.now() % 60_000),
  );
}
