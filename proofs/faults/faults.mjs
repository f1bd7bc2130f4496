// Checks that no fault loses what was acknowledged: crashes and deliveries to two URIs on every
// engine; outages on Redis and PostgreSQL; power cuts, a lock and a full disk on SQLite. Takes
// about fifteen minutes. The last line is a summary; the exit status is 1 if a proof failed. Needs
// redis-server and PostgreSQL, and Node 22.13 or later for SQLite.
//
//   npm run proof faults -- [crash|twoUris|outage|powerCut|lock|diskFull ...] [Redis|PostgreSQL|SQLite ...]
import { freePort } from "../support/free-port.mjs";
import { ENGINES } from "./engines.mjs";
import {
  account,
  createLog,
  deliver,
  eventually,
  healthOf,
  notification,
  pause,
  startReceiver,
} from "./receivers.mjs";
import { hasSqlite, SQLITE_PROOFS } from "./sqlite.mjs";
import buildIfStale from "../../spec/support/fresh-build.mjs";

buildIfStale();
const KILLS = 50;
const PAIRS = 10_000;
const OUTAGE = 20_000;
const RATE = 200;

const SERVER_PROOFS = { crash, twoUris, outage };
const chosen = chosenOf({ ...SERVER_PROOFS, ...SQLITE_PROOFS });
const engines = chosenOf({ ...ENGINES, ...(hasSqlite && { SQLite: SQLITE_PROOFS }) });
const failures = [];

for (const name of chosen) {
  for (const engine of engines) await prove(name, engine);
}
if (!hasSqlite) console.log("skipped SQLite: this Node has no node:sqlite");
console.log(
  failures.length === 0
    ? `all proofs hold: ${chosen.join(", ")}, on ${engines.join(" and ")}`
    : `${failures.length} FAILED: ${failures.join("; ")}`,
);
process.exit(failures.length === 0 ? 0 : 1);

/** Runs a proof on an engine, if that engine has a proof of this name. */
async function prove(name, engine) {
  if (engine !== "SQLite") return SERVER_PROOFS[name]?.(engine);
  if (!Object.hasOwn(SQLITE_PROOFS, name)) return;
  const { figures, isProven } = await SQLITE_PROOFS[name]();
  conclude(`${name} on SQLite`, figures, isProven);
}

/** The proofs, or the engines, that the arguments name; all if they name none. */
function chosenOf(all) {
  const named = Object.keys(all).filter((name) => process.argv.includes(name));
  return named.length > 0 ? named : Object.keys(all);
}

/** Prints the figures of a proof, and remembers the proof if it failed. */
function conclude(proof, figures, isProven) {
  console.log(`${isProven ? "ok  " : "FAIL"} ${proof}: ${JSON.stringify(figures)}`);
  if (!isProven) failures.push(proof);
}

/** Starts a server, and makes a log and the settings of a receiver that uses both. */
async function setUp(engine, options = {}) {
  const server = await ENGINES[engine]();
  const log = createLog();
  const settings = {
    engine,
    log: log.path,
    work: 20,
    options: { connection: server.connection, ...options },
  };
  async function tearDown() {
    await server.close();
    log.remove();
  }
  return { server, log, settings, tearDown };
}

/**
 * Kills a receiver that also consumes, at random instants under load, and starts a new one each
 * time. A kill during an outage loses what waits in memory, as documented. So what was acknowledged
 * by a process that reported an error is counted separately.
 */
async function crash(engine) {
  const { log, settings, tearDown } = await setUp(engine, { lockDuration: 2_000 });
  const port = await freePort();
  const acknowledged = [];
  const inOutage = [];
  let current = [];
  let sent = 0;
  let isOver = false;
  const errors = [];

  async function send() {
    while (!isOver) {
      const message = notification();
      sent += 1;
      const { status } = await deliver(port, message);
      if (status === 200) current.push(message.mo_reference_id);
      else await pause(50);
    }
  }

  const senders = Array.from({ length: 8 }, send);
  for (let kills = 0; kills < KILLS; kills += 1) {
    const receiver = await startReceiver({ ...settings, port });
    await pause(300 + Math.random() * 1_000);
    await receiver.end("SIGKILL");
    // Answers that were sent before the kill are read by now.
    await pause(100);
    (receiver.errors.length > 0 ? inOutage : acknowledged).push(...current);
    current = [];
    errors.push(...receiver.errors);
  }
  isOver = true;
  await Promise.all(senders);
  const last = await startReceiver({ ...settings, port });
  const figuresNow = () => account(acknowledged, log.references());
  await eventually(90_000, () => figuresNow().lost === 0);
  await last.end("SIGTERM");
  const figures = { kills: KILLS, sent, acknowledged: acknowledged.length, ...figuresNow() };
  const apart = { acknowledged: inOutage.length, ...account(inOutage, log.references()) };
  conclude(`crash on ${engine}`, { ...figures, ofProcessesInOutage: apart }, figures.lost === 0);
  if (errors.length > 0) console.log(errors.slice(0, 3));
  await tearDown();
}

/** Each notification goes to two receivers at once, since TeleSign advises two URIs. */
async function twoUris(engine) {
  const { log, settings, tearDown } = await setUp(engine);
  const ports = [await freePort(), await freePort()];
  const receivers = await Promise.all(
    ports.map((port) => startReceiver({ ...settings, work: 0, port })),
  );
  const sent = [];
  const statuses = new Set();

  async function send() {
    while (sent.length < PAIRS) {
      const message = notification();
      sent.push(message.mo_reference_id);
      const answers = await Promise.all(ports.map((port) => deliver(port, message)));
      answers.forEach(({ status }) => statuses.add(status));
    }
  }

  await Promise.all(Array.from({ length: 20 }, send));
  await eventually(60_000, () => account(sent, log.references()).lost === 0);
  await Promise.all(receivers.map((receiver) => receiver.end("SIGTERM")));
  const figures = { notifications: sent.length, ...account(sent, log.references()) };
  const isProven = figures.lost === 0 && figures.twice === 0 && [...statuses].join() === "200";
  conclude(`two URIs on ${engine}`, { ...figures, statuses: [...statuses] }, isProven);
  await tearDown();
}

/** Under load, the engine refuses connections, hangs, or is down from the start. */
async function outage(engine) {
  await outageThat(engine, "refuses", {
    begin: (server) => server.refuse(),
    end: (server) => server.start(),
  });
  await outageThat(engine, "hangs", {
    begin: (server) => server.hang(),
    end: (server) => server.resume(),
  });
  await outageThat(engine, "is down at the start", {
    begin: (server) => server.refuse(),
    end: (server) => server.start(),
    isFromStart: true,
  });
}

async function outageThat(engine, kind, { begin, end, isFromStart = false }) {
  const { server, log, settings, tearDown } = await setUp(engine);
  const port = await freePort();
  if (isFromStart) await begin(server);
  const receiver = await startReceiver({ ...settings, port });
  if (!isFromStart) {
    await deliver(port, notification());
    await eventually(10_000, () => log.references().length > 0);
  }
  const load = startLoad(port);
  if (!isFromStart) {
    await pause(3_000);
    await begin(server);
  }
  await pause(OUTAGE);
  await end(server);
  await pause(5_000);
  const { references, statuses, slowest, memory } = await load.stop();
  await eventually(60_000, () => account(references, log.references()).lost === 0);
  await receiver.end("SIGTERM");
  const figures = { sent: references.length, ...account(references, log.references()) };
  const isProven = figures.lost === 0 && slowest < 2_000 && statuses.join() === "200";
  conclude(
    `engine ${engine} ${kind} for ${OUTAGE / 1_000} s`,
    {
      ...figures,
      statuses,
      slowestAnswerMs: Math.round(slowest),
      mostMemoryMB: Math.round(memory / 2 ** 20),
      errors: receiver.errors.map(({ code, cause }) => `${code} ${cause}`),
    },
    isProven && memory < 500 * 2 ** 20 && receiver.errors.length === 1,
  );
  await tearDown();
}

/** Sends RATE notifications a second, whatever the answers are. */
function startLoad(port) {
  const references = [];
  const statuses = new Set();
  const answers = [];
  let slowest = 0;
  let memory = 0;

  async function send() {
    const message = notification();
    references.push(message.mo_reference_id);
    const { status, ms } = await deliver(port, message);
    statuses.add(status);
    slowest = Math.max(slowest, ms);
  }

  const sending = setInterval(() => {
    for (let i = 0; i < RATE / 20; i += 1) answers.push(send());
  }, 50);
  const watching = setInterval(async () => {
    memory = Math.max(memory, (await healthOf(port)).memory);
  }, 1_000);

  async function stop() {
    clearInterval(sending);
    clearInterval(watching);
    await Promise.all(answers);
    return { references, statuses: [...statuses], slowest, memory };
  }

  return { stop };
}
