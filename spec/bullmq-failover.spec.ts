import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";

import { Redis } from "ioredis";
import { bullmqInbox } from "telesign-callback/bullmq";

import { createReception, freshDelivery, freshNotification } from "./support/inbox-contract.js";
import { startRedis } from "./support/redis-kinds.js";
import { isThere } from "./support/servers.js";

const describeHere = isThere("Redis") ? describe : describe.skip;

/** A TCP proxy that imitates a DNS name: `pointTo` affects only connections opened later. */
async function startName(port: number) {
  let target = port;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.on("error", () => {});
      end.on("close", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    pointTo: (next: number) => void (target = next),
    close: () => void server.close(),
  };
}

async function makeReplica(port: number, ...master: [string, string]) {
  const client = new Redis(port);
  await client.replicaof(...master);
  await client.quit();
}

describeHere("bullmqInbox, when the master of its Redis becomes a replica", () => {
  it("continues with the new master, although its connections to the old one stay open", async () => {
    const [first, second] = [await startRedis(), await startRedis()];
    const name = await startName(first.port);
    const inbox = bullmqInbox({ connection: { host: "127.0.0.1", port: name.port } });
    inbox.onError?.(() => {});
    const { handOver, received } = createReception();
    inbox.consume(handOver);
    await inbox.accept(freshNotification(), freshDelivery());
    await received(1);
    name.pointTo(second.port);
    await makeReplica(first.port, "127.0.0.1", `${second.port}`);
    const message = freshNotification();
    await inbox.accept(message, freshDelivery());
    const [, handedOver] = await received(2);
    expect(handedOver?.[0]).toEqual(message);
    await inbox.close();
    name.close();
    await Promise.all([first.close(), second.close()]);
  }, 20_000);
});
