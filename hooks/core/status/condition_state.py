"""The state of a condition, and the problems behind a state."""

import re
from dataclasses import dataclass
from typing import Final

from hooks.core.model.token import MintFailed
from hooks.core.policy.permission import Reject
from hooks.core.renewal.resolve import Hold
from hooks.core.renewal.secret import Unwritten

Problem = MintFailed | Hold | Reject | Unwritten

# A first sentence: a period ends the sentence before a space and a capital, but not in quotes.
SENTENCE: Final = re.compile(r'((?:"[^"]*"|[^".]|"|\.(?! [A-Z]))*\.?) ?')


@dataclass(frozen=True, slots=True)
class ConditionState:
    """A condition without type, generation and transition time.

    Attributes:
        remedy: The advice for the user, shown by `Ready` only.
    """

    status: str
    reason: str
    message: str = ""
    remedy: str = ""


def new_state(status: str, reason: str, text: str) -> ConditionState:
    """Return a state; *text* is split into the first sentence, the message, and the remedy."""
    remedy = SENTENCE.sub("", text, count=1)
    return ConditionState(status, reason, text.removesuffix(remedy).rstrip(), remedy)
