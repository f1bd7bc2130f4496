import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// Below the limits of both receivers: 65,536 bytes, and express.json()'s 100 kB.
const BODY = 60_000;

const post = (body, { path = "/hook", headers = "", length = body.length } = {}) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}` +
  `Content-Length: ${length}\r\n\r\n${body}`;

const pipelined = (path) => Buffer.from(post("{}", { path }).repeat(5_000));
// The word "proto" makes the package search every key for `__proto__`.
const nested = `${"[".repeat(BODY / 2)}"proto"${"]".repeat(BODY / 2)}`;
const manyKeys = `{${Array.from({ length: 5_000 }, (_, key) => `"k${key}":0`).join()},"proto":0}`;
const emptyObjects = `{"proto":[${"{},".repeat(BODY / 3 - 1)}{}]}`;
const commas = `X-TS-Authorization: ${"a,".repeat(3_500)}\r\nAuthorization: TSA ${",".repeat(7_000)}\r\n`;

/**
 * Each opens `sockets` connections, and writes `head` once and `piece` `pieces` times on each of
 * them. `receiver` holds settings of the package's receiver.
 */
export const attacks = [
  {
    name: "one-byte chunks",
    sockets: 20,
    head: post("").replace("Content-Length: 0", "Transfer-Encoding: chunked"),
    piece: "1\r\n{\r\n".repeat(200),
    pieces: BODY / 200,
  },
  { name: "pipelining, with the path", sockets: 40, piece: pipelined("/hook"), pieces: 1 },
  { name: "pipelining, without the path", sockets: 40, piece: pipelined("/other"), pieces: 1 },
  {
    name: "half-sent bodies",
    sockets: 800,
    piece: post("x".repeat(BODY - 1), { length: BODY }),
    pieces: 1,
  },
  { name: "nested JSON", sockets: 16, piece: post(nested), pieces: 60 },
  { name: "many-keyed JSON", sockets: 16, piece: post(manyKeys), pieces: 30 },
  { name: "JSON of empty objects", sockets: 16, piece: post(emptyObjects), pieces: 60 },
  {
    name: "headers full of commas, 5 API keys",
    sockets: 16,
    piece: post("{}", { headers: commas }),
    pieces: 300,
    receiver: { keys: 5 },
  },
];

/** Resolves to the number of bytes sent, once the receiver has nothing more to do with them. */
export async function perform({ sockets, head = "", piece, pieces }, receiver) {
  const opened = [];
  let sent = 0;
  const senders = Array.from({ length: sockets }, async () => {
    const socket = connect(receiver.port, "127.0.0.1");
    opened.push(socket);
    socket.on("error", () => {}).resume();
    if (head !== "") socket.write(head);
    for (let i = 0; i < pieces && !receiver.isDead() && !socket.destroyed; i += 1) {
      const isFull = !socket.write(piece);
      if (isFull) await drained(socket);
    }
    sent += socket.bytesWritten;
  });
  await Promise.all(senders);
  await receiver.quiet();
  for (const socket of opened) socket.destroy();
  return sent;
}

/** Resolves when the socket takes more or has closed, after 10 s at the latest. */
async function drained(socket) {
  const giveUp = new AbortController();
  const { signal } = giveUp;
  await Promise.race([
    once(socket, "drain", { signal }),
    once(socket, "close", { signal }),
    sleep(10_000, undefined, { signal }),
  ]).catch(() => {});
  giveUp.abort();
}
