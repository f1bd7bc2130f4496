/** The code of the error for a file that is no longer at its path, or that was truncated. */
export const FILE_LOST = "ERR_FILE_LOST";

/**
 * The program of the database thread. It is text, because a bundler would not ship a file that no
 * import names, and would rewrite the source of a function. It loads SQLite without an import,
 * which bundlers and Node 20 could not resolve.
 */
export const PROGRAM = `
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const { closeSync, openSync, rmSync, statSync } = process.getBuiltinModule("node:fs");
  let database;
  let prepared;
  /** The id and size of each file, by path, to notice a change. */
  let files;

  /** Creates the file if it is gone. If SQLite created it, other users could read it. */
  function create(path) {
    try {
      closeSync(openSync(path, "wx", 0o600));
    } catch {
      // It exists, or SQLite will say what is wrong.
      return;
    }
    // The new file needs its own log and index: others may still use those of the lost file.
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  }

  function look(path) {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats && { id: stats.dev + ":" + stats.ino, size: stats.size };
  }

  /** Throws if a file was replaced, removed or cut: what is written would be lost. */
  function confirmFiles() {
    for (const [path, found] of files) {
      const now = look(path);
      // The first transaction creates the log and its index.
      const before = found ?? now;
      files.set(path, now);
      // Only the log may shrink, when it is emptied.
      const isCut = !path.endsWith("-wal") && now?.size < before?.size;
      // From an empty file and its log, SQLite would make a damaged file.
      if (isCut && now.size === 0n) rmSync(path);
      if (now?.id !== before?.id || isCut) throw lost();
    }
  }

  function lost() {
    // When SQLite closes a file that was moved, its log stays at the path that the next file needs.
    try { database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); } catch {}
    return Object.assign(new Error(), { code: "${FILE_LOST}" });
  }

  function prepare(sql) {
    const statement = database.prepare(sql);
    // Otherwise Node refuses to read an integer that is too large for a number.
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
