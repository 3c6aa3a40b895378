"""Parses the YAML or JSON in a file like kubectl: YAML 1.1, several documents in a file.

A file in a pull request is not trusted, so its size and depth are limited.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from hooks.core.fields import JSON

MAX_BYTES: Final = 4 * 1024 * 1024  # some 1,000 bindings as from `kubectl get -o json`
MAX_DEPTH: Final = 100
ALIAS_CHARACTERS: Final = 100_000  # in the nodes that aliases stand for

PREFIX: Final = "tag:yaml.org,2002:"
KNOWN_TAGS: Final = ("null", "bool", "int", "float", "str", "seq", "map")
# go-yaml reads 1e3 as a number, PyYAML as text.
# https://github.com/go-yaml/yaml/blob/v2.4.0/resolve.go (yamlStyleFloat)
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


class ManifestError(Exception):
    """A file that cannot be parsed; the text is one line with the place."""


class _Loader(yaml.CSafeLoader):
    """Constructs JSON values only: a date stays a string."""

    yaml_constructors = {  # noqa: RUF012  as in the base class
        tag: make
        for tag, make in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(PREFIX) in KNOWN_TAGS
    }
    yaml_implicit_resolvers = {  # noqa: RUF012  as in the base class
        first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{PREFIX}timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(f"{PREFIX}float", FLOAT, list("-+.0123456789"))


def parse_documents(data: bytes) -> list[Any]:
    """Return the documents in *data* that are not empty. Raises `ManifestError`."""
    if len(data) > MAX_BYTES:
        raise ManifestError(f"over {MAX_BYTES} bytes. Check fewer bindings at a time.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"byte {error.start + 1}: not UTF-8") from None
    try:
        documents = [json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)]
    except (ValueError, RecursionError):
        documents = list(_parse_yaml(text))
    return [document for document in documents if document is not None]


def _object(pairs: list[tuple[str, Any]]) -> JSON:
    found: JSON = {}
    for key, value in pairs:
        if key in found:
            raise ManifestError(f"the key {json.dumps(key)} occurs twice in one object")
        found[key] = value
    return found


def _no_number(text: str) -> None:
    raise ManifestError(f"{text} is not a number in JSON; e.g. 1")


def _parse_yaml(text: str) -> Iterator[Any]:
    strange = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if strange:
        raise ManifestError(f"{_place(text, strange.start())}: invalid character")
    try:
        loader = _Loader(text)
        while loader.check_node() and (node := loader.get_node()):
            _check_node(node, 2 * len(text) + ALIAS_CHARACTERS)
            # Keys become strings, as in JSON.
            yield json.loads(json.dumps(loader.construct_document(node), allow_nan=False))
    except yaml.MarkedYAMLError as error:
        raise ManifestError(_one_line(error)) from None
    except (ValueError, LookupError, TypeError) as error:  # e.g. `!!int x`, `.nan`
        raise ManifestError(f"cannot be represented as JSON: {_first_line(error)}") from None


def _check_node(node: yaml.Node, left: int, depth: int = 0) -> int:
    """Return *left* minus the characters of *node*, in which aliases are expanded."""
    children: list[yaml.Node] = []
    if isinstance(node, yaml.ScalarNode):
        left -= len(node.value)
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    elif isinstance(node, yaml.MappingNode):
        _check_keys(node)
        children = [child for pair in node.value for child in pair]
    left -= 1
    if left < 0 or depth > MAX_DEPTH:
        text = "aliases make it too large" if left < 0 else "nested too deep"
        raise yaml.MarkedYAMLError(problem=text, problem_mark=node.start_mark)
    for child in children:
        left = _check_node(child, left, depth + 1)
    return left


def _check_keys(node: yaml.MappingNode) -> None:
    """Reject duplicate keys: a reviewer may see one value while the parser uses the other."""
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                text = f"the key {json.dumps(key.value)} occurs twice"
                raise yaml.MarkedYAMLError(problem=text, problem_mark=key.start_mark)
            seen.add(key.value)


def _one_line(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + " ".join(str(error.problem or error.context).split())


def _place(text: str, position: int) -> str:
    line_start = text.rfind("\n", 0, position) + 1
    return f"line {text.count(chr(10), 0, position) + 1}, column {position - line_start + 1}"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")
