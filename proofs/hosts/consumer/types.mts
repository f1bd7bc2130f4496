import express from "express";
import {
  memoryInbox,
  telesignCallback,
  verifySignature,
  type Delivery,
  type Inbox,
  type MessageNotification,
  type TelesignCallback,
} from "telesign-callback";
import { deliver, notification, sign, type Attempt } from "telesign-callback/testing";

const inbox: Inbox = memoryInbox({ max: 10 });
const callback: TelesignCallback = telesignCallback({ path: "/4f9d0c", inbox });
const unsubscribe: () => void = callback.onMessage(
  async (message: MessageNotification, delivery: Delivery) => {
    const text: string = message.mo_message;
    const submitted: Date | undefined = delivery.submittedAt;
    await Promise.resolve([text, submitted]);
  },
);
callback.on("rejected", ({ status, errors }) => [status.toFixed(), errors[0]?.field]);
callback.on("error", (error) => error.code === "ERR_INBOX");

const app = express();
app.use(callback);
app.use("/telesign", callback);
app.post("/telesign", callback);
express.Router().use(callback);

export const attempts: Promise<Attempt[]> = deliver(app, notification({ mo_message: "" }));
export const isSigned: boolean = verifySignature(
  "{}",
  sign("{}", { apiKey: "c2VjcmV0" }).Authorization,
  ["c2VjcmV0"],
);
export const headers: Record<string, string> = sign("{}", { apiKey: "c2VjcmV0" });
export { unsubscribe };

// @ts-expect-error: a misspelt option
telesignCallback({ pth: "/" });
// @ts-expect-error: no such event
callback.on("messages", () => undefined);
// @ts-expect-error: a text is a string
notification({ mo_message: 5 });
