"""Parses the YAML or JSON in a file like kubectl: YAML 1.1, several documents in a file."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from hooks.core.fields import JSON

# go-yaml reads 1e3 as a number, PyYAML as text.
# https://github.com/go-yaml/yaml/blob/v2.4.0/resolve.go (yamlStyleFloat)
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


class ManifestError(Exception):
    """A file cannot be parsed. The text is a single line, with the place if known."""


class _Loader(yaml.CSafeLoader):
    """Reads a date as a string, because JSON has no dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as in the base class
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


def parse_documents(data: bytes) -> list[Any]:
    """Return the documents in *data*, without empty ones. Raises `ManifestError`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"byte {error.start + 1}: not UTF-8") from None
    try:
        documents = [json.loads(text, object_pairs_hook=_object)]
    except (ValueError, RecursionError):
        documents = list(_parse_yaml(text))
    return [document for document in documents if document is not None]


def _object(pairs: list[tuple[str, Any]]) -> JSON:
    """Return *pairs* as an object. Raises `ValueError` for duplicate keys; YAML names the place."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate keys")
    return found


def _parse_yaml(text: str) -> Iterator[Any]:
    try:
        loader = _Loader(text)
        while loader.check_node() and (node := loader.get_node()):
            _check_keys(node)
            # Keys become strings, as in JSON.
            yield json.loads(json.dumps(loader.construct_document(node), allow_nan=False))
    except yaml.YAMLError as error:
        raise ManifestError(_one_line(error)) from None
    except RecursionError:
        raise ManifestError("nested too deep") from None
    except (ValueError, LookupError, TypeError) as error:  # e.g. `!!int x`, `.nan`
        raise ManifestError(f"cannot be represented as JSON: {_joined(error)}") from None


def _check_keys(node: yaml.Node) -> None:
    """Reject duplicate keys: a reviewer may see one value while the parser uses the other.

    Raises `yaml.MarkedYAMLError`.
    """
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_keys(child)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    text = f"the key {json.dumps(key.value)} occurs twice"
                    raise yaml.MarkedYAMLError(problem=text, problem_mark=key.start_mark)
                seen.add(key.value)
            _check_keys(value)


def _one_line(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return _joined(error)
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return place + _joined(error.problem or error.context)


def _joined(text: object) -> str:
    return " ".join(str(text).split())
