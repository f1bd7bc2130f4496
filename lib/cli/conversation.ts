import { randomBytes } from "node:crypto";

import { pause } from "../testing/attempts.js";
import { notification } from "../testing/testing.js";
import { parse, wholeNumberOf, type Run } from "./arguments.js";
import { createReport } from "./report.js";
import { createSender, SENDER_FLAGS } from "./sender.js";
import { paint, printable, type Terminal } from "./terminal.js";

const FLAGS = { ...SENDER_FLAGS, pace: { type: "string", default: "1500" } } as const;

/** A message of the conversation. It is delivered again if its answer is treated as lost. */
interface Line {
  readonly isReply: boolean;
  readonly text: string;
  readonly isAnswerLost?: boolean;
}

const PLAY: readonly Line[] = [
  { isReply: false, text: "Hi, this is your driver. I'm at the north entrance of the station." },
  { isReply: true, text: "Great, two minutes! Which car is it?" },
  { isReply: false, text: "A grey one, with a roof box.", isAnswerLost: true },
  { isReply: true, text: "There are three grey ones here 😅" },
  { isReply: false, text: "I'm standing at the corner wearing a blue shirt" },
  { isReply: true, text: "Found the corner… is that you waving?" },
  { isReply: false, text: "That's me. Need a hand with the bags?", isAnswerLost: true },
  { isReply: true, text: "Yes please — see you in a second" },
];

/** `conversation <url>`: sends the texts of two people looking for each other, with two retries. */
export function prepare(args: string[], env: Terminal["env"]): Run {
  const { values, positionals } = parse({ args, options: FLAGS, allowPositionals: true });
  const transmit = createSender(positionals, values, env);
  const pace = wholeNumberOf("--pace", values.pace, [0, 60_000]);
  const session = values.session ?? randomBytes(16).toString("hex").toUpperCase();

  return async function converse(terminal) {
    const { interrupted: signal, out } = terminal;
    const total = PLAY.length;
    const report = createReport(terminal, { isJson: values.json, total, hasBar: false });
    const underWay: Promise<void>[] = [];
    for (const { isReply, text, isAnswerLost = false } of PLAY) {
      if (underWay.length > 0) await pause(pace, signal);
      if (signal.aborted) break;
      const [from, to] = isReply ? [values.to, values.from] : [values.from, values.to];
      report.say(`${paint(out, "cyan", printable(`${from} → ${to}`))}  ${text}`);
      const message = notification({
        from_phone_number: from,
        to_phone_number: to,
        session_reference_id: session,
        mo_message: text,
      });
      underWay.push(transmit(message, report, { signal, isAnswerLost }));
    }
    await Promise.all(underWay);
    return report.close();
  };
}
