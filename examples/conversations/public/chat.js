import { createBubble } from "./bubble.js";
import { createBadge, createChatHead } from "./chat-head.js";
import { partyOf } from "./conversations.js";
import { element, setText } from "./element.js";
import { dayName } from "./times.js";

// How many texts are in the document: at first, added at a time, at most.
const WINDOW = { initial: 80, step: 80, most: 240 };
const NEAR = 300;
const RUN = 5 * 60_000;
const byId = (id) => document.getElementById(id);

/**
 * The chosen session as a chat. Only a window of a long session is in the document. It moves when
 * the reader scrolls near its ends, and follows the latest text while the reader is at the bottom.
 */
export function createChat({ numbers, onChange, onLeave }) {
  const scroller = byId("scroller");
  const list = byId("texts");
  const head = createChatHead({ numbers, onChange });
  const items = new Map();
  const unfolded = new WeakSet();
  let session;
  // The window's ends are texts, since positions change when late texts arrive and old ones go.
  let first;
  let last;
  let isFollowing = true;

  function show(next) {
    if (next === session) return update();
    session = next;
    isFollowing = true;
    first = last = undefined;
    items.clear();
    list.replaceChildren();
    head.clear();
    update();
  }

  function update() {
    byId("chat").hidden = session === undefined;
    if (!session) return;
    // The head comes first: if it wraps, the texts have less height to scroll in.
    head.render(session);
    const start = Math.max(positionOf(first), 0);
    if (isFollowing) openAt(first ? start : session.texts.length, session.texts.length);
    else openAt(start, positionOf(last) + 1);
    if (isFollowing && document.visibilityState === "visible") session.unread = 0;
    renderNewer();
  }

  const positionOf = (text) => session.texts.indexOf(text);

  /** Puts the texts from `start` to `end` into the document, and more if these are few. */
  function openAt(start, end) {
    const least = Math.min(WINDOW.initial, session.texts.length);
    const to = Math.max(end, least);
    const from = Math.max(Math.min(start, to - least), to - WINDOW.most, 0);
    draw(session.texts.slice(from, to), session.texts[from - 1]);
  }

  function draw(texts, before) {
    const isFirstTime = items.size === 0;
    const anchor = isFollowing ? undefined : firstInSight();
    const anchorTop = anchor?.getBoundingClientRect().top;
    const wanted = new Set(texts);
    for (const [text, item] of items) {
      if (wanted.has(text)) continue;
      item.node.remove();
      items.delete(text);
    }
    let previous = before;
    let place = list.firstChild;
    for (const text of texts) {
      const known = items.get(text)?.node;
      const node = itemOf(text, previous);
      if (known && known === place) place = known.nextSibling;
      else list.insertBefore(node, place);
      if (known && known !== node) known.replaceWith(node);
      if (!isFirstTime && isFollowing && text.isNews) node.classList.add("arrives");
      previous = text;
    }
    [first, last] = [texts[0], texts.at(-1)];
    byId("chat-start").hidden = before !== undefined;
    if (isFollowing) scroller.scrollTop = scroller.scrollHeight;
    else if (anchor?.isConnected) {
      scroller.scrollTop += anchor.getBoundingClientRect().top - anchorTop;
    }
  }

  /** The element of a text, a new one if something that shows in it has changed. */
  function itemOf(text, previous) {
    const day = dayName(text.sentAt);
    const startsDay = !previous || dayName(previous.sentAt) !== day;
    const startsRun =
      startsDay || previous.from !== text.from || text.sentAt - previous.sentAt > RUN;
    const label = startsRun && numbers.label(text.from);
    const look = JSON.stringify([startsDay && day, label, text.retries, unfolded.has(text)]);
    const known = items.get(text);
    if (known?.look === look) return known.node;
    const node = createItem(text, { day: startsDay && day, label });
    items.set(text, { node, look });
    return node;
  }

  function createItem(text, { day, label }) {
    const party = partyOf(session, text.from);
    const node = element("li", { className: "text" });
    node.dataset.party = party;
    if (day) node.append(element("p", { className: "day" }, element("span", {}, day)));
    if (label) {
      node.classList.add("starts-run");
      node.append(element("p", { className: "sender" }, createBadge(party), label));
    } else {
      node.append(element("span", { className: "visually-hidden" }, `${party}: `));
    }
    const isUnfolded = unfolded.has(text);
    node.append(createBubble(text, { isUnfolded, onFold: () => toggleFold(text) }));
    return node;
  }

  function toggleFold(text) {
    if (!unfolded.delete(text)) unfolded.add(text);
    isFollowing = false;
    update();
    items.get(text)?.node.querySelector(".fold").focus({ preventScroll: true });
  }

  function renderNewer() {
    const { unread } = session;
    const isAtEnd = isFollowing || (last === session.texts.at(-1) && unread === 0 && isAtBottom());
    byId("newer").hidden = isAtEnd;
    const news = unread === 1 ? "1 new text" : `${unread.toLocaleString("en")} new texts`;
    setText(byId("newer"), unread > 0 ? `↓ ${news}` : "↓ To the latest");
  }

  const isAtBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 24;

  function firstInSight() {
    const { top } = scroller.getBoundingClientRect();
    return [...list.children].find((node) => node.getBoundingClientRect().bottom > top);
  }

  function onScroll() {
    if (!session?.texts.length || items.size === 0) return;
    const start = positionOf(first);
    const end = positionOf(last) + 1;
    const { length } = session.texts;
    const wasFollowing = isFollowing;
    // While the window follows the latest text, some that have arrived may not be drawn yet.
    isFollowing = isAtBottom() && (wasFollowing || end === length);
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    if (scrollTop < NEAR && start > 0 && !isFollowing) {
      const from = Math.max(start - WINDOW.step, 0);
      openAt(from, Math.min(end, from + WINDOW.most));
    } else if (scrollHeight - scrollTop - clientHeight < NEAR && end < length) {
      const to = Math.min(end + WINDOW.step, length);
      openAt(Math.max(start, to - WINDOW.most), to);
    }
    if (isFollowing && !wasFollowing) onChange();
    else renderNewer();
  }

  function toStart() {
    isFollowing = false;
    openAt(0, Math.min(WINDOW.initial, session.texts.length));
    scroller.scrollTop = 0;
    renderNewer();
  }

  function toEnd() {
    isFollowing = true;
    first = undefined;
    onChange();
  }

  scroller.addEventListener("scroll", onScroll, { passive: true });
  scroller.addEventListener("keydown", (event) => {
    if (event.target !== scroller) return;
    if (event.key === "Home") toStart();
    else if (event.key === "End") toEnd();
    else return;
    event.preventDefault();
  });
  byId("chat").addEventListener("keydown", (event) => {
    if (event.key === "Escape") onLeave();
  });
  byId("back").addEventListener("click", onLeave);
  byId("newer").addEventListener("click", () => {
    toEnd();
    scroller.focus();
  });
  new ResizeObserver(() => {
    if (isFollowing) scroller.scrollTop = scroller.scrollHeight;
  }).observe(scroller);

  return { show, update, focus: () => scroller.focus({ preventScroll: true }) };
}
