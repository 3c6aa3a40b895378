"""Bodies of hook requests, damaged as JSON values and as bytes.

This module knows Metacontroller's bodies, but neither HTTP nor the answers.
"""

import json
import math
import re
from typing import Any, Final

from hypothesis import strategies as st

from tests.damage import KEYS, VALUES, Object, damaged
from tests.properties.tokens import new_jwt

TOKEN: Final = new_jwt({"iat": 1, "exp": 2})  # this token in a log or an error is a leak
DEEP: Final = 50_000  # deeper than any decoder follows
WIDE: Final = 70_000  # longer than any field


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


ODD_VALUES: Final[tuple[Any, ...]] = (
    *VALUES, -0.0, math.nan, math.inf, 10**400, -(2**63), "\0", "a\0b", "\ud83d", "\udc00\ud800",
    "\u2028", "a\nb", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z", "a" * 254, "x" * WIDE,
    TOKEN, {TOKEN: TOKEN}, _nested(200), [{}] * 3000, {str(n): {} for n in range(3000)},
    {"ServiceAccount.v1": {"team-a/x": {"metadata": {"name": "x", "namespace": "team-a"}}}},
)  # fmt: skip
ODD_KEYS: Final = (*KEYS, "", "\0", "\ud800", TOKEN, "children", "spec", "ServiceAccount.v1")
SNIPPETS: Final = (
    b"\0", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b"\\",
    b'"', b"'", b"//", b"1e999", b"-1e999", b"1e-999", b"0" * 50, b"9" * 400, b"9" * 5000, b"NaN",
    b"-Infinity", b"[" * DEEP, b'{"a":' * DEEP, b"]" * DEEP, b" " * WIDE, b'"' + b"x" * WIDE + b'"',
    TOKEN.encode(), b'"parent":null,', b'"parent":{"metadata":{"name":"b"}},', b'"children":{},',
    b'"related":[],', b'"metadata":{"name":"c"},', b'"name":5,', b'"ServiceAccount.v1":{},',
)  # fmt: skip
ENCODINGS: Final = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-7", "cp037")
JOINT: Final = re.compile(rb"[{}\[\],:]")
SCALAR: Final = re.compile(rb'"[^"]*"|true|null|[0-9]+')


@st.composite
def bodies(draw: st.DrawFn, sent: Object) -> bytes:
    """Return *sent* as bytes, with no damage, or one or two kinds of damage."""
    value = sent
    how = draw(st.sampled_from(["value", "bytes", "both", "none", "encoding"]))
    if how in {"value", "both"}:
        value = draw(damaged(sent, ODD_VALUES, ODD_KEYS))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if how == "encoding":
        return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    data = text.encode("utf-8", "surrogatepass")
    return draw(_cut_up(data)) if how in {"bytes", "both"} else data


@st.composite
def _cut_up(draw: st.DrawFn, data: bytes) -> bytes:
    """Return *data* with an insertion, a replaced scalar, or a deletion."""
    for _ in range(draw(st.integers(1, 2))):
        pattern = draw(st.sampled_from([JOINT, SCALAR]))
        places = [found.span() for found in pattern.finditer(data)] or [(0, len(data))]
        begin, end = draw(st.sampled_from(places))
        match draw(st.sampled_from(["after", "instead", "cut", "end"])):
            case "after":
                data = data[:end] + draw(st.sampled_from(SNIPPETS)) + data[end:]
            case "instead":
                data = data[:begin] + draw(st.sampled_from(SNIPPETS)) + data[end:]
            case "cut":
                data = data[:begin] + data[end:]
            case _:
                data = data[:end]
    return data
