import type { IncomingMessage } from "node:http";
import { types } from "node:util";

import { setImmediate } from "../clock.js";
import { Refusal } from "./rejection.js";

/** A request, with what earlier middleware or a serverless host may have made of its body. */
export interface BodyRequest extends IncomingMessage {
  readonly rawBody?: unknown;
  readonly body?: unknown;
}

/** The bytes of a body, or the object that an earlier parser made of them. */
export type Body = Buffer | object;

const EMPTY = Buffer.alloc(0);

/** Thrown if the client hung up before the whole body arrived: nobody is left to answer. */
export class ClientGone {}

/**
 * Gets the body from `rawBody`, which a host may have set, or the stream, or else `body`, which an
 * earlier parser may have set.
 *
 * @throws Refusal if it has more bytes than `limit`, or earlier middleware consumed them
 * @throws ClientGone if the client hung up
 */
export function readBody(req: BodyRequest, limit: number): Body | Promise<Buffer> {
  const rawBody = toBytes(leftover(req, "rawBody"));
  if (rawBody) return withinLimit(rawBody, limit);
  if (!req.readableDidRead) {
    if (req.readable) return readStream(req, limit);
    // The client hung up after the whole body had arrived.
    if (req.complete && req.readableLength > 0) return withinLimit(takeBuffered(req), limit);
  }
  const body = leftover(req, "body");
  const bytes = toBytes(body);
  if (bytes) return withinLimit(bytes, limit);
  if (isParsed(body, req)) return body;
  if (req.destroyed && !req.readableEnded) throw new ClientGone();
  // An empty body may reach its end without being read.
  if (req.readableEnded && !req.readableDidRead) return EMPTY;
  throw new Refusal("consumed");
}

/** A property that others may have set. It counts as absent if its getter throws. */
function leftover(req: BodyRequest, name: "rawBody" | "body"): unknown {
  try {
    return req[name];
  } catch {
    return undefined;
  }
}

function toBytes(value: unknown): Buffer | undefined {
  if (typeof value === "string") return Buffer.from(value);
  // Not instanceof: a test runner's realm has another Uint8Array.
  if (!types.isUint8Array(value)) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function withinLimit(bytes: Buffer, limit: number): Buffer {
  if (bytes.length > limit) throw new Refusal("size");
  return bytes;
}

function takeBuffered(req: IncomingMessage): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk: unknown = req.read(); Buffer.isBuffer(chunk); chunk = req.read()) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Whether a parser made this. Express 4's parsers leave `{}` if none of them matched, so an empty
 * object counts only if Content-Length is at most 2.
 */
function isParsed(body: unknown, { headers }: BodyRequest): body is object {
  if (typeof body !== "object" || body === null) return false;
  try {
    return Object.keys(body).length > 0 || Number(headers["content-length"]) <= 2;
  } catch {
    return false;
  }
}

/** Reads the stream up to the limit. Express's parsers would read an oversized body to its end. */
function readStream(req: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(req.headers["content-length"]) > limit) throw new Refusal("size");
  return new Promise((resolve, reject) => {
    let bytes: Buffer = EMPTY;
    let size = 0;

    function take(chunk: unknown) {
      // With an encoding set, chunks are text, from which the bytes cannot always be recovered.
      if (!Buffer.isBuffer(chunk)) return reject(new Refusal("consumed"));
      if (size + chunk.length > limit) return reject(new Refusal("size"));
      // Nearly every body comes in one chunk.
      bytes = size === 0 ? chunk : append(bytes, size, chunk);
      size += chunk.length;
    }

    req.on("data", take);
    req.on("end", () => {
      const body = bytes.subarray(0, size);
      if (!("stream" in req)) return resolve(body);
      // HTTP/2 ends a reset request as if it were whole, and sets `aborted` right afterwards.
      setImmediate(() => (isReset(req) ? reject(new ClientGone()) : resolve(body)));
    });
    // Emitted when the client hangs up, but only if there is a listener.
    req.on("error", () => reject(new ClientGone()));
    // Earlier middleware may have paused the stream.
    req.resume();
  });
}

function isReset(req: IncomingMessage): boolean {
  return "aborted" in req && Boolean(req.aborted);
}

/** Adds a chunk to one growing buffer. A list of tiny chunks would take far more memory. */
function append(bytes: Buffer, size: number, chunk: Buffer): Buffer {
  const needed = size + chunk.length;
  const room = needed > bytes.length ? Buffer.allocUnsafe(Math.max(needed, 2 * size)) : bytes;
  if (room !== bytes) room.set(bytes.subarray(0, size));
  room.set(chunk, size);
  return room;
}
