"""The fenced blocks of what people read: what language, where they are run, and their text.

The first word behind a fence is the language, which is all that a page shows; the second our mark.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE: Final = re.compile(r"(?ms)^```([^\n]*)\n(.*?)^```$")


@dataclass(frozen=True)
class Block:
    """A block of *page*, the *number*th, in *language*; *mark* is the word behind that, or ""."""

    page: str
    number: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        """Name it in a test's id."""
        return f"{self.page} {self.number}: {self.text.splitlines()[0][:40]}"


def blocks() -> list[Block]:
    """Return those of all pages, in their order."""
    found = []
    for page in PAGES:
        for number, (info, text) in enumerate(FENCE.findall(page.read_text("utf-8")), 1):
            language, _, mark = info.partition(" ")
            found.append(Block(page.name, number, language, mark, text))
    return found


def commands(mark: str) -> list[Block]:
    """Return the blocks of commands that have *mark*."""
    return [block for block in blocks() if block.language == "sh" and block.mark == mark]
