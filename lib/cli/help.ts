import { TELESIGN_TIMEOUT, TELESIGN_WAITS } from "../testing/attempts.js";

const SENDER_OPTIONS = `    --from <number>
        Who texts. Default: 15551234, as in TeleSign's example.

    --to <number>
        Whom. Default: 15554567.

    --waits <ms,ms>
        How long to wait after each failed attempt, in milliseconds. Default:
        ${TELESIGN_WAITS.join(",")}, as TeleSign has it.

    --timeout <ms>
        How long to wait for an answer, in milliseconds. Default: ${TELESIGN_TIMEOUT}.

    --no-retries
        One attempt for each message.

    --customer-id <id>
        The Customer ID beside the signature. Default: TeleSign's placeholder.

    --json
        One line of JSON for each attempt, and one for the summary.

    -h, --help
        This text.`;

const SENDER_ENVIRONMENT = `ENVIRONMENT
    TELESIGN_API_KEY
        The API key to sign with. Not a flag, because ps shows those to everyone.
        Without it the callbacks are not signed.

    NO_COLOR
        No colours.

EXIT STATUS
    0    Every message ended in a 200.
    1    At least one did not.
    2    The command line is wrong.
    130  Ctrl-C came before the end, or the reader of the output, such as head,
         went away. What was under way was finished first; a second Ctrl-C does
         not wait for that.
`;

const SEND = `NAME
    telesign-callback send - play TeleSign against a receiver

SYNOPSIS
    telesign-callback send [options] <url>

DESCRIPTION
    Posts Number Masking notifications to the URL as TeleSign does. Anything but
    200 is a failure, and a failed attempt is repeated twice, with the same bytes
    and the same signature. Shows each attempt with its status and its time. Many
    messages on a terminal are a progress bar, with a line for each failure. A
    summary comes last.

OPTIONS
    --text <text>
        What the text says.

    --session <reference>
        The session it belongs to. Default: the one of TeleSign's example.

    --count <n>
        How many messages, each with a reference of its own. Default: 1.

    --rate <n>
        How many messages a second, 1000 at most. Default: 10.

${SENDER_OPTIONS}

${SENDER_ENVIRONMENT}
EXAMPLES
    telesign-callback send --text 'Where are you?' http://127.0.0.1:3000/telesign/4f9d0c
    telesign-callback send --count 500 --rate 50 --json http://127.0.0.1:3000/telesign/4f9d0c
`;

const CONVERSATION = `NAME
    telesign-callback conversation - play an exchange of two people

SYNOPSIS
    telesign-callback conversation [options] <url>

DESCRIPTION
    Posts eight texts of one session to the URL, from two people in turn. The
    answer to two of them is taken for lost on its way, so TeleSign's retry comes
    while the conversation goes on: a receiver should show each text once.

OPTIONS
    --session <reference>
        The session. Default: a new one.

    --pace <ms>
        How long to wait between two texts, in milliseconds. Default: 1500.

${SENDER_OPTIONS}

${SENDER_ENVIRONMENT}
EXAMPLES
    telesign-callback conversation http://127.0.0.1:3000/telesign/4f9d0c
    telesign-callback conversation --pace 100 --waits 500,500 http://127.0.0.1:3000/
`;

const LISTEN = `NAME
    telesign-callback listen - print what TeleSign sends

SYNOPSIS
    telesign-callback listen [options]

DESCRIPTION
    A receiver on 127.0.0.1. Prints each text, each suppressed retry and each
    rejected request to the standard output, and what to give to TeleSign to the
    standard error. TeleSign cannot reach 127.0.0.1, so a tunnel is needed for
    that; send and conversation can.

OPTIONS
    --port <port>
        The port; 0 for any that is free. Default: 3000.

    --path <path>
        The private path. Default: a new one that cannot be guessed.

    --json
        One line of JSON for each event.

    -h, --help
        This text.

ENVIRONMENT
    TELESIGN_API_KEY
        The API key to verify signatures with. Without it they are not verified.

    NO_COLOR
        No colours.

EXIT STATUS
    0    Ctrl-C ended it. What had been accepted was printed first.
    1    It could not listen, or Express is not installed.
    2    The command line is wrong.

EXAMPLES
    telesign-callback listen
    telesign-callback listen --port 8080 --path /telesign/4f9d0c --json
`;

/** The manual of each command. */
export const HELP = { send: SEND, conversation: CONVERSATION, listen: LISTEN };

/** The manual of all of them. */
export const OVERVIEW = `NAME
    telesign-callback - TeleSign's side of Number Masking callbacks

SYNOPSIS
    telesign-callback send [options] <url>
    telesign-callback conversation [options] <url>
    telesign-callback listen [options]
    telesign-callback --version

COMMANDS
    send
        Plays TeleSign against a receiver: one text, or many.

    conversation
        Plays an exchange of two people, with retries in it.

    listen
        Prints what TeleSign sends.

    The manual of each: telesign-callback <command> --help
`;
