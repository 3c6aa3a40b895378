"""Typed reading of JSON: what is absent, and what an error says."""

import pytest

from hooks.core.errors import BadRequest, HookError
from hooks.core.fields import JSON, check, get, get_object, get_text, require


@pytest.mark.parametrize(
    ("value", "kind"),
    [("", str), (True, bool), (0, int), ({}, dict), ([], list)],
    ids=["string", "boolean", "integer", "object", "list"],
)
def test_check_returns_value(value: object, kind: type[str]) -> None:
    """A value of the expected type is returned as it is, also an empty one."""
    assert check(value, kind, "a.b") is value


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        pytest.param(1, str, 'a string, e.g. "app"', id="number-for-string"),
        pytest.param(None, str, 'a string, e.g. "app"', id="null-for-string"),
        pytest.param(1, bool, "a boolean, e.g. true", id="number-for-boolean"),
        pytest.param(True, int, "an integer, e.g. 1", id="boolean-for-integer"),
        pytest.param(1.0, int, "an integer, e.g. 1", id="float-for-integer"),
        pytest.param([], dict, "an object, e.g. {}", id="list-for-object"),
        pytest.param({}, list, "a list, e.g. []", id="object-for-list"),
    ],
)
def test_check_names_path(value: object, kind: type[str], expected: str) -> None:
    """A value of another type is an error with its path, the type expected and an example."""
    with pytest.raises(BadRequest) as caught:
        check(value, kind, "parent.metadata.name")
    assert str(caught.value) == f"parent.metadata.name: expected {expected}"
    assert isinstance(caught.value, HookError)


@pytest.mark.parametrize("parent", [{}, {"key": None}], ids=["absent", "null"])
def test_null_is_absent(parent: JSON) -> None:
    """An optional field that is null is as good as absent; a required one must be there."""
    assert get(parent, "key", str, "at") is None
    assert get_object(parent, "key", "at") == {}
    assert get_text(parent, "key", "at") == ""
    with pytest.raises(BadRequest, match=r"^at\.key: expected an object"):
        require(parent, "key", dict, "at")


def test_present_is_returned() -> None:
    """A field that is there is returned as it is."""
    parent: JSON = {"text": "a", "object": {"b": 1}, "number": 0}
    assert get(parent, "number", int, "at") == 0
    assert get_object(parent, "object", "at") == {"b": 1}
    assert get_text(parent, "text", "at") == "a"
    assert require(parent, "number", int, "at") == 0


@pytest.mark.parametrize(("path", "named"), [("at", "at.key"), ("", "key")], ids=["deep", "top"])
def test_path_of_field(path: str, named: str) -> None:
    """An error names the field's whole path; at the top that is the field alone."""
    with pytest.raises(BadRequest, match=f"^{named}: expected a string"):
        get({"key": 1}, "key", str, path)
    with pytest.raises(BadRequest, match=f"^{named}: expected a string"):
        require({"key": 1}, "key", str, path)
