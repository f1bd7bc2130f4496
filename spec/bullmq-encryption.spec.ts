import { randomBytes } from "node:crypto";

import { createErrors, freshDelivery, freshNotification } from "./support/inbox-contract.js";
import { describeOnEachEngine, inboxOn, queueOn, uniqueName } from "./support/servers.js";

describeOnEachEngine("bullmqInbox, with an encryptionKey", (_, engine) => {
  beforeAll(engine.start);
  afterAll(engine.close);

  it.each([
    ["a notification that waits", 12, 0],
    ["a dead letter", 1, 1],
  ])(
    "stores no text and no phone number in the clear: %s",
    async (_, attempts, failures) => {
      const queueName = uniqueName();
      const inbox = inboxOn(engine, { queueName, attempts, encryptionKey: randomBytes(32) });
      const { listener, received } = createErrors();
      inbox.onError?.(listener);
      const message = freshNotification({ mo_message: "the words of a person" });
      await inbox.accept(message, freshDelivery());
      if (failures > 0) {
        const words = new Error(message.mo_message);
        inbox.consume(() => Promise.reject(words));
        await received(failures);
      }
      const queue = queueOn(engine, queueName);
      const jobs = await queue.getJobs(["waiting", "failed"]);
      const stored = JSON.stringify(jobs.map((job) => job.toJSON()));
      expect(stored).toContain(message.mo_reference_id);
      expect(stored).not.toMatch(/words|15551230001|15551230002/);
      await queue.close();
      await inbox.close();
    },
    20_000,
  );

  it.each(["short", Buffer.alloc(16), [], undefined])("refuses %p as a key", (encryptionKey) => {
    expect(() => inboxOn(engine, { encryptionKey })).toThrow(TypeError);
    expect(() => inboxOn(engine, { encryptionKey })).toThrow("encryptionKey");
  });
});
