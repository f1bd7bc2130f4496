import { describeDurableInbox } from "./support/durable-inbox-contract.js";
import { describeInbox } from "./support/inbox-contract.js";
import { describeOnEachEngine, inboxOn, uniqueName } from "./support/servers.js";

describeOnEachEngine("bullmqInbox", (name, engine) => {
  beforeAll(engine.start);
  afterAll(engine.close);
  describeInbox(`bullmqInbox on ${name}`, () => inboxOn(engine, { queueName: uniqueName() }));
  describeDurableInbox(`bullmqInbox on ${name}`, () => {
    const queueName = uniqueName();
    return { open: (options) => inboxOn(engine, { queueName, ...options }) };
  });
});
