"""What contributors are told works: recipes, hooks before a commit, paths that are named."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
import sqlite3
from pathlib import Path

import pytest

from session.errors import FunctionFailed
from session.functions import Functions
from tests.docs.pages import DOCS, ROOT, blocks, prose

PAGE = DOCS / "contributing.md"
FOR_THE_FORGE = sorted(path for path in (ROOT / ".github").rglob("*") if path.is_file())


def checks_of_ci() -> list[list[str]]:
    """The commands that ``python3 -m tests`` runs before pytest, from its source."""
    source = ast.parse((ROOT / "tests" / "__main__.py").read_text(encoding="utf-8"))
    return [
        [str(argument.value) for argument in node.args[1:] if isinstance(argument, ast.Constant)]
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "check"
    ]


def test_the_hooks_before_a_commit_are_what_ci_checks() -> None:
    hooks = re.findall(
        r"^ +entry: \.build/venv/bin/python -m (.+)$",
        (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    checks = checks_of_ci()
    assert len(checks) >= 3
    assert [shlex.split(hook) for hook in hooks] == checks


def test_the_hooks_before_a_commit_fetch_nothing() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"^ +-? ?repo: (.+)$", text, re.MULTILINE)) == {"local"}
    assert set(re.findall(r"^ +language: (.+)$", text, re.MULTILINE)) == {"system"}


def test_an_sql_function_is_added_as_the_page_says(tmp_path: Path) -> None:
    (recipe,) = [block.code for block in blocks(PAGE) if block.language == "python"]
    (sql,) = [block.code for block in blocks(PAGE) if block.language == "sql"]
    (query, told) = re.findall(r"^(SELECT .+;)  -- → (.+)$", sql, re.MULTILINE)[0]
    module = tmp_path / "with_one_more.py"
    original = (ROOT / "worker" / "sql_functions.py").read_text(encoding="utf-8")
    module.write_text(f"{original}\n\n{recipe}", encoding="utf-8")
    spec = importlib.util.spec_from_file_location(module.stem, module)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    con = sqlite3.connect(":memory:")
    functions = Functions(con, lambda: None)
    for function in loaded.FUNCTIONS:
        functions.register(function)
    assert con.execute(query).fetchone() == (told,)
    assert con.execute("SELECT initials(NULL), levenshtein('ab', 'b')").fetchone() == (None, 1)
    with pytest.raises(FunctionFailed, match="it takes a text: use CAST"), functions.told():
        con.execute("SELECT initials(1)")
    con.close()


@pytest.mark.parametrize(
    "name",
    sorted(
        set(re.findall(r"`((?:tests|docs|worker|app|public|\.ci)/[\w./-]+)`", prose(PAGE)))
        | {
            name
            for path in FOR_THE_FORGE
            for name in re.findall(r"\b(docs/[\w.]+\w|[A-Z]+\.md)\b", path.read_text("utf-8"))
        }
    ),
)
def test_each_path_that_contributors_are_told_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_a_stranger_is_led_to_the_private_way_for_weaknesses() -> None:
    form = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")
    assert "SECURITY.md" in form
    assert "../SECURITY.md" in PAGE.read_text(encoding="utf-8")


def test_the_glossary_has_each_term_once_and_in_one_sentence() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^- \*\*(.+?)\*\*(?: \([^)]+\))?: ((?:.+\n)(?:  .+\n)*)", text, re.M)
    assert len(entries) == len(re.findall(r"^- ", text, re.M)) > 50
    terms = [term for named, _ in entries for term in named.split(", ")]
    assert len(terms) == len(set(terms))
    for term, meaning in entries:
        sentence = " ".join(meaning.split())
        assert sentence.endswith("."), term
        assert ". " not in sentence, term
