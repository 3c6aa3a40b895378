"""Checks specs against `spec.json`, the CRD's schema in the service's hands.

The only importer of jsonschema.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Final

from jsonschema import Draft202012Validator

MAX_SHOWN: Final = 80  # characters of a user's value in a message
MAX_CHARACTERS: Final = 4096  # more than the maximal lengths of all fields together
MAX_REMEMBERED: Final = 1024  # specs

_SPEC: Final = json.loads(files(__name__).joinpath("spec.json").read_text("utf-8"))
_VALIDATOR: Final = Draft202012Validator(_SPEC)


def check_spec(spec: object) -> str | None:
    """Return what is wrong with *spec*, decoded JSON, in one line; None if nothing is.

    The line names the field and shows a valid example.
    """
    text = json.dumps({} if spec is None else spec)
    if len(text) > MAX_CHARACTERS:
        return f"spec: over {MAX_CHARACTERS} characters, longer than all its fields can be"
    return _check(text)


@lru_cache(MAX_REMEMBERED)
def _check(text: str) -> str | None:
    """Check a spec by its JSON: Metacontroller sends the same ones over and over."""
    error = next(_VALIDATOR.iter_errors(json.loads(text)), None)
    if error is None:
        return None
    field = ".".join(("spec", *(str(part) for part in error.absolute_path)))
    if error.validator == "additionalProperties":
        known = ", ".join(_SPEC["properties"])
        unknown = min(set(error.instance) - set(_SPEC["properties"]))
        return f"{field}: unknown field {_shown(unknown)}; known are {known}"
    if error.schema is False or not isinstance(error.schema, dict):
        return "spec: give at most one of managedIdentityClientID and managedIdentityResourceID"
    schema = error.schema
    example = f"; e.g. {schema['examples'][0]}" if "examples" in schema else ""
    return f"{field}: {_shown(error.instance)} is not {schema['title']}{example}"


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
