"""The pages for people, and the fenced code blocks on them.

The first word after a fence is the language. GitHub does not show the second word, the mark. The
mark shows which test runs the commands of the block.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
INDEX: Final = "docs/README.md"
FENCE: Final = re.compile(r"(?ms)^( *)```([^\n]*)\n(.*?)^\1```$")  # a block in a list is indented


def page_name(page: Path) -> str:
    """Return the name of *page* in the results of tests. Only the index has a folder in it."""
    path = page.relative_to(ROOT).as_posix()
    return path if path == INDEX else page.name


@dataclass(frozen=True)
class Block:
    """A code block: the *number*th of *page*, counted from 1.

    *mark* is the second word after the fence, or "".
    """

    page: str
    number: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        """Return the block's name in the id of a test."""
        return f"{self.page} {self.number}: {self.text.splitlines()[0][:40]}"


def blocks_in(page: Path) -> list[Block]:
    """Return the blocks of *page*, in order."""
    found = []
    for number, (_, info, text) in enumerate(FENCE.findall(page.read_text("utf-8")), 1):
        language, _, mark = info.partition(" ")
        found.append(Block(page_name(page), number, language, mark, dedent(text)))
    return found


def blocks() -> list[Block]:
    """Return the blocks of all pages, in order."""
    return [block for page in PAGES for block in blocks_in(page)]


def commands(mark: str) -> list[Block]:
    """Return the blocks of shell commands with *mark*."""
    return [block for block in blocks() if block.language == "sh" and block.mark == mark]
