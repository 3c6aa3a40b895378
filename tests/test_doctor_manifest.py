"""How a file is read: as kubectl reads it, within limits, and what is said of one that can't be."""

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
    """YAML 1.1 and JSON become what JSON has."""
    assert parse_documents(text.encode()) == documents


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b: c", "line 1, column 5: mapping values are not allowed in this context"),
        ("a:\n\tb: 1", "line 2, column 1: found character that cannot start any token"),
        ("a: 1\nb: [", "line 3, column 1: did not find expected node content"),
        ("a: *b", "line 1, column 4: found undefined alias"),
        ("spec:\n  a: 1\n  a: 2", 'line 3, column 3: the key "a" is given twice'),
        ('{"a": 1, "a": 2}', 'the key "a" is given twice in one object'),
        ('{"a": NaN}', "NaN is no number in JSON; e.g. 1"),
        ("a: .nan", "not YAML that JSON could say: Out of range float"),
        ("a: !!int x", "not YAML that JSON could say: invalid literal for int()"),
        ("a: !!binary aGk=", "line 1, column 4: could not determine a constructor"),
        ("a: !!python/object/apply:os.getcwd []", "line 1, column 4: could not determine a"),
        ("? [a]\n: b", "line 1, column 3: found unhashable key"),
        ("a: 1\nb: \x01", "line 2, column 4: a character that YAML has not"),
        ("[" * 100_000, "line 1, column 101: nested too deep"),
        ("a: &a [*a]", "line 1, column 4: aliases make it too large"),
        (BOMB, "line 1, column 10: aliases make it too large"),
    ],
    ids=range(16),
)
def test_refuses(text: str, said: str) -> None:
    """What can't be read is told in a line, with its place where there is one."""
    with pytest.raises(ManifestError) as caught:
        parse_documents(text.encode())
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_refuses_what_is_no_text() -> None:
    """The first byte that is wrong is named."""
    with pytest.raises(ManifestError, match=r"^byte 4: not UTF-8$"):
        parse_documents(b"a: \xff")


def test_size() -> None:
    """A file of the greatest size is read, a byte more is too much."""
    text = json.dumps({"a": "x" * (MAX_BYTES - len('{"a": ""}'))}).encode()
    assert len(parse_documents(text)) == 1
    with pytest.raises(ManifestError, match=r"^over 4194304 bytes;"):
        parse_documents(text + b" ")
