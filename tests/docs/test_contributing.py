"""What contributors are told works: recipes, hooks before a commit, paths that are named."""

from __future__ import annotations

import ast
import re
import shlex

import pytest

from tests.docs.pages import DOCS, ROOT, prose

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


def without_recipes() -> str:
    """The page but for what recipes are about to make (tests/harness/recipes.py)."""
    text = prose(PAGE)
    for title in ("Recipes", "A storage"):
        before, _, rest = text.partition(f"\n## {title}\n")
        text = before + "\n## " + rest.partition("\n## ")[2]
    return text


def test_the_hooks_before_a_commit_are_what_ci_checks() -> None:
    hooks = re.findall(
        r"^ +entry: \.build/venv/bin/python (-m .+)$",
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


@pytest.mark.parametrize(
    "name",
    sorted(
        set(re.findall(r"`((?:tests|docs|worker|app|public|\.ci)/[\w./-]+)`", without_recipes()))
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
