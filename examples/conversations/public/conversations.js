const LETTERS = "ABCDEFGH";

/**
 * The sessions and their texts, as far as this page keeps them: like the server, it drops the
 * oldest first. A text is known by its reference, so one that comes again after a restart is not
 * shown twice.
 */
export function createConversations({ maxTexts = 10_000, maxCharacters = 8_000_000 } = {}) {
  const sessions = new Map();
  const texts = new Map();
  const opened = Date.now();
  let characters = 0;

  function addText(entry) {
    if (texts.has(entry.reference)) return undefined;
    const text = { ...entry, retries: 0, isNews: entry.receivedAt > opened };
    texts.set(text.reference, text);
    characters += text.text.length;
    place(text);
    while (texts.size > maxTexts || (characters > maxCharacters && texts.size > 1)) dropOldest();
    return text;
  }

  function place(text) {
    const session = sessions.get(text.session) ?? newSession(text.session);
    // Last in the map is latest on the page.
    sessions.delete(session.id);
    sessions.set(session.id, session);
    for (const number of [text.from, text.to]) {
      const isKnown = session.parties.includes(number);
      if (!isKnown && session.parties.length < LETTERS.length) session.parties.push(number);
    }
    session.texts.splice(positionOf(text, session.texts), 0, text);
    if (text.isNews) session.unread += 1;
  }

  function dropOldest() {
    const [text] = texts.values();
    const session = sessions.get(text.session);
    texts.delete(text.reference);
    characters -= text.text.length;
    session.texts.splice(session.texts.indexOf(text), 1);
    session.unread = Math.min(session.unread, session.texts.length);
    if (session.texts.length === 0) sessions.delete(session.id);
  }

  function addRetry({ reference }) {
    const text = texts.get(reference);
    if (text) text.retries += 1;
  }

  return {
    addText,
    addRetry,
    get: (id) => sessions.get(id),
    latestFirst: () => [...sessions.values()].reverse(),
  };
}

const newSession = (id) => ({ id, texts: [], parties: [], unread: 0 });

/** A text's place by the time it was sent: after a failed delivery, it may arrive out of order. */
function positionOf({ sentAt }, texts) {
  let position = texts.length;
  while (position > 0 && texts[position - 1].sentAt > sentAt) position -= 1;
  return position;
}

/**
 * The letter of a number in its session: A sent the first text that arrived, and B received it. If
 * a session has more numbers than there are letters, the rest share the last letter.
 */
export function partyOf(session, number) {
  return LETTERS.at(session.parties.indexOf(number));
}
