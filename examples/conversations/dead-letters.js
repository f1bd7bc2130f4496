const MOST = 50;
const LONGEST_TEXT = 300;
const OFTEN = 5_000;

/**
 * Follows the dead letters of a durable inbox. Other processes may add some, and an operator may
 * hand them over again or discard them, so they are read again every few seconds.
 */
function createDeadLetters(inbox, onRead) {
  const isDurable = typeof inbox?.deadLetters === "function";
  // Undefined if the inbox keeps none, or has not answered yet.
  let latest;
  let isReading = false;

  async function read() {
    if (!isDurable || isReading) return;
    isReading = true;
    try {
      const letters = await inbox.deadLetters({ limit: MOST + 1 });
      latest = { list: letters.slice(0, MOST).map(toShown), hasMore: letters.length > MOST };
      onRead();
    } catch {
      // The inbox reports its own errors. Until it answers again, the page shows the last list.
    } finally {
      isReading = false;
    }
  }

  void read();
  const often = setInterval(read, OFTEN).unref();
  return { read, latest: () => latest, close: () => clearInterval(often) };
}

function toShown({ message, reference, attempts, failedAt, error }) {
  return {
    reference: reference ?? message?.mo_reference_id,
    from: message?.from_phone_number,
    to: message?.to_phone_number,
    // With a schema of the app's own, a message may have no text.
    text: message && String(message.mo_message ?? "").slice(0, LONGEST_TEXT),
    attempts,
    failedAt: failedAt.getTime(),
    error: [error.name, error.code].filter(Boolean).join(" "),
  };
}

module.exports = { createDeadLetters };
