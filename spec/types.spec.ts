import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

import express from "express";
import Joi from "joi";
import {
  memoryInbox,
  notificationSchema,
  telesignCallback,
  TelesignCallbackError,
  verifySignature,
  type CallbackOptions,
  type Delivery,
  type Inbox,
  type MessageNotification,
  type Rejection,
  type TelesignCallback,
} from "telesign-callback";

/** `true` if A and B are the same type, otherwise `false`. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const isSame = <A, B>(same: Same<A, B>) => expect(same).toBe(true);

const expectType =
  <A>() =>
  <B>(_value: B, same: Same<A, B>) =>
    expect(same).toBe(true);

// `tsc -p spec` checks the types in this file; Jest only runs it.
describe("the types", () => {
  const callback = telesignCallback();

  it("fit an Express app and node:http", () => {
    express().use(callback).use("/webhooks", telesignCallback());
    const listener: RequestListener = (req, res) => callback(req, res, () => {});
    isSame<Parameters<TelesignCallback>[0], IncomingMessage>(true);
    isSame<Parameters<TelesignCallback>[1], ServerResponse>(true);
    expect(listener).toBeInstanceOf(Function);
  });

  it("know the arguments of each event", () => {
    callback.onMessage((message, delivery) => {
      expectType<MessageNotification>()(message, true);
      expectType<Delivery>()(delivery, true);
    });
    callback.on("duplicate", (message) => expectType<MessageNotification>()(message, true));
    callback.on("rejected", (rejection) => expectType<Rejection>()(rejection, true));
    callback.on("error", (error) => expectType<TelesignCallbackError>()(error, true));
    // @ts-expect-error there is no such event
    expect(() => callback.on("messages", () => {})).toThrow(TypeError);
    // @ts-expect-error a message listener gets no third argument
    callback.onMessage((message, delivery, third: string) => third);
  });

  it("accept async listeners, and listeners that return something", () => {
    callback.onMessage(() => Promise.resolve());
    isSame<ReturnType<typeof callback.onMessage>, () => void>(true);
    const kept: MessageNotification[] = [];
    callback.onMessage((message) => kept.push(message));
  });

  it("declare TeleSign's properties as strings, and any other as unknown", () => {
    isSame<MessageNotification["mo_message"], string>(true);
    isSame<MessageNotification["carrier"], unknown>(true);
    const change = (message: MessageNotification) => {
      // @ts-expect-error listeners share it
      message.mo_message = "";
    };
    expect(change).toBeInstanceOf(Function);
  });

  it("let every option be left out, but none be undefined or misspelt", () => {
    const options: CallbackOptions = { apiKey: ["c2VjcmV0"], schema: notificationSchema };
    telesignCallback({ ...options, inbox: memoryInbox({ max: 1 }) });
    // @ts-expect-error an unset environment variable must not switch a guard off
    expect(() => telesignCallback({ apiKey: process.env.NOT_SET })).toThrow(TypeError);
    // @ts-expect-error misspelt
    expect(() => telesignCallback({ apikey: "c2VjcmV0" })).toThrow(TypeError);
    isSame<typeof notificationSchema, Joi.ObjectSchema<MessageNotification>>(true);
  });

  it("let an inbox be sync or async", () => {
    const inbox: Inbox = {
      accept: () => "accepted",
      consume: () => () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const slower: Inbox = { ...inbox, accept: () => Promise.resolve("duplicate") };
    // @ts-expect-error no such outcome
    const wrong: Inbox = { ...inbox, accept: () => "seen" };
    expect([inbox, slower, wrong]).toHaveLength(3);
  });

  it("know that verifySignature returns a boolean, and which error codes there are", () => {
    isSame<ReturnType<typeof verifySignature>, boolean>(true);
    expect(new TelesignCallbackError("ERR_INBOX", "text").notification).toBeUndefined();
    // @ts-expect-error no such code
    expect(new TelesignCallbackError("ERR_OTHER", "text").code).toBe("ERR_OTHER");
  });
});
