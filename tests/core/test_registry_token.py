"""What a registry's token says of itself, and what is no token at all."""

from datetime import UTC, datetime, timedelta

import pytest

from hooks.core.errors import MalformedToken
from hooks.core.exchange.registry_protocol import parse_token
from hooks.core.model.token import AcrToken
from tests.core.builders import HOUR, NOW, new_jwt

EXP = int(NOW.timestamp())
IAT = EXP - 4500


@pytest.mark.parametrize(
    ("claims", "issued_at"),
    [
        pytest.param({"exp": EXP, "iat": IAT}, NOW - timedelta(seconds=4500), id="iat"),
        pytest.param({"exp": EXP, "iat": IAT, "nbf": 0}, NOW - timedelta(seconds=4500), id="both"),
        pytest.param({"exp": EXP, "iat": 0, "nbf": IAT}, NOW - timedelta(seconds=4500), id="later"),
        pytest.param({"exp": EXP, "nbf": IAT}, NOW - timedelta(seconds=4500), id="nbf"),
        pytest.param({"exp": EXP}, NOW - 3 * HOUR, id="neither"),
        pytest.param({"exp": EXP, "iat": None}, NOW - 3 * HOUR, id="null-iat"),
        pytest.param({"exp": EXP, "iat": EXP - 1.5}, NOW - timedelta(seconds=2), id="fraction"),
        pytest.param({"exp": EXP, "iat": EXP - 86400}, NOW - 24 * HOUR, id="a-day"),
        pytest.param({"exp": 1, "iat": 0}, datetime(1970, 1, 1, tzinfo=UTC), id="iat-zero"),
    ],
)
def test_parse_token(claims: dict[str, int], issued_at: datetime) -> None:
    """A token lives from the later of `iat` and `nbf`, else from three hours before, to `exp`."""
    text = new_jwt(claims)
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    assert parse_token(text) == AcrToken(text, issued_at, expires_at)


@pytest.mark.parametrize("filler", ["\u00fb\u00ff\u00fe", "~~~???", "x", "xx", "xxx"])
def test_payload_is_urlsafe_base64(filler: str) -> None:
    """A payload may have - and _ for + and /, and has no padding, whatever its length."""
    text = new_jwt(f'{{"f":"{filler}","exp":{EXP}}}')
    assert parse_token(text).expires_at == NOW


def test_urlsafe_characters_occur() -> None:
    """The cases above do hold a payload with - and one with _."""
    payloads = [new_jwt(f'{{"f":"{f}"}}').split(".")[1] for f in ("~~~???", "\u00fb\u00ff\u00fe")]
    assert set("-_") <= set("".join(payloads))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("secret", id="word"),
        pytest.param("a.b", id="two-parts"),
        pytest.param("a.b.c.d", id="four-parts"),
        pytest.param("a..c", id="empty-part"),
        pytest.param("a.b.c\n", id="line-break"),
        pytest.param(" a.b.c", id="space"),
        pytest.param("a.b+/.c", id="standard-base64"),
        pytest.param("a.b=.c", id="padding"),
        pytest.param("\u00e4.b.c", id="no-ascii"),
        pytest.param(None, id="none"),
        pytest.param(5, id="number"),
        pytest.param([new_jwt({"exp": EXP})], id="list"),
    ],
)
def test_no_jwt(text: str) -> None:
    """Whatever does not look like a JWT is refused, also a value that is no text."""
    with pytest.raises(MalformedToken, match=r"^not a JWT$"):
        parse_token(text)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param("no json", id="no-json"),
        pytest.param("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), id="bytes"),
        pytest.param([EXP], id="list"),
        pytest.param(EXP, id="number"),
        pytest.param("null", id="null"),
        pytest.param({}, id="no-exp"),
        pytest.param({"exp": None}, id="exp-null"),
        pytest.param({"exp": True}, id="exp-bool"),
        pytest.param({"exp": str(EXP)}, id="exp-string"),
        pytest.param({"exp": [EXP]}, id="exp-list"),
        pytest.param('{"exp":NaN}', id="exp-nan"),
        pytest.param('{"exp":Infinity}', id="exp-inf"),
        pytest.param('{"exp":-Infinity}', id="exp-minus-inf"),
        pytest.param('{"exp":1e400}', id="exp-over-float"),
        pytest.param({"exp": 10**11 * 9}, id="exp-after-year-9999"),
        pytest.param({"exp": 10**400}, id="exp-huge"),
        pytest.param(f'{{"exp":{"9" * 5000}}}', id="exp-over-digits"),
        pytest.param({"exp": EXP * 1000}, id="exp-in-milliseconds"),
        pytest.param({"exp": -62135596800}, id="exp-in-year-1"),
        pytest.param({"exp": -1}, id="exp-negative"),
        pytest.param({"exp": -0.5}, id="exp-just-negative"),
        pytest.param({"exp": EXP, "iat": "x"}, id="iat-string"),
        pytest.param({"exp": EXP, "iat": True}, id="iat-bool"),
        pytest.param({"exp": EXP, "iat": 10**400}, id="iat-huge"),
        pytest.param({"exp": EXP, "iat": -1}, id="iat-negative"),
        pytest.param({"exp": EXP, "nbf": -1}, id="nbf-negative"),
    ],
)
def test_no_plausible_expiry(claims: object) -> None:
    """A JWT whose times are no numbers, or no times, is refused."""
    with pytest.raises(MalformedToken, match=r"^a JWT without a plausible expiry$"):
        parse_token(new_jwt(claims))


@pytest.mark.parametrize("payload", ["a", "____"], ids=["length", "bytes"])
def test_undecodable_payload(payload: str) -> None:
    """A payload that is no base64, or no UTF-8, is refused."""
    with pytest.raises(MalformedToken):
        parse_token(f"eyJ.{payload}.x")


def test_nested_too_deep() -> None:
    """A payload nested too deep is refused like any other that can't be read."""
    with pytest.raises(MalformedToken, match="nested too deep"):
        parse_token(new_jwt("[" * 100000))


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("start", [EXP, EXP + 1, 2 * EXP], ids=["equal", "later", "far-later"])
def test_expires_before_issued(claim: str, start: int) -> None:
    """A token that has no life is rejected."""
    with pytest.raises(MalformedToken, match=r"^a JWT that expires before it is issued$"):
        parse_token(new_jwt({"exp": EXP, "iat": IAT, claim: start}))


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": 253402300799, "iat": IAT}, id="exp-in-year-9999"),
        pytest.param({"exp": EXP, "iat": 0}, id="iat-in-1970"),
        pytest.param({"exp": EXP, "iat": EXP - 86401}, id="a-day-and-a-second"),
    ],
)
def test_lives_too_long(claims: dict[str, int]) -> None:
    """A token that would not be renewed for years is rejected."""
    with pytest.raises(MalformedToken, match=r"^a JWT that is valid for more than 24 h$"):
        parse_token(new_jwt(claims))


@pytest.mark.parametrize("text", ["eyJub3Qi", new_jwt({}), new_jwt({"exp": 1, "iat": 2})])
def test_error_has_no_token(text: str) -> None:
    """No error repeats the text that was refused."""
    with pytest.raises(MalformedToken) as caught:
        parse_token(text)
    assert "eyJ" not in str(caught.value)
