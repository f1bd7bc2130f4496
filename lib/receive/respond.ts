import type { IncomingMessage, ServerResponse } from "node:http";

import { after } from "../clock.js";
import type { Exchange } from "./exchange.js";

/** What an answer says. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends an answer. If the callback is closing, it is the last one on its connection.
 *
 * @throws whatever other middleware throws if it makes the answer impossible
 */
export function respond({ req, res }: Exchange, answer: Answer, isClosing: boolean): void {
  // A connection that is kept alive would keep the server from closing.
  const headers = isClosing ? { ...answer.headers, Connection: "close" } : answer.headers;
  try {
    writeHeaders(req, res, answer.status, headers);
    // `complete` is undefined if a serverless host made the request up.
    if (req.complete === false) endUnread(req, res, answer.body);
    else res.end(answer.body);
  } catch (error) {
    // Other middleware may have answered, or sent the headers and left the rest to us.
    if (!res.headersSent) throw error;
    res.end();
  }
}

/** Uses only what `node:http` has: there may be no Express, and its `res.json` adds an ETag. */
function writeHeaders(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  headers: Answer["headers"],
): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) {
    // HTTP/2 has no such header (RFC 9113, section 8.2.2).
    if (name === "Connection" && req.httpVersionMajor > 1) continue;
    res.setHeader(name, value);
  }
}

/** The most bytes of an unwanted body to discard before its connection is closed. */
const MOST_DISCARDED = 4_000_000;
/** The longest time to discard a body, in ms. */
const LONGEST_DISCARDING = 2_000;

/**
 * Sends the whole answer, discards what still arrives, and only then ends the response (RFC 9112,
 * section 9.6). If a connection is closed while input is unread, the kernel resets it, and the
 * reset can overtake the answer: the sender, or a proxy in between, would see a broken connection
 * instead.
 */
function endUnread(req: IncomingMessage, res: ServerResponse, body: string): void {
  if (isHttp2(res)) {
    // HTTP/2 can end one stream without an error, and keep its connection (RFC 9113, section 8.1).
    res.end(body, () => res.stream.close());
    return;
  }
  res.setHeader("Content-Length", Buffer.byteLength(body));
  res.write(body);
  // Compression middleware would hold the answer back until the end.
  if (canFlush(res)) res.flush();
  discard(req)
    .then(() => res.end())
    // Other middleware may have made end() throw.
    .catch(() => res.destroy());
}

function canFlush(res: ServerResponse): res is ServerResponse & { flush(): void } {
  return "flush" in res && typeof res.flush === "function";
}

function isHttp2(res: ServerResponse): res is ServerResponse & { stream: { close(): void } } {
  return "stream" in res;
}

function discard(req: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const cancel = after(LONGEST_DISCARDING, resolve);
    const stop = () => {
      cancel();
      resolve();
    };
    let discarded = 0;
    req.on("data", (chunk: Buffer | string) => {
      discarded += chunk.length;
      if (discarded >= MOST_DISCARDED) stop();
    });
    for (const event of ["end", "close", "error"]) req.on(event, stop);
    req.resume();
  });
}
