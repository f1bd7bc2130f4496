import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { bodyOf } from "../support/notifications.mjs";

const CONNECTIONS = 64;
const SECONDS = 10;
/** A tick of the sender, in ms. */
const TICK = 20;

/** Measures how many requests a receiver can answer a second, then sends twice as many for 10 s. */
export async function overload(receiver) {
  const connections = Array.from({ length: CONNECTIONS }, () => open(receiver.port));
  await busy(connections, 2);
  const capacity = await busy(connections, 3);
  const heapBefore = await receiver.heap();
  receiver.watchMemory();
  const offered = 2 * capacity;
  const perSecond = await flood(receiver, connections, offered);
  await sleep(5_000);
  const heapAfter = await receiver.heap();
  for (const { socket } of connections) socket.destroy();
  return {
    capacity,
    offered,
    answeredPerSecond: Math.round(perSecond.reduce((sum, count) => sum + count) / SECONDS),
    leastPerSecond: Math.min(...perSecond),
    heapBefore,
    heapAfter,
    peak: receiver.peak(),
  };
}

let sent = 0;

function requestBytes() {
  sent += 1;
  const body = bodyOf(sent);
  return `POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function open(port) {
  const connection = { socket: connect(port, "127.0.0.1"), answered: 0, onAnswer() {} };
  connection.socket.on("error", () => {}).setNoDelay(true);
  connection.socket.on("data", (chunk) => {
    const answers = chunk.toString("latin1").split("HTTP/1.1 200").length - 1;
    connection.answered += answers;
    for (let i = 0; i < answers; i += 1) connection.onAnswer();
  });
  return connection;
}

/** Keeps one request under way on each connection; resolves to the answers a second. */
async function busy(connections, seconds) {
  const before = total(connections);
  for (const connection of connections) {
    connection.onAnswer = () => connection.socket.write(requestBytes());
    connection.onAnswer();
  }
  await sleep(seconds * 1_000);
  const rate = Math.round((total(connections) - before) / seconds);
  for (const connection of connections) connection.onAnswer = () => {};
  await sleep(200);
  return rate;
}

/** Sends at a fixed rate, whatever is answered. Resolves to the count of answers in each second. */
async function flood(receiver, connections, rate) {
  const perSecond = [];
  const started = performance.now();
  let due = 0;
  for (let second = 1; second <= SECONDS; second += 1) {
    const before = total(connections);
    while (performance.now() - started < second * 1_000 && !receiver.isDead()) {
      const elapsed = (performance.now() - started) / 1_000;
      for (; due < elapsed * rate; due += 1) {
        const { socket } = connections[due % CONNECTIONS];
        // Skips a connection that takes no more: otherwise the sender's own memory would grow.
        if (!socket.writableNeedDrain) socket.write(requestBytes());
      }
      await sleep(TICK);
    }
    perSecond.push(total(connections) - before);
  }
  return perSecond;
}

function total(connections) {
  return connections.reduce((sum, { answered }) => sum + answered, 0);
}
