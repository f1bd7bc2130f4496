/** The manual of `listen`. */
export const LISTEN = `NAME
    telesign-callback listen - print what TeleSign sends

SYNOPSIS
    telesign-callback listen [options]

DESCRIPTION
    Runs a receiver on 127.0.0.1. Prints each message, each suppressed retry and
    each rejected request to standard output, and the URL and instructions to
    standard error.

    TeleSign cannot reach 127.0.0.1, so you need a tunnel to receive its callbacks.
    The commands send and conversation need none.

OPTIONS
    --port <port>
        The port to listen on; 0 picks a free one. Default: 3000.

    --path <path>
        The private path. Default: a new one that cannot be guessed.

    --json
        Print a line of JSON for each event.

    -h, --help
        Show this help.

ENVIRONMENT
    TELESIGN_API_KEY
        The API key to verify signatures with. Without it, none is verified.

    NO_COLOR
        If set, the output has no colours.

EXIT STATUS
    0    Ctrl-C stopped the command, after every accepted message was printed, or
         the reader of its output, such as head, went away.
    1    The command could not listen, or Express is not installed.
    2    The command line is wrong, or TELESIGN_API_KEY is malformed.

EXAMPLES
    telesign-callback listen
    telesign-callback listen --port 8080 --path /telesign/4f9d0c --json
`;

/** The manual of `dead-letters`. */
export const DEAD_LETTERS = `NAME
    telesign-callback dead-letters - manage messages that an inbox gave up on

SYNOPSIS
    telesign-callback dead-letters --sqlite <file> [options]
    telesign-callback dead-letters --redis <url> [options]
    telesign-callback dead-letters --postgres <url> [options]

DESCRIPTION
    A dead letter is a message that a durable inbox has given up on, because every
    hand-over to the listeners failed or the message cannot be read. The inbox keeps
    it for 30 days.

    Lists the dead letters of an inbox, oldest first: the time of the last failure,
    the reference, the number of hand-overs, and the name and code of the last
    error. With --redrive or --discard, hands over or deletes those with the given
    references instead. The receiver can keep running, except with --sqlite if
    Node's SQLite is older than 3.51.3.

OPTIONS
    --sqlite <file>
        The file of a sqliteInbox.

    --redis <url>
        The Redis or Valkey server of a bullmqInbox. Needs bullmq and ioredis.
        A password goes into the URL, percent-encoded.

    --postgres <url>
        The PostgreSQL database of a bullmqInbox. Needs bullmq and pg. ps shows
        flags to everyone, so put a password in PGPASSWORD, not in the URL.

    --schema <name>
        The schema in that database. Default: bullmq.

    --queue <name>
        The queueName of a bullmqInbox. Default: telesign-callback.

    --redrive <reference>
        Hand the message over again, from attempt 1, in a process that listens for
        messages. Can be repeated.

    --discard <reference>
        Delete the message for good. Can be repeated.

    --limit <n>
        The most dead letters to list. Default: 100.

    --show
        Also print each message's phone numbers and text. Others may see your
        terminal.

    --timeout <ms>
        The longest wait for the inbox, in milliseconds. Default: 15000.

    --json
        Print a line of JSON for each dead letter, and one for the summary of a
        list.

    -h, --help
        Show this help.

ENVIRONMENT
    TELESIGN_CALLBACK_ENCRYPTION_KEY
        The encryptionKey of the inbox; several are separated by commas.

    NO_COLOR
        If set, the output has no colours.

EXIT STATUS
    0    The command did what it was asked to do.
    1    A reference was not found, or the inbox could not be used.
    2    The command line is wrong, or an encryption key is malformed.

EXAMPLES
    telesign-callback dead-letters --sqlite ./inbox.db
    telesign-callback dead-letters --redis redis://127.0.0.1 --show
    telesign-callback dead-letters --sqlite ./inbox.db --redrive <reference>
`;
