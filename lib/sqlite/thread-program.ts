/** The code of the error for a file that its path no longer leads to, or that was cut off. */
export const FILE_LOST = "ERR_FILE_LOST";

/**
 * What runs in the thread of the database. It is text, because a bundler would not ship a file that
 * only this package knows of, and would rewrite a function. It loads SQLite without an import, which
 * bundlers and Node 20 could not resolve.
 */
export const PROGRAM = `
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const { closeSync, openSync, rmSync, statSync } = process.getBuiltinModule("node:fs");
  let database;
  let prepared;
  /** The files in use, from path to what was found there. */
  let files;

  /** Creates the file if it is gone. SQLite would let others read it. */
  function create(path) {
    try {
      closeSync(openSync(path, "wx", 0o600));
    } catch {
      // It is there, or SQLite will say what is wrong.
      return;
    }
    // They belong to the file that is gone, and another process may still use them.
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  }

  function look(path) {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && { id: stats.dev + ":" + stats.ino, size: stats.size };
  }

  /** Nobody would find again what is written to a file that its path does not lead to. */
  function confirmFiles() {
    for (const [path, found] of files) {
      const now = look(path);
      // The log, and what belongs to it, come with the first transaction.
      const before = found ?? now;
      files.set(path, now);
      // The log is emptied again and again. The database only grows.
      const isCut = !path.endsWith("-wal") && now?.size < before?.size;
      // With what the log holds, an empty file would become a damaged one.
      if (isCut && now.size === 0n) rmSync(path);
      if (now?.id !== before?.id || isCut) throw lost();
    }
  }

  function lost() {
    // SQLite itself leaves the log as it is when the file has moved, and the next file needs the place.
    try { database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); } catch {}
    return Object.assign(new Error(), { code: "${FILE_LOST}" });
  }

  function prepare(sql) {
    const statement = database.prepare(sql);
    // Or Node would refuse to read a row with an integer that a number cannot hold.
    statement.setReadBigInts(true);
    prepared.set(sql, statement);
    return statement;
  }

  function run([sql, ...parameters]) {
    const rows = (prepared.get(sql) ?? prepare(sql)).all(...parameters);
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        const isSafe = typeof value === "bigint" && Number.isSafeInteger(Number(value));
        if (isSafe) row[name] = Number(value);
      }
    }
    return rows;
  }

  const actions = {
    open(path) {
      actions.close();
      prepared = new Map();
      create(path);
      files = new Map([[path, look(path)], [path + "-wal"], [path + "-shm"]]);
      database = new DatabaseSync(path);
      return [];
    },
    query: (statements) => statements.map(run),
    transact(statements) {
      confirmFiles();
      database.exec("BEGIN IMMEDIATE");
      try {
        const results = statements.map(run);
        database.exec("COMMIT");
        return results;
      } catch (error) {
        // After some errors SQLite has rolled back by itself.
        try { database.exec("ROLLBACK"); } catch {}
        throw error;
      }
    },
    close() {
      const closing = database;
      database = undefined;
      closing?.close();
      return [];
    },
  };

  parentPort.on("message", ([action, argument]) => {
    try {
      parentPort.postMessage({ rows: actions[action](argument) });
    } catch ({ name, code, errcode }) {
      parentPort.postMessage({ error: { name, code, errcode } });
    }
  });
`;
