const RETRY_AFTER = 1_000;

/**
 * Follows the server's events. After a lost connection the browser asks for what came after the last
 * event it has. Where it gives up (an answer other than 200), this starts again from the same place.
 */
export function follow({ onFrame, onState }) {
  let lastEventId = "";

  function connect() {
    const source = new EventSource(`events?after=${encodeURIComponent(lastEventId)}`);
    source.addEventListener("open", () => onState("live"));
    source.addEventListener("message", (event) => {
      lastEventId = event.lastEventId;
      onFrame(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      onState("reconnecting");
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_AFTER);
    });
  }

  connect();
}
