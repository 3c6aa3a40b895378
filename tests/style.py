"""The share of filler words in the docstrings and comments of `hooks/`: `python -m tests.style`.

Filler words replace a noun that the reader then has to find. Plain technical prose has about 4
per 100 words.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = "hooks"
LIMIT: Final = 4.5  # filler words per 100 words
FILLER: Final = frozenset(
    (
        *("that", "which", "what", "who", "whoever", "where", "one", "it", "those"),
        *("so", "thereby", "hence", "likewise"),
    )
)
MIN_WORDS: Final = 60  # one word more changes the share of a shorter text by more than 1.6
SHORT: Final = "all shorter modules"
SHOWN: Final = 3
# Code, `repository@commit:path`, and URLs.
NO_PROSE: Final = re.compile(r"`[^`\n]*`|\S+@\S+|https?://\S+")
DIRECTIVE: Final = re.compile(r"#\s*(?:noqa|type:)")
WORD: Final = re.compile(r"([a-z]+)(?:'[a-z]+)?")  # without 's, 're, n't


@dataclass(frozen=True, slots=True)
class Share:
    """The filler words among the *words* of the module *name*."""

    name: str
    filler: int
    words: int

    @property
    def percent(self) -> float:
        """The number of filler words per 100 words."""
        return 100 * self.filler / max(1, self.words)

    def __str__(self) -> str:
        """Return the module and its figure."""
        return f"{self.name}: {self.percent:.1f} filler words per 100 words"


def prose(source: str) -> Iterator[str]:
    """Yield the docstrings and comments of a module, without comments for tools."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            yield token.string


def share(name: str, source: str) -> Share:
    """Return the share of filler words in the module *name* with the text *source*."""
    words = WORD.findall(NO_PROSE.sub("", "\n".join(prose(source))).lower())
    return Share(name, sum(word in FILLER for word in words), len(words))


def shares(root: Path) -> list[Share]:
    """Return the share of each module under *root*, the worst first; short modules have one."""
    found = [
        share(path.relative_to(root).as_posix(), path.read_text("utf-8"))
        for path in (root / FOLDER).rglob("*.py")
    ]
    short = [each for each in found if each.words < MIN_WORDS]
    together = Share(SHORT, sum(s.filler for s in short), sum(s.words for s in short))
    long = [each for each in found if each.words >= MIN_WORDS]
    return sorted([*long, together], key=lambda each: each.percent, reverse=True)


def check(root: Path) -> str:
    """Return the worst modules under *root*.

    Raises:
        SystemExit: The share of a module is above `LIMIT`; the text names every such module.
    """
    found = shares(root)
    if not any(each.words for each in found):
        raise SystemExit(f"No text found in {root / FOLDER}.")
    bad = [each for each in found if each.percent > LIMIT]
    if bad:
        raise SystemExit(
            "\n".join(f"{each}. The limit is {LIMIT}." for each in bad)
            + f"\nRepeat the noun instead of: {', '.join(sorted(FILLER))}."
        )
    return "\n".join(map(str, found[:SHOWN])) + "\n"


if __name__ == "__main__":
    sys.stdout.write(check(ROOT))
