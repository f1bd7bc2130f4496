import { DEAD_LETTERS, LISTEN } from "./receiving-help.js";
import { CONVERSATION, SEND } from "./sending-help.js";

/** The manual of each command. */
export const HELP = {
  send: SEND,
  conversation: CONVERSATION,
  listen: LISTEN,
  "dead-letters": DEAD_LETTERS,
};

/** The manual of the program. */
export const OVERVIEW = `NAME
    telesign-callback - test and operate a receiver of Number Masking callbacks

SYNOPSIS
    telesign-callback send [options] <url>
    telesign-callback conversation [options] <url>
    telesign-callback listen [options]
    telesign-callback dead-letters --sqlite <file>|--redis <url>|--postgres <url> [options]
    telesign-callback --version

COMMANDS
    send
        Send one message or many to a receiver, as TeleSign does.

    conversation
        Send a conversation between two people, with retries.

    listen
        Run a receiver that prints what TeleSign sends.

    dead-letters
        List, redrive or discard the messages that a durable inbox gave up on.

    Run telesign-callback <command> --help for the options of a command.
`;
