import { TELESIGN_TIMEOUT, TELESIGN_WAITS } from "../testing/attempts.js";

const OPTIONS = `    --from <number>
        Sender's phone number. Default: 15551234, as in TeleSign's example.

    --to <number>
        Recipient's phone number. Default: 15554567, as in TeleSign's example.

    --header '<name>: <value>'
        A header to add to every request, such as 'X-Forwarded-For: 192.0.2.1'.
        Can be repeated. Connection, Content-Length, Trailer and Transfer-Encoding
        cannot be set.

    --waits <ms,ms>
        The wait after each failed delivery attempt, in milliseconds. Default:
        ${TELESIGN_WAITS.join(",")}, as TeleSign waits.

    --timeout <ms>
        The longest wait for an answer, in milliseconds. Default: ${TELESIGN_TIMEOUT}.

    --no-retries
        Make one delivery attempt for each message.

    --customer-id <id>
        The Customer ID to send with the signature. Default: TeleSign's placeholder.

    --json
        Print a line of JSON for each delivery attempt, and one for the summary.

    -h, --help
        Show this help.`;

const ENVIRONMENT = `ENVIRONMENT
    TELESIGN_API_KEY
        The API key to sign with. It is not a flag, because ps shows flags to
        everyone. Without it, callbacks are not signed.

    NO_COLOR
        If set, the output has no colours.

EXIT STATUS
    0    Every message was answered with 200.
    1    At least one message was not.
    2    The command line is wrong, or TELESIGN_API_KEY is malformed.
    130  Ctrl-C stopped the command, or the reader of its output, such as head,
         went away. The delivery attempts under way were finished first. Press
         Ctrl-C again to stop without waiting for them.
`;

/** The manual of `send`. */
export const SEND = `NAME
    telesign-callback send - send messages to a receiver as TeleSign does

SYNOPSIS
    telesign-callback send [options] <url>

DESCRIPTION
    Sends Number Masking notifications to the URL as TeleSign does. A delivery
    attempt is one HTTP request. Any answer but 200 is a failure, and a failed
    attempt is repeated, by default up to twice, with the same bytes and signature.

    Prints each delivery attempt with its status, its duration and the reason for a
    refusal, and a summary at the end. On a terminal, several messages show as a
    progress bar with a line for each failure.

    delivery.attempt in a listener counts something else: the receiver's calls of
    its listeners.

OPTIONS
    --text <text>
        The text of the message. Default: TeleSign's example.

    --reference <reference>
        The message's reference (mo_reference_id). Send the same one twice to see
        how the receiver treats a retry. Default: a new one for each message.

    --session <reference>
        The message's session. Default: the session of TeleSign's example.

    --count <n>
        The number of messages to send. Default: 1.

    --rate <n>
        The number of messages to send per second, up to 1000. Default: 10.

${OPTIONS}

${ENVIRONMENT}
EXAMPLES
    telesign-callback send --text 'Where are you?' http://127.0.0.1:3000/telesign/4f9d0c
    telesign-callback send --count 500 --rate 50 --json http://127.0.0.1:3000/telesign/4f9d0c

    The second message is a retry of the first:
    telesign-callback send --count 2 --reference 9A7C4F10D8E24B6F8A3B5C7D9E0F1A2B \\
      http://127.0.0.1:3000/telesign/4f9d0c
`;

/** The manual of `conversation`. */
export const CONVERSATION = `NAME
    telesign-callback conversation - send a conversation between two people

SYNOPSIS
    telesign-callback conversation [options] <url>

DESCRIPTION
    Sends eight messages of one session to the URL, written by two people in turn.
    Treats the answers to two of them as lost, and sends both messages again without
    holding up the others. The receiver should show each message once.

    A delivery attempt is one HTTP request.

OPTIONS
    --session <reference>
        The session of the messages. Default: a new one.

    --pace <ms>
        The wait between two messages, in milliseconds. Default: 1500.

${OPTIONS}

${ENVIRONMENT}
EXAMPLES
    telesign-callback conversation http://127.0.0.1:3000/telesign/4f9d0c
    telesign-callback conversation --pace 100 --waits 500,500 http://127.0.0.1:3000/
`;
