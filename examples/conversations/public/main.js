import { createChat } from "./chat.js";
import { createConversations, partyOf } from "./conversations.js";
import { createDetails } from "./details.js";
import { setText } from "./element.js";
import { follow } from "./feed.js";
import { createNumbers } from "./numbers.js";
import { createSessionList } from "./session-list.js";
import { createTraffic } from "./traffic.js";
import { oneLine } from "./words.js";

const STATES = { live: "Live", reconnecting: "Reconnecting…" };
const NOTHING = {
  title: "Choose a session",
  text: "Its texts appear here, and new ones as they arrive.",
};

const narrow = matchMedia("(max-width: 47.99rem)");
const conversations = createConversations();
const numbers = createNumbers();
const traffic = createTraffic();
const details = createDetails({ numbers });
const sessionList = createSessionList({
  numbers,
  isNarrow: () => narrow.matches,
  onSelect: select,
  onOpen: () => chat.focus(),
});
const chat = createChat({ numbers, onChange: render, onLeave: leave });
let isScheduled = false;
let openedInPage = false;

follow({
  onTexts(entries) {
    const news = entries.flatMap((entry) => add(entry) ?? []);
    announce(news.filter(({ isNews, session }) => isNews && session === selectedId()));
    schedule();
  },
  onBoard(board) {
    traffic.update(board);
    details.update(board);
    schedule();
  },
  onState(state) {
    document.querySelector(".connection").dataset.state = state;
    setText(document.getElementById("connection"), STATES[state]);
    schedule();
  },
});

function add(entry) {
  if (entry.kind === "message") return conversations.addText(entry);
  conversations.addRetry(entry);
  return undefined;
}

/** However many texts arrive, the page is drawn at most once a frame. */
function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  // A page in the background gets no frames, but its title says what is new.
  if (document.visibilityState === "visible") requestAnimationFrame(render);
  else setTimeout(render, 250);
}

function render() {
  isScheduled = false;
  const sessions = conversations.latestFirst();
  if (!selectedId() && !narrow.matches && sessions.length > 0) {
    history.replaceState(null, "", `#${sessions[0].id}`);
  }
  const session = conversations.get(selectedId());
  document.body.classList.toggle("is-open", session !== undefined);
  renderNothing(session, sessions);
  chat.show(session);
  sessionList.update(sessions, session?.id);
  traffic.render();
  details.render();
  const unread = sessions.reduce((total, { unread }) => total + unread, 0);
  setText(
    document.querySelector("title"),
    unread > 0 ? `(${unread}) Conversations` : "Conversations",
  );
}

function renderNothing(session, sessions) {
  document.getElementById("nothing").hidden = session !== undefined;
  document.body.classList.toggle("is-empty-page", sessions.length === 0);
  if (session || sessions.length === 0) return;
  setText(document.getElementById("nothing-title"), NOTHING.title);
  setText(document.getElementById("nothing-text"), NOTHING.text);
}

/** The address holds the chosen session, so that Back leads to the list on a phone. */
const selectedId = () => location.hash.slice(1);

function select(id) {
  if (id === selectedId()) return render();
  if (narrow.matches) {
    history.pushState(null, "", `#${id}`);
    openedInPage = true;
  } else {
    history.replaceState(null, "", `#${id}`);
  }
  render();
}

function leave() {
  if (narrow.matches && openedInPage) history.back();
  else if (narrow.matches) {
    history.replaceState(null, "", location.pathname);
    render();
    sessionList.focus();
  } else sessionList.focus();
}

addEventListener("popstate", () => {
  openedInPage = false;
  render();
  if (!selectedId()) sessionList.focus();
});
narrow.addEventListener("change", schedule);
document.addEventListener("visibilitychange", schedule);

/** Lets screen readers announce new texts of the open conversation only: all would be too many. */
function announce(texts) {
  if (texts.length === 0) return;
  const [text] = texts;
  const party = partyOf(conversations.get(text.session), text.from);
  const words = texts.length === 1 ? `${party}: ${oneLine(text.text, 300)}` : "";
  setText(document.getElementById("announcer"), words || `${texts.length} new texts`);
}
