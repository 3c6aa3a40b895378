"""The share of filler words in pages, and in `hooks/`: `python -m tests.style`.

Pages are the Markdown files in the root folder and in docs/. In `hooks/` the docstrings and
comments count by module, and the messages together. Filler words replace a noun that the reader
then has to find. Plain technical prose has about 4 per 100 words.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs import FENCE

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = "hooks"
LIMIT: Final = 4.0  # filler words per 100 words
FILLER: Final = frozenset(
    (
        *("that", "which", "what", "who", "whoever", "where", "one", "it", "those"),
        *("so", "thereby", "hence", "likewise"),
    )
)
MIN_WORDS: Final = 60  # one word more changes the share of a shorter text by more than 1.6
SHORT: Final = "all shorter modules"
MESSAGES: Final = "all messages"
MIN_SPACES: Final = 3  # a shorter string is a name or a key
SHOWN: Final = 3
LINK_TARGET: Final = re.compile(r"\]\([^)\s]*\)")
# Code, `repository@commit:path`, and URLs.
NO_PROSE: Final = re.compile(r"`[^`\n]*`|\S+@\S+|https?://\S+")
DIRECTIVE: Final = re.compile(r"#\s*(?:noqa|type:)")
WORD: Final = re.compile(r"([a-z]+)(?:'[a-z]+)?")  # without 's, 're, n't


@dataclass(frozen=True, slots=True)
class Share:
    """The filler words among the *words* of the text *name*."""

    name: str
    filler: int
    words: int

    @property
    def limit(self) -> float:
        """The largest number of filler words per 100 words."""
        return LIMIT

    @property
    def percent(self) -> float:
        """The number of filler words per 100 words."""
        return 100 * self.filler / max(1, self.words)

    def __str__(self) -> str:
        """Return the name and the figure."""
        return f"{self.name}: {self.percent:.1f} filler words per 100 words"


def documented(tree: ast.AST) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef]:
    """Yield the nodes of *tree* that have a docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            yield node


def prose(source: str) -> Iterator[str]:
    """Yield the docstrings and comments of a module, without comments for tools."""
    for node in documented(ast.parse(source)):
        yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not DIRECTIVE.match(token.string):
            yield token.string


def messages(source: str) -> Iterator[str]:
    """Yield the sentences among a module's strings. A value inside an f-string becomes `x`."""
    tree = ast.parse(source)
    seen = {
        id(node.body[0].value) for node in documented(tree) if isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = ""
        if isinstance(node, ast.JoinedStr):
            seen |= {id(part) for part in node.values}
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "`x`" for part in node.values
            )
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen
        ):
            text = node.value
        if text.count(" ") >= MIN_SPACES:
            yield text


def page_prose(text: str) -> str:
    """Return the page *text* without code blocks and the targets of links."""
    return LINK_TARGET.sub("]", FENCE.sub("", text))


def share(name: str, texts: Iterable[str]) -> Share:
    """Return the share of filler words in *texts*, under the name *name*."""
    words = WORD.findall(NO_PROSE.sub("", "\n".join(texts)).lower())
    return Share(name, sum(word in FILLER for word in words), len(words))


def shares(root: Path) -> list[Share]:
    """Return the shares of the pages, modules and messages under *root*, the worst first.

    Short modules have one share, and messages have one share.
    """
    sources = {
        path.relative_to(root).as_posix(): path.read_text("utf-8")
        for path in sorted((root / FOLDER).rglob("*.py"))
    }
    found = [share(name, prose(source)) for name, source in sources.items()]
    pages = [
        share(path.relative_to(root).as_posix(), [page_prose(path.read_text("utf-8"))])
        for path in (*root.glob("*.md"), *root.glob("docs/*.md"))
    ]
    said = share(MESSAGES, (text for source in sources.values() for text in messages(source)))
    short = [each for each in found if each.words < MIN_WORDS]
    together = Share(SHORT, sum(s.filler for s in short), sum(s.words for s in short))
    long = [each for each in found if each.words >= MIN_WORDS]
    return sorted([*long, together, *pages, said], key=lambda each: each.percent, reverse=True)


def check(root: Path) -> str:
    """Return the worst texts under *root*.

    Raises:
        SystemExit: The share of a text is above its limit; the message names every such text.
    """
    found = shares(root)
    if not any(each.words for each in found):
        raise SystemExit(f"No text found in {root / FOLDER}.")
    bad = [each for each in found if each.percent > each.limit]
    if bad:
        raise SystemExit(
            "\n".join(f"{each}. The limit is {each.limit}." for each in bad)
            + f"\nRepeat the noun instead of: {', '.join(sorted(FILLER))}."
        )
    return "\n".join(map(str, found[:SHOWN])) + "\n"


if __name__ == "__main__":
    sys.stdout.write(check(ROOT))
