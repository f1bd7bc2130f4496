import { describeInbox } from "./support/inbox-contract.js";
import { describeOnEachEngine, inboxOn, uniqueName } from "./support/servers.js";

describeOnEachEngine("bullmqInbox", (name, engine) => {
  beforeAll(engine.start);
  afterAll(engine.close);
  describeInbox(`bullmqInbox on ${name}`, () => inboxOn(engine, { queueName: uniqueName() }));
});
