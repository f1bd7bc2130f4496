import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE = 15_000;
const PIECE = 100_000;

/**
 * Writes a whole HTTP/1.1 request, in pieces, before it reads anything. A reset during the upload
 * then costs the answer. Node's own client reads while it writes, so it often has the answer before
 * it learns of the reset.
 *
 * @returns the answer, as `http1` does; rejects if the connection breaks before all of it was read
 */
export async function sendThenRead(socket, { method, path, headers, body }) {
  socket.pause();
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error("no answer in 15 s")));
  const broken = new Promise((_, reject) => socket.once("error", reject));
  const lines = Object.entries(headers).map((pair) => pair.join(": "));
  const request = Buffer.from([`${method} ${path} HTTP/1.1`, ...lines, "", body].join("\r\n"));
  try {
    for (let at = 0; at < request.length; at += PIECE) {
      const written = new Promise((resolve) => {
        socket.write(request.subarray(at, at + PIECE), () => resolve());
      });
      await Promise.race([Promise.all([written, sleep(10)]), broken]);
    }
    return await readAnswer(socket);
  } finally {
    socket.destroy();
  }
}

/** Reads as far as the answer's `Content-Length` says: a proxy may keep the connection open. */
async function readAnswer(socket) {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    const answer = parse(bytes);
    if (answer?.body.length >= Number(answer?.headers["content-length"])) return answer;
  }
  throw new Error("the connection ended before the whole answer had arrived");
}

/** An answer as far as it has arrived; undefined before all of its headers have. */
function parse(bytes) {
  const text = bytes.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const headers = {};
  for (const line of lines) {
    const [, name, value] = /^([^:]*): *(.*)$/.exec(line);
    headers[name.toLowerCase()] = value;
  }
  return { status: Number(first.split(" ")[1]), headers, body: text.slice(end + 4) };
}
