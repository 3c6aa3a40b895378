"""The check of filler words finds bad prose in modules, messages and pages, and nothing else.

Each name has one meaning in all of hooks/.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.style import FILLER, LIMIT, MIN_WORDS, ROOT, Share, check, messages, prose, share

PLAIN = "The binding names a registry and an identity. acrpull creates the Secret. "
RIDDLE = "It is what there is for one that has it. "
# The API of each version of bindings, the logger of each module, and the entry of each command.
SAME_EVERYWHERE = {"API", "log", "main"}


def module(prose: str) -> str:
    """Return the source of a module with the docstring *prose*."""
    return f'"""{prose}"""\n'


def docstrings(source: str) -> Share:
    """Return the share of the docstrings and comments in *source*."""
    return share("a.py", prose(source))


def write(root: Path, **modules: str) -> None:
    """Write *modules*, by name, below hooks/ in *root*."""
    for name, source in modules.items():
        path = root / "hooks/room" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)


@pytest.mark.parametrize("word", sorted(FILLER))
def test_filler_words(word: str) -> None:
    """Each filler word counts, in a docstring and in a comment, with a capital or with 's."""
    source = f'"""The {word.title()} binding"""\n\n\nclass A:\n    """{word}\'s"""\n\n# {word}, a\n'
    found = docstrings(source)
    assert (found.filler, found.words) == (3, 6)


@pytest.mark.parametrize(
    "source",
    [
        module("A binding `that = one` here"),
        module("A binding https://example.com/what/it/is here"),
        module("A binding metacontroller@v4.17.2:pkg/that/one.go here"),
        '"""A binding here"""\nthat = 1  # noqa: E501  it is that one\n',
        '"""A binding here"""\nthat = 1  # type: ignore[it]  # that one\n',
        '"""A binding here"""\nthat = "it is that one"\n',
    ],
    ids=["code", "URL", "source", "noqa", "type", "string"],
)
def test_no_prose(source: str) -> None:
    """Code, URLs, sources and comments for tools do not count."""
    found = docstrings(source)
    assert (found.filler, found.words) == (0, 3)


def test_bad_prose_fails(tmp_path: Path) -> None:
    """The failure names the module, the figure and the limit, and no other module."""
    write(tmp_path, good=module(PLAIN * 20), bad=module(PLAIN * 5 + RIDDLE * 5))
    with pytest.raises(SystemExit) as failed:
        check(tmp_path)
    assert str(failed.value).startswith(
        f"hooks/room/bad.py: 22.7 filler words per 100 words. The limit is {LIMIT}.\nRepeat the "
    )


def test_plain_prose(tmp_path: Path) -> None:
    """The worst modules are shown first."""
    write(tmp_path, good=module(PLAIN * 20), worse=module(PLAIN * 20 + RIDDLE))
    lines = check(tmp_path).splitlines()
    assert lines[0] == "hooks/room/worse.py: 2.0 filler words per 100 words"
    assert lines[1].startswith("hooks/room/good.py: 0.0 ")


def test_short_modules(tmp_path: Path) -> None:
    """Short modules are judged together."""
    assert len((PLAIN * 2).split()) < MIN_WORDS
    write(tmp_path, a=module(RIDDLE), **{f"b{number}": module(PLAIN * 2) for number in range(10)})
    assert check(tmp_path).startswith("all shorter modules: 2.0 ")
    write(tmp_path, **{f"c{number}": module(RIDDLE) for number in range(10)})
    with pytest.raises(SystemExit, match="all shorter modules"):
        check(tmp_path)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('raise E("Fix the spec that is invalid.")', ["Fix the spec that is invalid."]),
        ('f"Fix {name} of {it} now, please."', ["Fix `x` of `x` now, please."]),
        ('"""It is what it is."""\n\n\ndef a() -> None:\n    """It is that one."""\n', []),
        ('KEY = "it is short"', []),
    ],
    ids=["message", "f-string", "docstring", "short"],
)
def test_messages(source: str, found: list[str]) -> None:
    """A message is a string with several words. A docstring is not a message."""
    assert list(messages(source)) == found


def test_bad_messages_fail(tmp_path: Path) -> None:
    """All messages together have one limit."""
    write(tmp_path, good=module(PLAIN * 20), bad=f'TEXT = "{RIDDLE}"\n')
    with pytest.raises(SystemExit, match=r"^all messages: 50\.0 filler words per 100 words\."):
        check(tmp_path)


@pytest.mark.parametrize("page", ["README.md", "docs/page.md"])
def test_bad_page_fails(tmp_path: Path, page: str) -> None:
    """Each page has the limit. Code blocks and targets of links do not count."""
    write(tmp_path, good=module(PLAIN * 20))
    path = tmp_path / page
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{PLAIN * 5}\n```sh\n{RIDDLE}\n```\n[link](it-is-that-one.md)\n")
    assert f"{page}: 0.0 " in check(tmp_path)
    path.write_text(PLAIN + RIDDLE)
    with pytest.raises(SystemExit, match=rf"^{page}: 22\.7 filler words per 100 words\."):
        check(tmp_path)


def names_in(module: ast.Module) -> list[str]:
    """Return the names of the functions, classes and constants of *module*."""
    found = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [target.id for target in targets if isinstance(target, ast.Name)]
    return found


def test_one_meaning() -> None:
    """No two modules have the same name, and no two modules define the same public name."""
    places = defaultdict(set)
    for path in (ROOT / "hooks").rglob("*.py"):
        if not path.name.startswith("__"):
            places[path.name].add(path)
        for name in names_in(ast.parse(path.read_text("utf-8"))):
            if not name.startswith("_") and name not in SAME_EVERYWHERE:
                places[name].add(path)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
