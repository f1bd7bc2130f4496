import { performance } from "node:perf_hooks";

import { pause } from "../testing/attempts.js";
import { notification } from "../testing/testing.js";
import { parse, wholeNumberOf, type Run } from "./arguments.js";
import { createReport } from "./report.js";
import { createSender, SENDER_FLAGS } from "./sender.js";
import type { Terminal } from "./terminal.js";

const FLAGS = {
  ...SENDER_FLAGS,
  text: { type: "string" },
  reference: { type: "string" },
  count: { type: "string", default: "1" },
  rate: { type: "string", default: "10" },
} as const;

/** `send <url>`: sends one message, or many at a steady rate, each with its own retries. */
export function prepare(args: string[], env: Terminal["env"]): Run {
  const { values, positionals } = parse({ args, options: FLAGS, allowPositionals: true });
  const transmit = createSender(positionals, values, env);
  const total = wholeNumberOf("--count", values.count, [1, 1_000_000]);
  const rate = wholeNumberOf("--rate", values.rate, [1, 1_000]);
  const overrides = {
    from_phone_number: values.from,
    to_phone_number: values.to,
    ...(values.text !== undefined && { mo_message: values.text }),
    ...(values.reference !== undefined && { mo_reference_id: values.reference }),
    ...(values.session !== undefined && { session_reference_id: values.session }),
  };

  return async function send(terminal) {
    const { interrupted: signal } = terminal;
    const report = createReport(terminal, { isJson: values.json, total, hasBar: total > 1 });
    const start = performance.now();
    const underWay: Promise<void>[] = [];
    for (let begun = 0; begun < total; begun += 1) {
      const due = start + (begun * 1_000) / rate;
      // Waits at least 1 ms, so that a sender behind its schedule still reads its answers.
      await pause(Math.max(1, due - performance.now()), signal);
      if (signal.aborted) break;
      underWay.push(transmit(notification(overrides), report, { signal }));
    }
    await Promise.all(underWay);
    return report.close();
  };
}
