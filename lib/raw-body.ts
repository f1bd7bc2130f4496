import type { IncomingMessage } from "node:http";

import { Rejection } from "./rejection.js";

/** A request, with what earlier middleware or a serverless host may have made of its body. */
export interface BodyRequest extends IncomingMessage {
  readonly rawBody?: unknown;
  readonly body?: unknown;
}

/**
 * Keeps the body of a request for {@link readBody}, if that is to come later: `node:http` throws an
 * untouched one away as soon as somebody answers.
 */
export function keepBody(req: BodyRequest): void {
  if (req.readable) req.read(0);
}

/**
 * The bytes of a request, or the object that an earlier parser made of them. A promise of the bytes
 * where they are not all here yet; it never settles when the client hangs up, since nobody is left
 * to answer.
 *
 * @param limit the most bytes to take
 * @throws Rejection if there are more bytes, or they are gone
 */
export function readBody(req: BodyRequest, limit: number): Buffer | object | Promise<Buffer> {
  const { rawBody, body } = req;
  if (Buffer.isBuffer(rawBody)) return withinLimit(rawBody, limit);
  if (Buffer.isBuffer(body)) return withinLimit(body, limit);
  if (isUnread(req)) return readStream(req, limit);
  if (req.destroyed && !req.readableEnded) return new Promise(() => {});
  if (isParsed(req)) return req.body;
  throw new Rejection("consumed");
}

function withinLimit(bytes: Buffer, limit: number): Buffer {
  if (bytes.length > limit) throw new Rejection("size");
  return bytes;
}

function isUnread(req: IncomingMessage): boolean {
  // Null where nobody has touched it, which is the rule; false where it was only paused, perhaps.
  return req.readableFlowing === null || (req.readable && !req.readableDidRead);
}

/** An Express 4 parser that did not match leaves `{}`, which is no body unless one so short was sent. */
function isParsed(req: BodyRequest): req is BodyRequest & { readonly body: object } {
  if (typeof req.body !== "object" || req.body === null) return false;
  return Object.keys(req.body).length > 0 || !(Number(req.headers["content-length"]) > 2);
}

/**
 * Reads by itself, since every body parser of Express's reads an oversized upload to its end: here
 * reading stops, and with `Connection: close` the rest is never received.
 */
function readStream(req: IncomingMessage, limit: number): Buffer | Promise<Buffer> {
  const length = Number(req.headers["content-length"]);
  if (length > limit) throw new Rejection("size");
  // A callback is short, and as a rule all of it is here: it came with its headers. Listening for it
  // all the same was 6 % of the CPU time of a mounted callback.
  if (length !== req.readableLength) return readToEnd(req, limit);
  const bytes: unknown = req.read() ?? Buffer.alloc(0);
  if (!Buffer.isBuffer(bytes)) throw new Rejection("consumed");
  return bytes;
}

function readToEnd(req: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on("data", (chunk: Buffer | string) => {
      size += chunk.length;
      // With an encoding set it is text, from which the bytes cannot always be had back.
      if (typeof chunk === "string") stop("consumed");
      else if (size > limit) stop("size");
      else chunks.push(chunk);
    });
    req.on("end", () => resolve(Buffer.concat(chunks)));
    // Earlier middleware may have paused it, to wait for something of its own.
    req.resume();

    function stop(reason: "consumed" | "size") {
      req.pause();
      reject(new Rejection(reason));
    }
  });
}
