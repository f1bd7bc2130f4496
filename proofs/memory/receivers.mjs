import { fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const HEAP = 512;

/**
 * Starts a receiver with a heap of 512 MB in its own process.
 *
 * @param {{ directory: string, name: "package" | "bare", keys?: number, node?: string }} settings
 *   the project that it runs in, which receiver it is, how many API keys it has, and the Node that
 *   runs it
 */
export async function startReceiver({ directory, name, keys = 0, node = process.execPath }) {
  const file = join(directory, "proofs/memory/receiver.mjs");
  const child = fork(file, [name, String(keys)], {
    execPath: node,
    execArgv: [`--max-old-space-size=${HEAP}`, "--expose-gc"],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  let isDead = false;
  const died = once(child, "exit").then(() => {
    isDead = true;
    return Infinity;
  });
  const [port] = await once(child, "message");
  let peak = 0;
  let watching;

  async function ask(question) {
    if (isDead) return Infinity;
    child.send(question);
    const answered = new Promise((resolve) => child.once("message", resolve));
    return Promise.race([answered, died]);
  }

  /** Resident memory in bytes. */
  function memory() {
    if (isDead) return peak;
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`)) ?? [];
    return Number(kilobytes ?? 0) * 1024;
  }

  function watchMemory() {
    watching = setInterval(() => (peak = Math.max(peak, memory())), 10);
  }

  /** Resolves when the receiver has nothing more to do, after 30 s at the latest. */
  async function quiet() {
    for (let last = await ask("cpu"), i = 0; i < 100; i += 1) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const now = await ask("cpu");
      if (isDead || now - last < 15_000) return;
      last = now;
    }
  }

  return {
    port,
    isDead: () => isDead,
    /** CPU time used so far, in µs. */
    cpu: () => ask("cpu"),
    /** Bytes of heap in use after a collection. */
    heap: () => ask("heap"),
    memory,
    watchMemory,
    peak: () => peak,
    quiet,
    end() {
      clearInterval(watching);
      child.kill("SIGKILL");
    },
  };
}
