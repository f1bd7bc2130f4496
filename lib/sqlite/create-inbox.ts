import { randomUUID } from "node:crypto";

import { inboxError, onUnheard } from "../errors.js";
import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createOutageBuffer } from "../inbox/durable/outage-buffer.js";
import type { HandOver } from "../inbox/inbox.js";
import { createAttempt, longestWait } from "./attempt.js";
import { canShare } from "./connection.js";
import { createConsumer, type Consumer } from "./consumer.js";
import type { DatabaseFile } from "./database-file.js";
import { createDatabase } from "./database.js";
import { createDeadLetters } from "./dead-letters.js";
import { createHeartbeat } from "./heartbeat.js";
import type { Settings } from "./inbox-options.js";
import { givingUp, RELEASE_ABANDONED } from "./notifications.js";
import { createSqliteEngine } from "./sqlite-engine.js";
import type { PreparedText } from "./stored-text.js";
import { createUpkeep } from "./upkeep.js";

const NO_LISTENER =
  "a notification can neither be stored nor wait, and this process has no listener";

/** Connects a database, a consumer and an outage buffer to an inbox. */
export function createInbox(file: DatabaseFile, settings: Settings): DurableInbox {
  const { attempts, lockDuration, storedText } = settings;
  const claimant = randomUUID();
  const held = new Set<number>();
  let report: (error: Error) => void = () => {};
  let active: { readonly consumer: Consumer; readonly handOver: HandOver } | undefined;
  let stopped: Promise<unknown> = Promise.resolve();
  let isClosing = false;
  const events = {
    onTrouble: (error: unknown) => buffer.suspect(error),
    report: (error: Error) => report(error),
  };

  const database = createDatabase({
    path: file.path,
    canShare: canShare(String(process.versions.sqlite)),
    whenAlone: [["DELETE FROM claimant WHERE id <> ?", claimant], RELEASE_ABANDONED],
    whenOpened: () => [givingUp(claimant, held)],
  });
  const engine = createSqliteEngine({ database, ...settings });
  const buffer = createOutageBuffer<PreparedText>({
    engine: {
      ...engine,
      store(prepared) {
        const stored = engine.store(prepared);
        // Now, so that the same transaction claims it.
        active?.consumer.pull();
        return stored;
      },
      onOutage: () => active?.consumer.rest(),
      onAnswer: () => active?.consumer.revive(),
    },
    maxBuffered: settings.maxBuffered,
    aftermath: lockDuration,
    passOn,
    report: events.report,
  });
  const beat = { lockDuration, longestWait: longestWait(attempts) };
  const heartbeat = createHeartbeat({ database, claimant, ...beat, ...events });
  const upkeep = createUpkeep(database);

  function passOn({ text }: PreparedText, cause: unknown) {
    const read = storedText.read(text, 1);
    const prepared = "message" in read ? read : undefined;
    // Outside the database there is no second attempt.
    if (active && prepared) {
      const { message, delivery } = prepared;
      return void active.handOver(message, delivery).catch(onUnheard(report));
    }
    report(inboxError(NO_LISTENER, cause, prepared?.message));
  }

  function consume(handOver: HandOver): () => Promise<void> {
    const attempt = createAttempt({ claimant, storedText, attempts, handOver });
    const { concurrency } = settings;
    const isHopeless = () => isClosing && buffer.isDown();
    const options = { database, claimant, held, concurrency, attempt, isHopeless };
    const consumer = createConsumer({ ...options, ...events });
    active = { consumer, handOver };
    if (buffer.isDown()) consumer.rest();
    heartbeat.start();
    database.keepAlive(true);
    return function stop() {
      active = undefined;
      database.keepAlive(false);
      const stopping = consumer.stop();
      stopped = Promise.all([stopped, stopping]);
      return stopping;
    };
  }

  async function close() {
    isClosing = true;
    upkeep.stop();
    await Promise.all([buffer.close(), active?.consumer.stop(), stopped]);
    await heartbeat.stop();
    await database.close();
    file.release();
  }

  return {
    accept: buffer.accept,
    consume,
    onError: (listener) => void (report = listener),
    ready: buffer.ready,
    ...createDeadLetters(database, storedText),
    close,
  };
}
