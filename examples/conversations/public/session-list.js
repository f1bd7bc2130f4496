import { partyOf } from "./conversations.js";
import { element, setText } from "./element.js";
import { shortTime } from "./times.js";
import { isBlank, oneLine } from "./words.js";

// The `height` of a row in sessions.css. In rem, so that it grows with the reader's text size.
const ROW_HEIGHT = 4.75;
const OVERSCAN = 4;
const byId = (id) => document.getElementById(id);

/**
 * The sessions, as a list box: focus stays on the list while rows move under it. Only the rows in
 * sight are in the document, however many sessions there are.
 */
export function createSessionList({ numbers, onSelect, onOpen, isNarrow }) {
  const scroller = byId("session-scroller");
  const list = byId("session-list");
  const rows = new Map();
  let sessions = [];
  let selected;
  let active;

  function update(latestFirst, selectedId) {
    sessions = latestFirst;
    if (selectedId !== selected) active = selectedId;
    selected = selectedId;
    setText(byId("session-count"), sessions.length.toLocaleString("en"));
    list.style.height = `${sessions.length * ROW_HEIGHT}rem`;
    render();
  }

  function render() {
    const activeIndex = indexOf(active);
    const indexes = new Set(inSight());
    // A screen reader follows the active row by its id, so that row is kept even out of sight.
    if (activeIndex >= 0) indexes.add(activeIndex);
    const wanted = new Map([...indexes].map((index) => [sessions[index], index]));
    for (const [session, row] of rows) {
      if (!wanted.has(session)) remove(session, row);
    }
    for (const [session, index] of wanted) rowOf(session).draw(session, index, stateOf(session));
    if (activeIndex >= 0)
      list.setAttribute("aria-activedescendant", optionId(sessions[activeIndex]));
    else list.removeAttribute("aria-activedescendant");
  }

  function inSight() {
    const height = rowPixels();
    const first = Math.max(Math.floor(scroller.scrollTop / height) - OVERSCAN, 0);
    const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + OVERSCAN;
    const count = Math.min(last, sessions.length) - first;
    return Array.from({ length: Math.max(count, 0) }, (_, offset) => first + offset);
  }

  const stateOf = ({ id }) => ({
    isSelected: id === selected,
    isActive: id === active,
    size: sessions.length,
  });

  function rowOf(session) {
    const row = rows.get(session) ?? createRow(numbers);
    if (!rows.has(session)) {
      rows.set(session, row);
      row.node.id = optionId(session);
      row.node.addEventListener("click", () => open(session.id));
      list.append(row.node);
    }
    return row;
  }

  function remove(session, row) {
    row.node.remove();
    rows.delete(session);
  }

  const indexOf = (id) => sessions.findIndex((session) => session.id === id);

  function open(id) {
    active = id;
    onSelect(id);
    onOpen(id);
  }

  function moveTo(index) {
    if (sessions.length === 0) return;
    active = sessions[Math.min(Math.max(index, 0), sessions.length - 1)].id;
    showActive();
    // On a phone, choosing a session hides the list, so there the arrow keys choose none.
    if (isNarrow()) render();
    else onSelect(active);
  }

  function showActive() {
    const height = rowPixels();
    const top = indexOf(active) * height;
    const { scrollTop, clientHeight } = scroller;
    if (top < scrollTop) scroller.scrollTop = top;
    else if (top + height > scrollTop + clientHeight)
      scroller.scrollTop = top + height - clientHeight;
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(Math.floor(scroller.clientHeight / rowPixels()) - 1, 1);
    const index = indexOf(active);
    const moves = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + page,
      PageUp: index - page,
      Home: 0,
      End: sessions.length - 1,
    };
    if (Object.hasOwn(moves, event.key)) moveTo(moves[event.key]);
    else if ((event.key === "Enter" || event.key === " ") && index >= 0) open(active);
    else return;
    event.preventDefault();
  }

  list.addEventListener("keydown", onKey);
  list.addEventListener("focus", () => {
    active ??= sessions[0]?.id;
    render();
  });
  scroller.addEventListener("scroll", render, { passive: true });
  new ResizeObserver(render).observe(scroller);

  return { update, focus: () => list.focus() };
}

const optionId = ({ id }) => `session-${id}`;

const rowPixels = () =>
  ROW_HEIGHT * parseFloat(getComputedStyle(document.documentElement).fontSize);

function createRow(numbers) {
  const names = element("span", { className: "row-names" });
  const time = element("time", { className: "small quiet" });
  const badge = element("span", { className: "badge" });
  const preview = element("span", { className: "row-preview", dir: "auto" });
  const unread = element("span", { className: "unread" });
  // The spaces separate the words in the row's name, which a screen reader makes from its parts.
  const node = element(
    "div",
    { className: "row", role: "option" },
    element("span", { className: "row-line" }, names, " ", time, " "),
    element("span", { className: "row-line" }, badge, " ", preview, " ", unread),
  );

  function draw(session, index, { isSelected, isActive, size }) {
    const latest = session.texts.at(-1);
    const [first, second = first] = session.parties.map(numbers.label);
    const party = partyOf(session, latest.from);
    node.style.transform = `translateY(${index * ROW_HEIGHT}rem)`;
    node.setAttribute("aria-selected", isSelected);
    node.setAttribute("aria-posinset", index + 1);
    node.setAttribute("aria-setsize", size);
    node.classList.toggle("active", isActive);
    node.classList.toggle("has-unread", session.unread > 0);
    setText(names, `${first} ⇄ ${second}`);
    setText(time, shortTime(latest.sentAt));
    time.dateTime = new Date(latest.sentAt).toISOString();
    setText(badge, party);
    badge.dataset.party = party;
    setText(preview, oneLine(latest.text));
    preview.classList.toggle("is-blank", isBlank(latest.text));
    drawUnread(unread, session.unread);
  }

  return { node, draw };
}

function drawUnread(node, count) {
  const digits = String(Math.min(count, 999));
  if (node.dataset.count === digits) return;
  node.dataset.count = digits;
  const news = element("span", { className: "visually-hidden" }, " new");
  node.replaceChildren(...(count > 0 ? [digits, news] : []));
}
