/// <reference types="node" preserve="true" />

export { telesignCallback } from "./callback.js";
export { TelesignCallbackError } from "./errors.js";
export { memoryInbox } from "./inbox/memory-inbox.js";
export { notificationSchema } from "./receive/notification.js";
export { verifySignature } from "./receive/signature.js";

export type { TelesignCallback } from "./callback.js";
export type { Delivery } from "./receive/delivery.js";
export type { TelesignCallbackErrorCode, TelesignCallbackErrorDetails } from "./errors.js";
export type { HandOver, Inbox, Outcome } from "./inbox/inbox.js";
export type { CallbackEvents, Listener } from "./listeners.js";
export type { MemoryInboxOptions } from "./inbox/memory-inbox.js";
export type { MessageNotification } from "./receive/notification.js";
export type { CallbackOptions } from "./options.js";
export type { FieldError, Rejection } from "./receive/rejection.js";
export type { CloseOptions } from "./shutdown.js";
export type { CallbackStats } from "./stats.js";
export type { MessageTrace, RequestTrace, TraceCarrier } from "./tracing.js";
