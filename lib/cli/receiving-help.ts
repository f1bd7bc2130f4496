/** The manual of `listen`. */
export const LISTEN = `NAME
    telesign-callback listen - print what TeleSign sends

SYNOPSIS
    telesign-callback listen [options]

DESCRIPTION
    Runs a receiver on 127.0.0.1. Prints each message, each suppressed retry and
    each rejected request to the standard output. Messages and retries show their
    reference. The URL to give to TeleSign goes to the standard error.

    TeleSign cannot reach 127.0.0.1, so you need a tunnel to receive its callbacks.
    The commands send and conversation reach it directly.

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
        The API key to verify signatures with. Without it signatures are not
        verified.

    NO_COLOR
        If set, the output has no colours.

EXIT STATUS
    0    Ctrl-C stopped the command. Every accepted message was printed first.
    1    The command could not listen, or Express is not installed.
    2    The command line is wrong.

EXAMPLES
    telesign-callback listen
    telesign-callback listen --port 8080 --path /telesign/4f9d0c --json
`;
