import { within } from "../clock.js";
import { bareError, TelesignCallbackError } from "../errors.js";
import type { DurableInbox } from "../inbox/durable/durable-inbox.js";
import { milliseconds } from "../option-checks.js";
import { numberIn, parse, wholeNumberOf, type Run } from "./arguments.js";
import { createDeadLetterPrinter, type DeadLetterPrinter } from "./dead-letter-printer.js";
import { openInbox, type InboxPlace } from "./open-inbox.js";
import type { Terminal } from "./terminal.js";

const FLAGS = {
  sqlite: { type: "string" },
  redis: { type: "string" },
  postgres: { type: "string" },
  queue: { type: "string" },
  schema: { type: "string" },
  redrive: { type: "string", multiple: true, default: [] as string[] },
  discard: { type: "string", multiple: true, default: [] as string[] },
  limit: { type: "string", default: "100" },
  timeout: { type: "string", default: "15000" },
  show: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

/** `dead-letters`: lists, redrives or discards the dead letters of a durable inbox. */
export function prepare(args: string[], env: Terminal["env"]): Run {
  const { values, positionals } = parse({ args, options: FLAGS, allowPositionals: true });
  if (positionals.length > 0)
    throw new TypeError("expected flags only, such as --redrive <reference>");
  const place = placeOf(values, env);
  const timeout = milliseconds("--timeout", numberIn(values.timeout));
  const task = taskOf(values);

  return async function lookAfterDeadLetters(terminal) {
    function fail(fault: string, status: number) {
      terminal.err.write(`telesign-callback dead-letters: ${fault}\n`);
      return status;
    }
    let inbox: DurableInbox;
    try {
      inbox = await openInbox(place);
    } catch (error) {
      if (!(error instanceof TypeError)) return fail(openingFault(error), 1);
      return fail(`${error.message}\nTry 'telesign-callback dead-letters --help'.`, 2);
    }
    try {
      const print = createDeadLetterPrinter(terminal, values);
      return await within(
        timeout,
        inbox.ready().then(() => task(inbox, print)),
      );
    } catch (error) {
      return fail(engineFault(error, place), 1);
    } finally {
      await within(timeout, inbox.close()).catch(() => {});
    }
  };
}

/** The values of the flags that say where the inbox is. */
interface PlaceValues {
  readonly sqlite?: string;
  readonly redis?: string;
  readonly postgres?: string;
  readonly queue?: string;
  readonly schema?: string;
}

const ENGINES = [
  { engine: "sqlite", form: /./, fault: "--sqlite must name a file" },
  { engine: "redis", form: /^rediss?:\/\/./, fault: "--redis must be a redis or rediss URL" },
  { engine: "postgres", form: /^postgres(ql)?:\/\/./, fault: "--postgres must be a postgres URL" },
] as const;

function placeOf(values: PlaceValues, env: Terminal["env"]): InboxPlace {
  const [place, ...others] = ENGINES.flatMap(({ engine, form, fault }) => {
    const address = values[engine];
    if (address !== undefined && !form.test(address)) throw new TypeError(fault);
    return address === undefined ? [] : [{ engine, address }];
  });
  if (!place || others.length > 0) {
    throw new TypeError("expected one of --sqlite, --redis and --postgres");
  }
  const { queue: queueName, schema } = values;
  if (queueName !== undefined && place.engine === "sqlite") {
    throw new TypeError("--queue needs --redis or --postgres");
  }
  if (
    schema !== undefined &&
    !(place.engine === "postgres" && /^[a-z_][\w$]{0,62}$/i.test(schema))
  ) {
    throw new TypeError("--schema must be the name of a schema, and needs --postgres");
  }
  const encryptionKey = env.TELESIGN_CALLBACK_ENCRYPTION_KEY?.split(",").map((key) => key.trim());
  return {
    ...place,
    ...(queueName !== undefined && { queueName }),
    ...(schema !== undefined && { schema }),
    ...(encryptionKey && { encryptionKey }),
  };
}

/** What to do with an inbox once it is open. Resolves to the exit status. */
type Task = (inbox: DurableInbox, print: DeadLetterPrinter) => Promise<number>;

interface TaskValues {
  readonly redrive: readonly string[];
  readonly discard: readonly string[];
  readonly limit: string;
}

function taskOf({ redrive, discard, limit }: TaskValues): Task {
  const most = wholeNumberOf("--limit", limit, [1, 100_000]);
  if (redrive.length > 0 && discard.length > 0) {
    throw new TypeError("--redrive and --discard cannot be combined");
  }
  if (redrive.includes("")) throw new TypeError("--redrive must be a reference");
  if (discard.includes("")) throw new TypeError("--discard must be a reference");
  if (redrive.length > 0) return change("redriven", redrive);
  if (discard.length > 0) return change("discarded", discard);
  return async function list(inbox, print) {
    // Asks for one more than it prints, to learn whether there are more.
    const letters = await inbox.deadLetters({ limit: most + 1 });
    print.list(letters.slice(0, most), letters.length > most);
    return 0;
  };
}

function change(outcome: "redriven" | "discarded", references: readonly string[]): Task {
  return async function changeEach(inbox, print) {
    let status = 0;
    for (const reference of references) {
      const isDone = await (outcome === "redriven"
        ? inbox.redrive(reference)
        : inbox.discard(reference));
      print.changed(reference, isDone ? outcome : "notFound");
      if (!isDone) status = 1;
    }
    return status;
  };
}

/**
 * Our own errors have no code here, and contain nothing private. Of others only the code is shown,
 * since the text may name a file or a server.
 */
function openingFault(error: unknown): string {
  const { code } = bareError(error);
  return code === undefined && error instanceof Error ? error.message : `cannot open: ${code}`;
}

function engineFault(error: unknown, { schema = "bullmq" }: InboxPlace): string {
  if (!(error instanceof TelesignCallbackError)) return `the engine failed: ${reasonOf(error)}`;
  if (bareError(error.cause).name === "SchemaMigrationRequiredError") {
    return `the database has no inbox in schema ${schema}; is --schema right?`;
  }
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}

/** The code or name of an engine's error, whose text may repeat a message or a password. */
function reasonOf(error: unknown): string {
  const { name, code } = bareError(error);
  return code ?? name;
}
