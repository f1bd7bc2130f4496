// The proofs on sqliteInbox, for faults.mjs: nothing that was acknowledged may be lost, and, except
// in crashes and power cuts, nothing may be refused. They need Node 22.13 or later.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { agent, post, send, SENDERS, start, until } from "./sqlite-receivers.mjs";

const KILLS = 50;
const PAIRS = 10_000;
const LOCK = 20_000;
const FULL = 5_000;
// Not an import, so that this file loads on Node 20.
const { DatabaseSync } = process.getBuiltinModule?.("node:sqlite") ?? {};

/** Each proof by its name. It resolves to its figures, and to whether it holds. */
export const SQLITE_PROOFS = {
  crash: proof(crash),
  powerCut: proof(powerCut),
  twoUris: proof(twoUris),
  lock: proof(lock),
  diskFull: proof(diskFull),
};

/** Whether this Node has SQLite. */
export const hasSqlite = DatabaseSync !== undefined;

function proof(run) {
  return async function prove() {
    const directory = mkdtempSync(join(tmpdir(), "telesign-callback-faults-"));
    const figures = await run(directory);
    rmSync(directory, { recursive: true });
    agent.destroy();
    const { lost, refused = 0, twice = 0, errors = [] } = figures;
    return { figures, isProven: lost + refused + twice === 0 && errors.length <= 1 };
  };
}

/** Each receiver is killed while it stores, hands over and deletes. A last one does the rest. */
async function crash(directory) {
  const options = { file: join(directory, "killed.db") };
  const acknowledged = new Set();
  const finished = new Set();
  for (let kill = 0; kill < KILLS; kill += 1) {
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
  return { kills: KILLS, acknowledged: acknowledged.size, lost };
}

/**
 * Imitates power cuts: copies the file and its log while they are written. Each copy must open, and
 * contain all that was acknowledged before.
 */
async function powerCut(directory) {
  const file = join(directory, "cut.db");
  const receiver = await start({ file }, { isConsumer: false });
  const acknowledged = new Set();
  const load = send(receiver.port, acknowledged);
  let lost = 0;
  let cuts = 0;
  for (; cuts < KILLS; cuts += 1) {
    await pause(Math.random() * 100);
    const before = new Set(acknowledged);
    const copy = join(directory, `cut-${cuts}.db`);
    // The log first: a checkpoint between the two copies moves what the log holds into the file.
    for (const suffix of ["-wal", ""]) {
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    }
    lost += before.difference(storedIn(copy)).size;
  }
  load.stop();
  await load.done;
  await receiver.end("SIGTERM");
  return { cuts, acknowledged: acknowledged.size, lost };
}

function storedIn(file) {
  const database = new DatabaseSync(file);
  const [{ integrity_check: integrity }] = database.prepare("PRAGMA integrity_check").all();
  if (integrity !== "ok") throw new Error("a copy is damaged");
  const rows = database.prepare("SELECT reference FROM notification").all();
  database.close();
  return new Set(rows.map(({ reference }) => reference));
}

/** Each notification goes to both processes, since a retry may reach the other one. */
async function twoUris(directory) {
  const options = { file: join(directory, "shared.db"), concurrency: 100 };
  const receivers = [await start(options), await start(options)];
  const references = Array.from({ length: PAIRS }, () => randomBytes(16).toString("hex"));
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
  await until(() => finished().length >= PAIRS);
  await Promise.all(receivers.map(({ end }) => end("SIGTERM")));
  const twice = finished().length - new Set(finished()).size;
  const lost = new Set(references).difference(new Set(finished())).size;
  return { notifications: PAIRS, lost, twice, refused };
}

/** Another connection holds the write lock. Every answer is a 200, and all is handed over later. */
async function lock(directory) {
  const file = join(directory, "locked.db");
  // The receiver may have the lock for a moment, so wait for it.
  const database = new DatabaseSync(file, { timeout: 5_000 });
  const hold = () => database.exec("BEGIN IMMEDIATE");
  const release = () => database.exec("ROLLBACK");
  const result = await interrupt({ file, maxBuffered: 1_000_000 }, { hold, release, length: LOCK });
  database.close();
  return result;
}

/** Fills a separate disk to the last byte. Only root can mount one. */
async function diskFull(directory) {
  const disk = join(directory, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return { skipped: "it needs root", lost: 0 };
  }
  const ballast = join(disk, "ballast");
  const hold = () => {
    try {
      writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024));
    } catch {
      // The disk is full now.
    }
  };
  const release = () => rmSync(ballast);
  const file = join(disk, "inbox.db");
  const result = await interrupt({ file, maxBuffered: 1_000_000 }, { hold, release, length: FULL });
  execFileSync("umount", [disk]);
  return result;
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
  await receiver.end("SIGTERM");
  return {
    seconds: length / 1_000,
    acknowledged: acknowledged.size,
    lost: lost(),
    refused: load.refused(),
    slowestAnswerMs: load.slowest(),
    errors: receiver.errors,
  };
}
