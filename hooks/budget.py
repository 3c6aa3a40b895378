"""The time budget of a hook: from Metacontroller's timeout down to each socket timeout, in seconds.

    10.0  Metacontroller's timeout, from connecting to the end of the response
           2.5  TLS, the head, a free thread, the body and the response
           7.5  a hook's wait for a token
                 0.5  the outcome, in which a hook names the late peer
                 7.0  all requests for the token
                       4.0  IMDS (connect 1, read 3), or 2.0 API server + 3.0 Entra
                       the rest: the registry, at least 3.0 after IMDS and 2.0 after Entra

A hard deadline ends a request, even if each read is in time. A request for an Entra token waits for
its turn only while its own timeout still fits into `MINT_SECONDS`.

The server's limits are longer than their part of the 2.5 s: Metacontroller sends and reads at once,
and leaves by its own timeout. These limits end connections of slow and unknown callers:

    10.0  the handshake and the head: no caller with a hook's timeout sends later
     5.0  the body
           3.0  a large body's wait for its turn
     5.0  each pause while the caller reads the response

Independent of the budget are the listener for probes (`hooks/server/listener.py`), the wait for the
caller to close, and the intervals of the worker's checks (`hooks/server/worker.py`).
"""

from typing import Final

# Metacontroller cancels a hook after 10 s by default.
# metacontroller@v4.17.2:pkg/hooks/webhook.go:301
HOOK_TIMEOUT_SECONDS: Final = 10
# The part of a hook without a token request.
SERVER_SECONDS: Final = 2.5
# A hook's wait for a token.
TOKEN_WAIT_SECONDS: Final = HOOK_TIMEOUT_SECONDS - SERVER_SECONDS
# All requests for one token. They end before the wait, to name the late peer.
MINT_SECONDS: Final = TOKEN_WAIT_SECONDS - 0.5

# 1. The Entra token: either from IMDS ...
IMDS_CONNECT_SECONDS: Final = 1.0
IMDS_READ_SECONDS: Final = 3.0
IMDS_SECONDS: Final = IMDS_CONNECT_SECONDS + IMDS_READ_SECONDS  # hard deadline
# ... or from Entra, with a ServiceAccount token from the API server.
API_SERVER_SECONDS: Final = 2.0  # connect, read and hard deadline
ENTRA_CONNECT_SECONDS: Final = 1.5
ENTRA_SECONDS: Final = 3.0  # read and hard deadline
WORKLOAD_IDENTITY_SECONDS: Final = API_SERVER_SECONDS + ENTRA_SECONDS

# 2. The registry: exchange, then scope. The hard deadline of both is the end of `MINT_SECONDS`.
REGISTRY_CONNECT_SECONDS: Final = 2.0
REGISTRY_READ_SECONDS: Final = 3.0

# A peer that takes longer is slow, and may hold only a few threads. The last of 24 requests waits
# 1.2 s for the rate limiter of IMDS. The requests to Entra take 0.2 s, and to a registry 0.1 s.
IDENTITY_SLOW_AFTER_SECONDS: Final = 2.0
REGISTRY_SLOW_AFTER_SECONDS: Final = 1.0

# The server.
HEAD_SECONDS: Final = HOOK_TIMEOUT_SECONDS  # for a handshake and a head
BODY_SECONDS: Final = HOOK_TIMEOUT_SECONDS // 2
TURN_SECONDS: Final = BODY_SECONDS - 2  # for a large body to start; then the caller sends the rest
ANSWER_SECONDS: Final = HOOK_TIMEOUT_SECONDS // 2  # for the caller to read more of the response
QUEUED_SECONDS: Final = 1  # of `SERVER_SECONDS`; after a longer wait the caller may have left
READY_SECONDS: Final = HOOK_TIMEOUT_SECONDS  # without a free thread, every hook fails
# For hooks in progress when the service stops: a slow body, then all of the hook's own time.
GRACEFUL_SECONDS: Final = BODY_SECONDS + HOOK_TIMEOUT_SECONDS
