import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";

import express, { type Express } from "express";

import { telesignCallback, type TelesignCallback } from "../index.js";
import type { Delivery } from "../receive/delivery.js";
import type { MessageNotification } from "../receive/notification.js";
import type { Rejection } from "../receive/rejection.js";
import { urlOfServer } from "../testing/server-address.js";
import { apiKeyIn, flagged, parse, wholeNumberOf, type Run } from "./arguments.js";
import { paint, printable, writeJson, type Terminal } from "./terminal.js";

const FLAGS = {
  port: { type: "string", default: "3000" },
  path: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** `listen`: runs a receiver on 127.0.0.1 and prints what arrives. */
export function prepare(args: string[], env: Terminal["env"]): Run {
  const { values, positionals } = parse({ args, options: FLAGS, allowPositionals: true });
  if (positionals.length > 0) throw new TypeError("expected flags only");
  const port = wholeNumberOf("--port", values.port, [0, 65_535]);
  const path = values.path ?? `/telesign/${randomBytes(12).toString("hex")}`;
  const apiKey = apiKeyIn(env);
  const options = { path, ...(apiKey !== undefined && { apiKey }) };
  const callback = flagged(() => telesignCallback(options));

  return async function listen(terminal) {
    const server = createServer(receiver(callback, createPrinter(terminal, values.json)));
    const failure = await bind(server, port);
    if (failure !== undefined) {
      const advice = "choose another port with --port";
      terminal.err.write(`telesign-callback listen: cannot listen: ${failure}; ${advice}\n`);
      return 1;
    }
    const { origin } = urlOfServer(server);
    // Not new URL(path, origin), which reads the path //x as the host x.
    const url = `${origin}${path}`;
    terminal.err.write(introduction({ origin, path, isVerified: apiKey !== undefined }));
    if (values.json) writeJson(terminal, { event: "listening", url });
    if (!terminal.interrupted.aborted) await once(terminal.interrupted, "abort");
    await callback.close();
    server.close();
    server.closeAllConnections();
    return 0;
  };
}

/** Makes the server listen. Resolves to an error code if it cannot. */
function bind(server: Server, port: number): Promise<string | undefined> {
  const listening = once(server, "listening");
  server.listen(port, "127.0.0.1");
  return listening.then(
    () => undefined,
    ({ code }: NodeJS.ErrnoException) => String(code),
  );
}

/** The app: the package as users get it, and listeners that print. */
function receiver(callback: TelesignCallback, print: Printer): Express {
  callback.on("message", print.message);
  callback.on("duplicate", print.duplicate);
  callback.on("rejected", print.rejected);
  return express()
    .disable("x-powered-by")
    .use(callback)
    .use((_req, res) => {
      print.elsewhere();
      res.sendStatus(404);
    });
}

/** Prints what arrives. */
interface Printer {
  readonly message: (message: MessageNotification, delivery: Delivery) => void;
  readonly duplicate: (message: MessageNotification, delivery: Delivery) => void;
  readonly rejected: (rejection: Rejection) => void;
  /** For a request that is not a `POST` to the path. */
  readonly elsewhere: () => void;
}

function createPrinter(terminal: Terminal, isJson: boolean): Printer {
  return isJson ? jsonPrinter(terminal) : readablePrinter(terminal);
}

function jsonPrinter(terminal: Terminal): Printer {
  const print = (event: string, details: object) => writeJson(terminal, { event, ...details });
  return {
    message: (message, { receivedAt }) => print("message", details(message, receivedAt)),
    duplicate: (message, { receivedAt }) => print("duplicate", details(message, receivedAt)),
    rejected: ({ status, title, errors }) => print("rejected", { status, title, errors }),
    elsewhere: () => print("elsewhere", { status: 404 }),
  };
}

function details(message: MessageNotification, receivedAt: Date) {
  return { reference: message.mo_reference_id, receivedAt, message };
}

function readablePrinter({ out }: Terminal): Printer {
  function print(colour: "cyan" | "yellow" | "red", what: string, details: string) {
    const time = paint(out, "grey", new Date().toTimeString().slice(0, 8));
    out.write(`${time}  ${paint(out, colour, what.padEnd(8))}  ${printable(details)}\n`);
  }
  return {
    message: ({ mo_reference_id: reference, from_phone_number: from, ...message }) =>
      print(
        "cyan",
        "message",
        `${reference}  ${from} → ${message.to_phone_number}  ${message.mo_message}`,
      ),
    duplicate: ({ mo_reference_id: reference }) =>
      print("yellow", "retry", `${reference}  suppressed`),
    rejected: ({ status, title, errors }) => {
      const faults = errors.map(({ field, rule }) => `${field} (${rule})`);
      print("red", "rejected", [`${status} ${title}`, ...faults].join(", "));
    },
    elsewhere: () => print("red", "rejected", "404 Not a POST on the private path"),
  };
}

interface Place {
  readonly origin: string;
  readonly path: string;
  readonly isVerified: boolean;
}

function introduction({ origin, path, isVerified }: Place): string {
  const verification = isVerified
    ? "Signatures are verified with the key in TELESIGN_API_KEY."
    : "Signatures are not verified: TELESIGN_API_KEY is not set.";
  const condition = isVerified ? ", with the same TELESIGN_API_KEY" : "";
  return `Listening on ${origin}${path}
${verification}

TeleSign cannot reach 127.0.0.1. Point a tunnel at this port, and give your
TeleSign contact this URL:
  https://<host of the tunnel>${path}

To send a message yourself, run in another terminal${condition}:
  npx telesign-callback send ${origin}${path}

Press Ctrl-C to stop.
`;
}
