"""The page's texts: each key is in the catalogue and used, with its parameters; none is in code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import serve
from core.commands import Commands
from core.messages import text
from core.settings import SETTINGS, Choice
from worker.build import catalogue, packing

from .coded import SECTIONS, WORKER, called, coded, constants, tree_of

APP = serve.ROOT / "app"
MODULES = sorted(APP.rglob("*.py"))
SCRIPTS = sorted(APP.rglob("*.mjs"))
TEXTS = packing.messages()
CODED = coded()

#: What shows its arguments to a person, and the attributes that do.
SHOWING = re.compile(
    r"(\w+\.)*(status\.(say|say_copied|tick|reached)|trouble\.(show|show_text)|dialogs\.ask)"
    r"|dom\.(make|fill|shown|named)|ask|self\.(say|tick|show_text)"
)
SHOWN_ARGUMENTS = {"title", "where", "aria_label", "placeholder", "field", "alt"}
SHOWN_ATTRIBUTES = {"textContent", "title", "placeholder"}

#: Classes of buttons, which stand beside their names.
STYLES = {"primary", "danger", "quiet"}

PROSE = re.compile(r"[A-Za-z]{2,} [A-Za-z]|^[A-Z][a-z]|[…“”]")

#: A key as commands have it.
KEY = re.compile(r"((Mod|Ctrl|Alt|Shift|Meta)-)+\S+")

#: Looks like a text and is none: types of errors, keys, names of the browser, SQL, CSS.
NO_TEXTS = {
    *("Cancelled", "CursorClosed", "ImportDoubtful", "MixedVersions", "NameExists"),
    "OperationalError",
    *(
        "NoDatabase",
        "OutcomeUnknown",
        "Restarted",
        "SessionLost",
        "TransactionLost",
        "WrongDatabase",
    ),
    *("ArrowDown", "ArrowLeft", "ArrowRight", "ArrowUp", "Enter", "Escape", "Files", "Mac"),
    *("Home", "End"),
    *("Ctrl", "Mod"),  # on the keys themselves, and in the names of keys
    "SELECT * FROM {} LIMIT {};",
    "(max-width: 760px)",
    "recovered.db",
    "…",  # of what is cut
}


def name_of(path: Path) -> str:
    return path.relative_to(APP).as_posix()


def look_ups(path: Path) -> Iterator[tuple[ast.Call, list[str], set[str]]]:
    """The calls of text(): the keys, if they are literals; and the names of the values."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "text":
            (key,) = node.args
            choices = [key.body, key.orelse] if isinstance(key, ast.IfExp) else [key]
            literal = all(isinstance(choice, ast.Constant) for choice in choices)
            keys = [each for choice in choices for each in constants(choice)] if literal else []
            yield node, keys, {keyword.arg or "**" for keyword in node.keywords}


def commands() -> set[str]:
    """The names of the commands that features add."""
    return {
        name
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and called(node) == "add" and node.args
        for name in constants(node.args[0])
    }


def errors_of(rule: str, found: Iterator[str] | list[str]) -> None:
    """Fails with every violation of a rule, one on a line."""
    violations = sorted(found)
    assert not violations, "\n".join([f"{rule}:", *violations])


def test_each_key_that_is_looked_up_is_in_the_catalogue() -> None:
    errors_of(
        "no such text",
        (
            f"{name_of(path)}:{node.lineno} {key}"
            for path in MODULES
            for node, keys, _ in look_ups(path)
            for key in keys
            if key not in TEXTS
        ),
    )


def test_what_looks_like_a_key_is_in_the_catalogue_or_names_a_command() -> None:
    sections = {key.partition(".")[0] for key in TEXTS}
    form = re.compile(rf"({'|'.join(sections)})\.[a-z-]+")
    known = TEXTS.keys() | commands() | {"storage.measure"}
    errors_of(
        "neither a text nor a command",
        (
            f"{name_of(path)}: {value}"
            for path in MODULES
            for value in constants(tree_of(path))
            if form.fullmatch(value) and value not in known
        ),
    )


def test_each_text_of_the_catalogue_is_used() -> None:
    used = {value for path in MODULES for value in constants(tree_of(path))}
    used |= {f"command.{name}" for name in commands()} | set(CODED) | set(of_settings())
    used |= {key for key in TEXTS if key.startswith("setting.") and key.endswith("-note")}
    errors_of("nothing uses", [key for key in TEXTS if key not in used])


def test_each_look_up_gives_the_parameters_of_its_text_and_no_others() -> None:
    errors_of(
        "the parameters do not match",
        (
            f"{name_of(path)}:{node.lineno} {key}: {sorted(parameters)}, not {sorted(values)}"
            for path in MODULES
            for node, keys, values in look_ups(path)
            for key in keys
            if (parameters := catalogue.parameters(TEXTS[key])) != values
        ),
    )


def of_settings() -> Iterator[str]:
    """The keys of the texts of all settings that a person sees, and of their headings."""
    for setting in SETTINGS:
        if setting.shown is not None:
            yield f"settings.{setting.shown}"
            yield f"setting.{setting.name}"
            values = setting.kind.values if isinstance(setting.kind, Choice) else ()
            yield from (f"setting.{setting.name}-{value}" for value in values)


def test_each_setting_that_a_person_sees_has_its_texts() -> None:
    errors_of("no such text", [key for key in of_settings() if key not in TEXTS])


def test_each_code_of_an_error_or_a_hint_has_its_text() -> None:
    errors_of("no text for the code", [key for key in CODED if key not in TEXTS])


def test_each_error_of_an_import_has_a_code_and_coded_hints() -> None:
    of_imports = {"ImportRejected", "NotADatabase", "EncodingError", "DelimitedError"}
    errors_of(
        "a sentence without a code",
        (
            f"{path.name}:{node.lineno}"
            for path in WORKER
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Call) and called(node) in of_imports
            if "code" not in {keyword.arg for keyword in node.keywords}
            or any(is_sentence(keyword) for keyword in node.keywords)
        ),
    )


def is_sentence(keyword: ast.keyword) -> bool:
    """Whether it is a hint in words."""
    return keyword.arg == "hint" and isinstance(keyword.value, ast.Constant | ast.JoinedStr)


def test_the_worker_gives_the_parameters_of_the_texts_of_its_codes() -> None:
    errors_of(
        "parameters that the worker does not give",
        (
            f"{key}: {sorted(missing)}"
            for key, calls in CODED.items()
            for call in calls
            if (missing := catalogue.parameters(TEXTS[key]) - given_by(call))
        ),
    )


def given_by(call: ast.Call) -> set[str]:
    """The names of the parameters that a call gives to an error or to a hint."""
    given = {keyword.arg for keyword in call.keywords if keyword.arg} - {"code", "hint"}
    if called(call) in SECTIONS and len(call.args) > 1:
        given |= set(constants(call.args[1]))
    return given


def test_the_worker_s_message_of_a_code_says_what_the_page_says() -> None:
    different = []
    for key, calls in CODED.items():
        for call in calls:
            message = call.args[0] if called(call) not in SECTIONS | {"make_error": ""} else None
            if isinstance(message, ast.Constant | ast.JoinedStr):
                # A value of the worker may be a word that the page's text has.
                said = ".+".join(map(re.escape, pieces_of(message)))
                if not re.fullmatch(said, str(TEXTS[key])):
                    different.append(f"{key}: {ast.unparse(message)}, not {TEXTS[key]!r}")
    errors_of("the worker says it otherwise", different)


def pieces_of(message: ast.Constant | ast.JoinedStr) -> list[str]:
    """What stands in a message between its values."""
    if isinstance(message, ast.Constant):
        return [str(message.value)]
    parts = (part.value if isinstance(part, ast.Constant) else "\0" for part in message.values)
    return "".join(map(str, parts)).split("\0")


def test_a_text_that_is_looked_up_by_a_variable_gets_its_parameters_in_that_module() -> None:
    missing = []
    for path in MODULES:
        known = {key for _, keys, _ in look_ups(path) for key in keys}
        given = [values for _, keys, values in look_ups(path) if not keys]
        for key in set(constants(tree_of(path))) & TEXTS.keys() - known:
            parameters = catalogue.parameters(TEXTS[key])
            if parameters and not any(parameters <= values for values in given):
                missing.append(f"{name_of(path)}: {key}: {sorted(parameters)}")
    errors_of("nothing gives the parameters", missing)


def test_nothing_that_is_shown_is_written_in_the_code() -> None:
    errors_of(
        "a text for people belongs into app/messages/en.toml",
        (
            f"{name_of(path)}:{node.lineno} {value!r}"
            for path in MODULES
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.expr | ast.stmt)
            for shown in shown_by(node)
            for value in own_constants(shown)
            if re.search("[A-Za-z]", value) and value not in TEXTS.keys() | STYLES | NO_TEXTS
        ),
    )


def shown_by(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that a statement or a call shows."""
    if isinstance(node, ast.Assign):
        targets = (each for each in node.targets if isinstance(each, ast.Attribute))
        if any(target.attr in SHOWN_ATTRIBUTES for target in targets):
            yield node.value
    if not isinstance(node, ast.Call) or not SHOWING.fullmatch(ast.unparse(node.func)):
        return
    yield from node.args[called(node) == "make" :]
    yield from (each.value for each in node.keywords if each.arg in SHOWN_ARGUMENTS)


def own_constants(node: ast.AST) -> Iterator[str]:
    """The strings that an expression may be: those in calls and subscripts are for them."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
        return
    if isinstance(node, ast.Call):
        if called(node) in {"format", "join"}:
            yield from own_constants(node.func)
        return
    if isinstance(node, ast.Subscript | ast.Compare):
        return
    children: Iterable[ast.AST] = ast.iter_child_nodes(node)
    if isinstance(node, ast.IfExp):
        children = (node.body, node.orelse)
    for child in children:
        yield from own_constants(child)


def test_nothing_that_reads_like_a_text_is_written_in_the_code() -> None:
    errors_of(
        "a text for people belongs into app/messages/en.toml",
        (
            f"{name_of(path)}:{node.lineno} {node.value!r}"
            for path in MODULES
            for node in prose(tree_of(path))
            if node.value not in NO_TEXTS
        ),
    )


def prose(tree: ast.Module) -> Iterator[ast.Constant]:
    """The strings that read like a text; not docstrings, types, errors of the program, logs."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        skip: list[ast.AST | None] = []
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skip.append(node.value)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            skip.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            skip.append(node.returns)
        elif isinstance(node, ast.Raise) or is_log(node) or is_unread(node):
            skip.append(node)
        skipped |= {id(each) for one in skip if one is not None for each in ast.walk(one)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) in skipped or KEY.fullmatch(node.value):
            continue
        if PROSE.search(node.value):
            yield node


def is_unread(node: ast.AST) -> bool:
    """Whether it is an argument that nobody reads: a class of CSS."""
    return isinstance(node, ast.keyword) and node.arg == "class_"


def is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "js.console.error"


def test_the_page_s_javascript_has_its_texts_from_python() -> None:
    sentence = re.compile(r"""["'`][A-Z][a-z]+ [a-z]""")
    errors_of(
        "a text for people belongs into app/messages/en.toml",
        (
            f"{name_of(path)}:{number} {line.strip()}"
            for path in SCRIPTS
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            if sentence.search(line) and not re.match(r"\s*(//|/?\*)", line)
        ),
    )


def test_each_title_of_a_command_is_that_of_a_command() -> None:
    titles = {key.partition(".")[2] for key in TEXTS if key.startswith("command.")}
    assert titles == commands()


# How texts are looked up, and how the catalogue is read.


def test_a_text_gets_its_values() -> None:
    assert text("databases.delete-title", name="a {b}.db") == "Delete “a {b}.db”?"
    assert text("count.rows", count=1) == "1 row"
    assert text("count.rows", count=1234) == "1,234 rows"
    assert text("count.rows", count=0) == "0 rows"


@pytest.mark.parametrize("values", [{}, {"names": "a"}])
def test_a_missing_parameter_is_an_error(values: dict[str, object]) -> None:
    with pytest.raises(KeyError, match="name"):
        text("databases.delete-title", **values)


def test_a_missing_text_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"no\.such"):
        text("no.such")
    with pytest.raises(KeyError, match=r"command\.no\.such"):
        Commands(lambda _reason: None).add("no.such", lambda: None)


def test_the_catalogue_becomes_a_module_with_the_same_texts() -> None:
    toml = '[b]\nx = "“{a}” – {count:,}\\n"\n[a]\n"q.r" = { one = "one", other = "{count}" }\n'
    found = catalogue.messages(toml)
    assert found == {"a.q.r": ("one", "{count}"), "b.x": "“{a}” – {count:,}\n"}
    names: dict[str, object] = {}
    exec(catalogue.messages_module(found).decode(), names)
    assert names["TEXTS"] == found
    assert catalogue.parameters(found["b.x"]) == {"a", "count"}
    assert catalogue.parameters(found["a.q.r"]) == {"count"}


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[a\n", "line 1"),
        ('x = "text"\n', "x is in no section"),
        ("[a]\nx = 1\n", "a.x is neither"),
        ('[a]\nx = { one = "1", others = "2" }\n', "a.x is neither"),
        ('[a]\nx = { one = "1", other = 2 }\n', "a.x is neither"),
        ('[a]\nx = { one = "1", other = "many" }\n', "no parameter count"),
        ('[a]\nx = "{}"\n', "without a name"),
        ('[a]\nx = "{0}"\n', "without a name"),
        ('[a]\nx = "{name"\n', "a.x: "),
        ('[a]\nx = "{name!r}"\n', "conversion"),
        ('[a]\nx = "1"\nx = "2"\n', "line 3"),
    ],
)
def test_a_mistake_in_the_catalogue_is_named(toml: str, said: str) -> None:
    with pytest.raises(catalogue.CatalogueError, match=re.escape(said)):
        catalogue.messages(toml)
