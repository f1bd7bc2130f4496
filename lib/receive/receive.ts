import type { Settings } from "../options.js";
import { createAcknowledge } from "./acknowledge.js";
import { readBody, type Body } from "./body.js";
import { createChecks } from "./checks.js";
import { deliveryOf } from "./delivery.js";
import type { Exchange, ReceiverParts } from "./exchange.js";
import { createRefuse } from "./refuse.js";

/**
 * Makes the function that takes one callback from its headers to its answer. It resolves when the
 * answer has left, and rejects only with errors that are not ours.
 */
export function createReceiver(settings: Settings, parts: ReceiverParts) {
  const { maxBodySize, parse } = settings;
  const checks = createChecks(settings, parts.isClosing);
  const { admit, authenticate, refuseIfOutdated, refuseIfClosing } = checks;
  const acknowledge = createAcknowledge(parts);
  const refuse = createRefuse(parts);

  return async function receive(exchange: Exchange): Promise<void> {
    const { req } = exchange;
    let body: Body | undefined;
    try {
      admit(req); // 503, 403, 415
      body = await readBody(req, maxBodySize); // 413, 500
      authenticate(req.headers, body); // 401, 500
      const { message, submittedAt } = parse(body); // 400, 500
      const delivery = deliveryOf(submittedAt);
      refuseIfOutdated(delivery); // 400
      // Again, because close() may have been called while the body was arriving. Nothing may be
      // awaited between this and acknowledge(), or the inbox could close before it is asked.
      refuseIfClosing(); // 503
      await acknowledge(exchange, message, delivery); // 200, then the listeners
    } catch (error) {
      await refuse(exchange, error, body);
    }
  };
}
