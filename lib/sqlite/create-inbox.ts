import { inboxError, onUnheard } from "../errors.js";
import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createOutageBuffer } from "../inbox/durable/outage-buffer.js";
import { canShare } from "./connection.js";
import { createClaims } from "./claims.js";
import { createConsumption } from "./consumption.js";
import type { DatabaseFile } from "./database-file.js";
import { createDatabase } from "./database.js";
import { createDeadLetters } from "./dead-letters.js";
import type { Settings } from "./inbox-options.js";
import { createSqliteEngine } from "./sqlite-engine.js";
import type { PreparedText } from "./stored-text.js";
import { createUpkeep } from "./upkeep.js";

const NO_LISTENER =
  "a notification can neither be stored nor wait, and this process has no listener";

/** Connects a database, its consumer and an outage buffer to an inbox. */
export function createInbox(file: DatabaseFile, settings: Settings): DurableInbox {
  const { lockDuration, maxBuffered, storedText } = settings;
  const claims = createClaims(lockDuration);
  let listener: (error: Error) => void = () => {};
  const report = (error: Error) => listener(error);
  const onTrouble = (error: unknown) => buffer.suspect(error);
  const isDown = () => buffer.isDown();

  const canBeShared = canShare(String(process.versions.sqlite));
  const database = createDatabase({ path: file.path, canBeShared, ...claims });
  const consumption = createConsumption({
    ...{ database, claims, settings },
    ...{ isDown, onTrouble, report },
  });
  const engine = createSqliteEngine({ database, ...settings });
  const buffer = createOutageBuffer<PreparedText>({
    engine: {
      ...engine,
      store(prepared) {
        const stored = engine.store(prepared);
        // Now, so that the same transaction claims it.
        consumption.pull();
        return stored;
      },
      onOutage: consumption.rest,
      onAnswer: consumption.revive,
    },
    maxBuffered,
    aftermath: lockDuration,
    passOn,
    report,
  });
  const upkeep = createUpkeep(database);

  function passOn({ text }: PreparedText, cause: unknown) {
    const read = storedText.read(text, 1);
    const prepared = "message" in read ? read : undefined;
    const handOver = consumption.handOver();
    // Outside the database there is no second attempt.
    if (handOver && prepared) {
      return void handOver(prepared.message, prepared.delivery).catch(onUnheard(report));
    }
    report(inboxError(NO_LISTENER, cause, prepared?.message));
  }

  async function close() {
    upkeep.stop();
    await Promise.all([buffer.close(), consumption.close()]);
    await database.close();
    file.release();
  }

  return {
    accept: buffer.accept,
    consume: consumption.start,
    onError: (given) => void (listener = given),
    waiting: buffer.waiting,
    ready: buffer.ready,
    ...createDeadLetters(database, storedText),
    close,
  };
}
