"""What can go wrong, sorted by whose fault it is.

HookError
├── BadRequest        the caller's: Metacontroller, or a person with curl   -> HTTP 400
├── MalformedToken    the registry's, or whoever tampered with a Secret     -> a new token
└── Busy              nobody's: too many requests are at work already        -> HTTP 429

An invalid spec and a failure to get a token are no exceptions but values: they become conditions.
"""


class HookError(Exception):
    """The root. Its text is one line and holds no token, header or body."""


class BadRequest(HookError):
    """A request body that is not of the shape that Metacontroller sends."""


class MalformedToken(HookError):
    """Text that should have been a registry's token and is not."""


class Busy(HookError):
    """Too many requests are at work already; the caller must try again in a moment."""
