import { spawn } from "node:child_process";

const running = new Set();

/** Starts a program. `killChildren` ends it, so that it does not outlive the proof. */
export function startChild(program, args, options) {
  // In its own process group, since npm, proxies and clusters start further processes.
  const child = spawn(program, args, { ...options, detached: true });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Sends a signal to a program and to the processes that it has started. */
export function signalChild(child, signal) {
  if (!running.has(child)) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It never started, or has just ended.
  }
}

export function killChildren() {
  for (const child of running) signalChild(child, "SIGKILL");
}
