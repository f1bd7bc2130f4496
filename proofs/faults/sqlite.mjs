// Kills a receiver on sqliteInbox at random moments under load, copies its files as a power cut would
// leave them, lets two processes share one file, locks it, and fills its disk. Nothing that was
// acknowledged may be lost, and nothing refused.
//
//   npm run build && node proofs/faults/sqlite.mjs [kills = 50] [pairs = 10000]
//
// It needs Node 22.13 or later, talks to 127.0.0.1 only, and ends by itself.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";

import { agent, post, send, SENDERS, start, until } from "./sqlite-receivers.mjs";

const LOCK = 20_000;
const kills = Number(process.argv[2] ?? 50);
const pairs = Number(process.argv[3] ?? 10_000);
const directory = mkdtempSync(join(tmpdir(), "telesign-callback-faults-"));

const proofs = [
  await killAtRandom(),
  await cutThePower(),
  await shareAFile(),
  await holdTheLock(),
  await fillTheDisk(),
];
rmSync(directory, { recursive: true });
agent.destroy();
console.table(proofs);
process.exitCode = proofs.every(({ lost, twice = 0 }) => lost === 0 && twice === 0) ? 0 : 1;

/** Each receiver is killed while it stores, hands over and deletes. The last one hands over the rest. */
async function killAtRandom() {
  const options = { file: join(directory, "killed.db") };
  const acknowledged = new Set();
  const finished = new Set();
  for (let kill = 0; kill < kills; kill += 1) {
    const receiver = await start(options);
    const load = send(receiver.port, acknowledged);
    await pause(50 + Math.random() * 450);
    await receiver.end("SIGKILL");
    load.stop();
    await load.done;
    receiver.finished.forEach((reference) => finished.add(reference));
  }
  const last = await start(options);
  await until(() => {
    last.finished.forEach((reference) => finished.add(reference));
    return acknowledged.isSubsetOf(finished);
  });
  await last.end("SIGTERM");
  const lost = acknowledged.difference(finished).size;
  return { proof: `${kills} kills`, acknowledged: acknowledged.size, lost };
}

/** Copies file and log while they are written: each copy must open, and hold all acknowledged before. */
async function cutThePower() {
  const file = join(directory, "cut.db");
  const receiver = await start({ file }, { isConsumer: false });
  const acknowledged = new Set();
  const load = send(receiver.port, acknowledged);
  let lost = 0;
  let cuts = 0;
  for (; cuts < kills; cuts += 1) {
    await pause(Math.random() * 100);
    const before = new Set(acknowledged);
    const copy = join(directory, `cut-${cuts}.db`);
    // The log first, or a checkpoint in between would take from it what the file does not have yet.
    for (const suffix of ["-wal", ""]) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    }
    lost += before.difference(storedIn(copy)).size;
  }
  load.stop();
  await load.done;
  await receiver.end("SIGTERM");
  return { proof: `${cuts} power cuts`, acknowledged: acknowledged.size, lost };
}

function storedIn(file) {
  const database = new DatabaseSync(file);
  const [{ integrity_check: integrity }] = database.prepare("PRAGMA integrity_check").all();
  if (integrity !== "ok") throw new Error("a copy is damaged");
  const rows = database.prepare("SELECT reference FROM notification").all();
  database.close();
  return new Set(rows.map(({ reference }) => reference));
}

/** Each notification goes to both processes, as TeleSign's retry does. */
async function shareAFile() {
  const options = { file: join(directory, "shared.db"), concurrency: 100 };
  const receivers = [await start(options), await start(options)];
  const references = Array.from({ length: pairs }, () => randomBytes(16).toString("hex"));
  const left = [...references];
  let refused = 0;
  async function sendPairs() {
    for (let reference = left.pop(); reference; reference = left.pop()) {
      const statuses = await Promise.all(receivers.map(({ port }) => post(port, reference)));
      refused += statuses.filter((status) => status !== 200).length;
    }
  }
  await Promise.all(Array.from({ length: SENDERS }, sendPairs));
  const finished = () => receivers.flatMap((receiver) => receiver.finished);
  await until(() => finished().length >= pairs);
  await Promise.all(receivers.map(({ end }) => end("SIGTERM")));
  const twice = finished().length - new Set(finished()).size;
  const lost = new Set(references).difference(new Set(finished())).size + refused;
  return { proof: `${pairs} pairs, 2 processes`, acknowledged: pairs, lost, twice };
}

/** Another process holds the write lock. Every answer is a 200, and all is handed over afterwards. */
async function holdTheLock() {
  const file = join(directory, "locked.db");
  const database = new DatabaseSync(file);
  const hold = () => database.exec("BEGIN IMMEDIATE");
  const release = () => database.exec("ROLLBACK");
  const result = await interrupt({ file, maxBuffered: 1_000_000 }, { hold, release, length: LOCK });
  database.close();
  return { proof: `locked for ${LOCK / 1_000} s`, ...result };
}

/** A disk of its own is filled to the last byte. Only root can mount one. */
async function fillTheDisk() {
  const disk = join(directory, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return { proof: "disk full: skipped, it needs root", lost: 0 };
  }
  const ballast = join(disk, "ballast");
  const hold = () => {
    try {
      writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024));
    } catch {
      // It is full now.
    }
  };
  const release = () => rmSync(ballast);
  const file = join(disk, "inbox.db");
  const result = await interrupt(
    { file, maxBuffered: 1_000_000 },
    { hold, release, length: 5_000 },
  );
  execFileSync("umount", [disk]);
  return { proof: "disk full for 5 s", ...result };
}

async function interrupt(options, { hold, release, length }) {
  const receiver = await start({ concurrency: 100, ...options });
  const acknowledged = new Set();
  const load = send(receiver.port, acknowledged, 5);
  await pause(500);
  hold();
  await pause(length);
  release();
  await pause(500);
  load.stop();
  await load.done;
  const lost = () => acknowledged.difference(new Set(receiver.finished)).size;
  await until(() => lost() === 0);
  const errors = receiver.errors.length;
  await receiver.end("SIGTERM");
  return {
    acknowledged: acknowledged.size,
    lost: lost() + load.refused(),
    slowest: load.slowest(),
    errors,
  };
}
