import type { IncomingMessage, ServerResponse } from "node:http";

import type { GuardedInbox } from "../inbox/guarded-inbox.js";
import type { Listeners } from "../listeners.js";
import type { Counts } from "../stats.js";
import type { RequestTrace } from "../tracing.js";
import type { AddressedRequest } from "./address.js";
import type { Answers } from "./answers.js";
import type { BodyRequest } from "./body.js";

/** A request, its answer, and the trace of both if anybody subscribes to it. */
export interface Exchange {
  /** Of `node:http`, with what Express, other middleware or a host may have added. */
  readonly req: IncomingMessage & AddressedRequest & BodyRequest;
  readonly res: ServerResponse;
  readonly trace: RequestTrace | undefined;
}

/** What a receiver works with. */
export interface ReceiverParts {
  readonly inbox: GuardedInbox;
  readonly answers: Answers;
  readonly listeners: Listeners;
  readonly counts: Counts;
  readonly isClosing: () => boolean;
}
