import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { createOutageBuffer } from "../inbox/durable/outage-buffer.js";
import { createPassOn } from "../inbox/durable/pass-on.js";
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

/** Makes an inbox from a database, its consumer and an outage buffer. */
export function createInbox(file: DatabaseFile, settings: Settings): DurableInbox {
  const { lockDuration, maxBuffered, storedText } = settings;
  const claims = createClaims(lockDuration);
  let listener: (error: Error) => void = () => {};
  const report = (error: Error) => listener(error);
  // The buffer is made last, but the parts made before it report their trouble to it.
  const onTrouble = (error: unknown) => buffer.suspect(error);
  const isDown = () => buffer.isDown();

  const canBeShared = canShare(String(process.versions.sqlite));
  const database = createDatabase({ path: file.path, canBeShared, ...claims, onLost: onTrouble });
  const consumption = createConsumption({ database, claims, settings, isDown, onTrouble, report });
  const engine = createSqliteEngine({ database, ...settings });
  const buffer = createOutageBuffer<PreparedText>({
    engine: {
      ...engine,
      store(prepared) {
        const stored = engine.store(prepared);
        // Called now, so that the same transaction claims the notification.
        consumption.pull();
        return stored;
      },
      onOutage: consumption.rest,
      onRecovery: consumption.revive,
    },
    maxBuffered,
    aftermath: lockDuration,
    passOn: createPassOn({
      read: ({ text }) => storedText.read(text, 1),
      handOver: consumption.handOver,
      report,
    }),
    report,
  });
  const upkeep = createUpkeep(database);

  let closed: Promise<void> | undefined;

  async function close() {
    upkeep.stop();
    const consumed = consumption.close();
    await buffer.close();
    // Released before the hand-overs have settled, because a listener may never settle. This inbox
    // claims nothing more.
    file.release();
    await consumed;
    await database.close();
  }

  return {
    accept: buffer.accept,
    consume: consumption.start,
    onError: (given) => void (listener = given),
    waiting: buffer.waiting,
    ready: buffer.ready,
    ...createDeadLetters(database, storedText, () => consumption.pull()),
    close: () => (closed ??= close()),
  };
}
