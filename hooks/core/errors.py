"""acrpull's exceptions, sorted by cause.

HookError
├── BadRequest        the caller: Metacontroller, or a person with curl   -> HTTP 400
├── MalformedToken    the registry, or a change of a Secret               -> a new token
└── Busy              the load: too many requests are in progress         -> HTTP 429

An invalid spec and a failure to get a token are values, not exceptions. They become conditions.
"""


class HookError(Exception):
    """The base class. Its text is a single line and contains no token, header or body."""


class BadRequest(HookError):
    """A request body has another shape than Metacontroller's requests."""


class MalformedToken(HookError):
    """The text in the place of a registry's token is not a valid token."""


class Busy(HookError):
    """Too many requests are in progress. The caller must retry after a moment."""
