"""How the doctor parses a file: like kubectl."""

import pytest

from hooks.doctor.manifest import ManifestError, parse_documents


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
        ('{"a":\t"\\ud83d\\ude00"}', [{"a": "\U0001f600"}]),  # valid JSON, invalid YAML
    ],
)
def test_parses(text: str, documents: list[object]) -> None:
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
        ('{"a": 1, "a": 2}', 'line 1, column 10: the key "a" occurs twice'),
        ("a: .nan", "cannot be represented as JSON: Out of range float"),
        ("a: !!int x", "cannot be represented as JSON: invalid literal for int()"),
        ("a: !!binary aGk=", "cannot be represented as JSON: Object of type bytes"),
        ("a: !!python/object/apply:os.getcwd []", "line 1, column 4: could not determine a"),
        ("? [a]\n: b", "line 1, column 3: found unhashable key"),
        ("a: 1\nb: \x01", "unacceptable character #x0001: control characters are not"),
        ("[" * 100_000, "line 1, column 1001: exceeded maximum nesting depth"),
        ("a: &a [*a]", "nested too deep"),
    ],
    ids=range(14),
)
def test_rejects(text: str, error: str) -> None:
    """An error is a single line, with the place if the parser names a place."""
    with pytest.raises(ManifestError) as caught:
        parse_documents(text.encode())
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)


def test_rejects_other_encodings() -> None:
    """The error names the first byte outside UTF-8."""
    with pytest.raises(ManifestError, match=r"^byte 4: not UTF-8$"):
        parse_documents(b"a: \xff")
