import type { IncomingMessage } from "node:http";

import { Rejection } from "./rejection.js";

/** A request, with what earlier middleware or a serverless host may have made of its body. */
export interface BodyRequest extends IncomingMessage {
  readonly rawBody?: unknown;
  readonly body?: unknown;
}

/**
 * The bytes of a request, or the object that an earlier parser made of them. Undefined when the
 * client hung up in the middle, and nobody is left to answer.
 *
 * @param limit the most bytes to take
 * @throws Rejection if there are more bytes, or they are gone
 */
export function readBody(
  req: BodyRequest,
  limit: number,
): Buffer | object | undefined | Promise<Buffer | undefined> {
  const { rawBody, body } = req;
  if (Buffer.isBuffer(rawBody)) return withinLimit(rawBody, limit);
  if (Buffer.isBuffer(body)) return withinLimit(body, limit);
  if (isUnread(req)) return readStream(req, limit);
  if (req.destroyed && !req.readableEnded) return undefined;
  if (isParsed(req)) return req.body;
  throw new Rejection("consumed");
}

function withinLimit(bytes: Buffer, limit: number): Buffer {
  if (bytes.length > limit) throw new Rejection("size");
  return bytes;
}

function isUnread(req: IncomingMessage): boolean {
  // With an encoding set, the stream gives text, from which the bytes cannot always be had back.
  return req.readable && !req.readableDidRead && req.readableEncoding === null;
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
function readStream(req: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(req.headers["content-length"]) > limit) throw new Rejection("size");
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    req.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) {
        chunks.push(chunk);
      } else {
        req.pause();
        reject(new Rejection("size"));
      }
    });
    req.on("end", () => resolve(Buffer.concat(chunks)));
    // A client that hangs up gives an error, a close, or both. After `end` they change nothing.
    req.on("error", () => resolve(undefined));
    req.on("close", () => resolve(undefined));
    // Earlier middleware may have paused it, to wait for something of its own.
    req.resume();
  });
}
