"""How the doctor parses a file: like kubectl, within limits."""

import json

import pytest

from hooks.doctor.manifest import MAX_BYTES, ManifestError, parse_documents

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("", []),
        ("# nothing\n---\n---\n", []),
        ("null", []),
        ("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("\ufeffa: x", [{"a": "x"}]),
        ("a: 2026-11-23T00:00:00Z", [{"a": "2026-11-23T00:00:00Z"}]),
        ("a: 1e3\nb: on\nc: ~\nd: '1'", [{"a": 1000.0, "b": True, "c": None, "d": "1"}]),
        ("1: x\n", [{"1": "x"}]),
        ("x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3}", [{"x": {"a": 1, "b": 2}, "y": {"a": 3, "b": 2}}]),
        ("a: &a [1]\nb: *a", [{"a": [1], "b": [1]}]),
        ('{"a":\t"\\ud83d\\ude00"}', [{"a": "\U0001f600"}]),  # JSON that is no YAML
    ],
)
def test_reads(text: str, documents: list[object]) -> None:
    """YAML 1.1 and JSON become JSON values."""
    assert parse_documents(text.encode()) == documents


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("a:\n\tb: 1", "line 2, column 1: found character that cannot start any token"),
        ("a: 1\nb: [", "line 3, column 1: did not find expected node content"),
        ("a: *b", "line 1, column 4: found undefined alias"),
        ("spec:\n  a: 1\n  a: 2", 'line 3, column 3: the key "a" occurs twice'),
        ('{"a": 1, "a": 2}', 'the key "a" occurs twice in one object'),
        ('{"a": NaN}', "NaN is not a number in JSON; e.g. 1"),
        ("a: .nan", "cannot be represented as JSON: Out of range float"),
        ("a: !!int x", "cannot be represented as JSON: invalid literal for int()"),
        ("a: !!binary aGk=", "line 1, column 4: could not determine a constructor"),
        ("a: !!python/object/apply:os.getcwd []", "line 1, column 4: could not determine a"),
        ("? [a]\n: b", "line 1, column 3: found unhashable key"),
        ("a: 1\nb: \x01", "line 2, column 4: invalid character"),
        ("[" * 100_000, "line 1, column 1001: exceeded maximum nesting depth"),
        (f"a: {'[' * 200}{']' * 200}", "line 1, column 104: nested too deep"),
        ("a: &a [*a]", "line 1, column 4: nested too deep"),
        (BOMB, "line 1, column 10: aliases make it too large"),
    ],
    ids=range(17),
)
def test_refuses(text: str, error: str) -> None:
    """An error is one line, with its place."""
    with pytest.raises(ManifestError) as caught:
        parse_documents(text.encode())
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)


def test_refuses_what_is_no_text() -> None:
    """The error names the first byte that is not UTF-8."""
    with pytest.raises(ManifestError, match=r"^byte 4: not UTF-8$"):
        parse_documents(b"a: \xff")


def test_size() -> None:
    """A file of the maximal size is parsed; a file with one byte more is rejected."""
    text = json.dumps({"a": "x" * (MAX_BYTES - len('{"a": ""}'))}).encode()
    assert len(parse_documents(text)) == 1
    with pytest.raises(ManifestError, match=r"^over 4194304 bytes\."):
        parse_documents(text + b" ")
