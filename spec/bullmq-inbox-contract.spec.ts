import { describeInbox } from "./inbox.contract.js";
import { describeOnEachEngine, inboxOn, uniqueName } from "./servers.js";

describeOnEachEngine("bullmqInbox", (name, engine) => {
  beforeAll(engine.start);
  afterAll(engine.close);
  describeInbox(`bullmqInbox on ${name}`, () => inboxOn(engine, { queueName: uniqueName() }));
});
