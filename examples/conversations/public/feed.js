const RETRY_AFTER = 1_000;

/**
 * Follows the server's events. After a lost connection, the browser asks for what came after its
 * last texts. If it gives up, as after an answer other than 200, this reconnects in the same place.
 */
export function follow({ onTexts, onBoard, onState }) {
  let lastEventId = "";

  function connect() {
    const source = new EventSource(`events?after=${encodeURIComponent(lastEventId)}`);
    source.addEventListener("open", () => onState("live"));
    source.addEventListener("board", (event) => onBoard(JSON.parse(event.data)));
    source.addEventListener("texts", (event) => {
      lastEventId = event.lastEventId;
      onTexts(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      onState("reconnecting");
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_AFTER);
    });
  }

  connect();
}
