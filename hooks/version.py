"""The version of acrpull, from the file VERSION."""

from pathlib import Path
from typing import Final

VERSION: Final = Path(__file__).with_name("VERSION").read_text("ascii").strip()
