"""One template for all variants of an object.

A variant is an object as some installs contain it. The template contains the common parts of all
variants once, and the other parts under conditions on the components.
"""

import json
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import Any, Final

import yaml

from tests.chart.condition import Conditions

Variants = Mapping[int, Any]  # {set of installs: value}, disjoint sets
Path = tuple[str, ...]
Fill = Callable[[Path, str], str]
LONG: Final = 100
IDENTITIES: Final = ("name", "mountPath", "containerPort")


class Writer:
    """Writes templates. *fill* returns the text for a path of an object, from the text so far."""

    def __init__(self, conditions: Conditions, fill: Fill) -> None:
        self._conditions = conditions
        self._fill = fill

    def fields(self, variants: Variants, path: Path = ()) -> str:
        """Return the fields of objects, without indentation."""
        blocks = []
        for key in merged([list(value) for value in variants.values()]):
            present = {bits: value[key] for bits, value in variants.items() if key in value}
            inner = (*path, key)
            blocks.append((union(present), self._fill(inner, self._field(key, present, inner))))
        return self._guarded(blocks, union(variants))

    def _field(self, key: str, variants: Variants, path: Path) -> str:
        values = list(variants.values())
        if all(isinstance(value, dict) and value for value in values):
            return f"{key}:\n{indent(self.fields(variants, path), '  ')}"
        if all(isinstance(value, list) and value for value in values):
            items = self._items(variants, path)
            if items:
                return f"{key}:\n{indent(items, '  ')}"
        return self._alternatives(key, variants)

    def _items(self, variants: Variants, path: Path) -> str:
        """Return the items of lists, or "" if the items of the lists do not correspond."""
        named: dict[int, dict[Any, Any]]
        if len({len(items) for items in variants.values()}) == 1:
            named = {bits: dict(enumerate(items)) for bits, items in variants.items()}
        else:
            named = {bits: {identity(i): i for i in items} for bits, items in variants.items()}
            if any(len(named[bits]) < len(items) for bits, items in variants.items()):
                return ""
        blocks = []
        for name in merged([list(items) for items in named.values()]):
            present = {bits: items[name] for bits, items in named.items() if name in items}
            values = list(present.values())
            if all(isinstance(value, dict) for value in values):
                text = indent(self.fields(present, (*path, identity(values[0]))), "  ")
                text = f"-\n{text}" if text.startswith("  {{-") else f"-{text[1:]}"
            elif all(value == values[0] for value in values):
                text = dump([values[0]])
            else:
                return ""
            blocks.append((union(present), text))
        return self._guarded(blocks, union(variants))

    def _alternatives(self, key: str, variants: Variants) -> str:
        """Return the field *key* once for each value."""
        texts: dict[str, int] = {}
        for bits, value in variants.items():
            text = dump({key: value})
            texts[text] = texts.get(text, 0) | bits
        context = union(variants)
        lines: list[str] = []
        while len(texts) > 1:
            condition, text = min(
                (self._conditions.find(bits, context), text) for text, bits in texts.items()
            )
            lines += [f"{{{{- {'else if' if lines else 'if'} {condition} }}}}", text]
            context &= ~texts.pop(text)
        (last,) = texts
        return "\n".join((*lines, "{{- else }}", last, "{{- end }}")) if lines else last

    def _guarded(self, blocks: list[tuple[int, str]], context: int) -> str:
        """Return the *blocks* in their order, under conditions if some installs lack them."""
        lines: list[str] = []
        open_bits = context
        for bits, text in blocks:
            if bits != open_bits:
                if open_bits != context:
                    lines.append("{{- end }}")
                if bits != context:
                    lines.append(f"{{{{- if {self._conditions.find(bits, context)} }}}}")
                open_bits = bits
            lines.append(text)
        if open_bits != context:
            lines.append("{{- end }}")
        return "\n".join(lines)


def union(variants: Variants) -> int:
    """Return the installs of all variants."""
    return sum(variants)


def identity(item: Any) -> str:  # noqa: ANN401  any JSON
    """Return the name by which an item of a list is found in another list."""
    if isinstance(item, dict):
        for key in IDENTITIES:
            if key in item:
                return str(item[key])
    return json.dumps(item, sort_keys=True)


def merged(lists: list[list[Any]]) -> list[Any]:
    """Return all items of *lists* in an order that fits each list.

    Raises:
        ValueError: There is no such order, or this simple method does not find the order.
    """
    result: list[Any] = []
    for items in sorted(lists, key=len, reverse=True):
        position = 0
        for item in items:
            if item not in result:
                result.insert(position, item)
            elif result.index(item) < position:
                message = f"{item} is in two orders"
                raise ValueError(message)
            position = result.index(item) + 1
    return result


class _Dumper(yaml.SafeDumper):
    """Indents lists, and folds long text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else ">" if len(text) > LONG else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(value: Any) -> str:  # noqa: ANN401  any JSON
    """Return *value* as YAML in a template that shows its braces."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=LONG)
    return text.rstrip("\n").replace("{{", '{{ "{{" }}')
