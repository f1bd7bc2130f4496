import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { memoryInbox, type Inbox } from "telesign-callback";
import { deliver, notification } from "telesign-callback/testing";

import { createConversations } from "../../examples/conversations/app.js";

export const CALLBACK_PATH = "/telesign/4f9d0c";

/** The conversations example on a server that listens. */
export interface Site {
  readonly url: string;
  readonly server: Server;
  readonly send: (...overrides: Parameters<typeof notification>) => Promise<void>;
  readonly drop: () => void;
  readonly stop: () => Promise<void>;
}

interface SiteOptions {
  readonly port?: number;
  readonly log?: { maxEntries?: number };
  readonly stream?: { maxStreams?: number; drainTimeout?: number };
  readonly inbox?: Inbox;
}

const sites: Site[] = [];

/** Starts the example on a free port, or on that of an earlier site. */
export async function startSite({ port = 0, ...options }: SiteOptions = {}): Promise<Site> {
  const { app, close } = createConversations({ path: CALLBACK_PATH, ...options });
  const server = createServer(app).listen(port, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const site = {
    url,
    server,
    async send(overrides = {}) {
      await deliver(url + CALLBACK_PATH, notification(overrides), { waits: [] });
    },
    drop: () => server.closeAllConnections(),
    async stop() {
      await close();
      await closeServer(server);
    },
  };
  sites.push(site);
  return site;
}

/** Stops every site that was started. */
export async function stopSites(): Promise<void> {
  await Promise.all(sites.splice(0).map(({ stop }) => stop()));
}

/** An inbox that takes callbacks, and can also be given a burst of texts, faster than over HTTP. */
export function burstInbox() {
  const inbox = memoryInbox();
  let give: Parameters<typeof inbox.consume>[0];
  return {
    ...inbox,
    consume(handOver: typeof give) {
      give = handOver;
      return inbox.consume(handOver);
    },
    async burst(length: number, overrides: (number: number) => object = () => ({})) {
      const start = Date.now() - length * 1_000;
      for (let number = 1; number <= length; number += 1) {
        const submittedAt = new Date(start + number * 1_000);
        const delivery = { receivedAt: new Date(), submittedAt, attempt: 1 };
        const sent = notification({ mo_message: `No. ${number}`, ...overrides(number) });
        await give(sent, delivery);
      }
    },
  };
}

async function closeServer(server: Server) {
  if (!server.listening) return;
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}
