/// <reference types="node" preserve="true" />

export { telesignCallback } from "./callback.js";
export { TelesignCallbackError } from "./errors.js";
export { memoryInbox } from "./memory-inbox.js";
export { notificationSchema } from "./notification.js";
export { verifySignature } from "./signature.js";

export type { CloseOptions, TelesignCallback } from "./callback.js";
export type { Delivery } from "./delivery.js";
export type { TelesignCallbackErrorCode, TelesignCallbackErrorDetails } from "./errors.js";
export type { HandOver, Inbox, Outcome } from "./inbox.js";
export type { CallbackEvents, Listener } from "./listeners.js";
export type { MemoryInboxOptions } from "./memory-inbox.js";
export type { MessageNotification } from "./notification.js";
export type { CallbackOptions } from "./options.js";
export type { FieldError, Rejection } from "./rejection.js";
