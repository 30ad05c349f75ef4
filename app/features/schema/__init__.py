"""The list of tables and views with their columns; choosing one shows its first rows."""

from core import dom, format
from core.messages import text

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element, Json

    from core.console import Console

OPEN_COLUMNS = 150
"""Most columns of all tables together with which every table shows its columns at first."""
STEP = 300
"""Tables drawn at once: thousands would keep the page busy for many seconds."""


def setup(console: "Console") -> None:
    """Shows the schema of the open database, and adds the command that shows more of it."""
    schema = Schema(console)
    console.state.watch("schema", schema.show)
    console.commands.add("schema.more", schema.show_more)


class Schema:
    """The list named "Schema"."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._list = dom.by_id("schema")
        self._more = dom.by_id("schema-more")
        self._folded: "dict[tuple[str, str], bool]" = {}
        self._tables: "list[Json]" = []
        self._drawn = 0
        self._are_open = False
        self._database = None
        dom.watch_narrow(self._fold)
        dom.on_acts(self._list, {"fold": self._toggle, "browse": self._browse})

    def show(self, schema: "list[Json]") -> None:
        """Shows the tables and views of a schema, as a reply has it (protocol.py)."""
        if self._database != self._console.state["database"]:
            self._database = self._console.state["database"]
            self._folded = {}
        self._tables = [table for table in schema if table["type"] != "shadow"]
        self._are_open = sum(len(table["columns"]) for table in self._tables) <= OPEN_COLUMNS
        dom.by_id("schema-empty").hidden = bool(self._tables)
        self._list.replaceChildren()
        self._drawn = 0
        self.show_more()

    def show_more(self) -> None:
        """Draws the next tables."""
        end = min(self._drawn + STEP, len(self._tables))
        for number in range(self._drawn, end):
            self._list.append(self._item(number))
        self._drawn = end
        left = len(self._tables) - self._drawn
        self._more.hidden = left == 0
        self._more.textContent = text("schema.more", count=min(left, STEP), left=left)

    def _fold(self, is_narrow: bool) -> None:
        # On a narrow screen the list is above the editor, which a person needs first.
        dom.by_id("schema-fold").open = not is_narrow

    def _item(self, number: int) -> "Element":
        table = self._tables[number]
        name = _full_name(table)
        item = dom.make("li", class_="table")
        label = text("schema.columns", name=name)
        columns = dom.make("ul", class_="columns", aria_label=label)
        fold = dom.make(
            "button",
            type="button",
            class_="fold",
            aria_label=label,
            data_act="fold",
            data_key=number,
        )
        _unfold(fold, columns, table, not self._folded.get(_key(table), not self._are_open))
        browse = dom.make(
            "button",
            type="button",
            class_="browse",
            title=text("schema.first-rows"),
            data_act="browse",
            data_key=number,
        )
        browse.append(dom.named(table["name"], class_="name"))
        kinds = [] if table["schema"] == "main" else [table["schema"]]
        if table["type"] != "table":
            kinds.append(table["type"])
        if kinds:
            browse.append(dom.make("span", " · ".join(kinds), class_="kind"))
        row = dom.make("div", class_="row")
        row.append(fold, browse)
        item.append(row, columns)
        return item

    def _of(self, button: "Element") -> "Json":
        """Return the table that a button belongs to."""
        return self._tables[int(button.dataset.key)]

    def _toggle(self, fold: "Element") -> None:
        table = self._of(fold)
        columns = fold.closest("li").querySelector("ul")
        self._folded[_key(table)] = not columns.hidden
        _unfold(fold, columns, table, columns.hidden)

    def _browse(self, button: "Element") -> None:
        source = format.source(self._of(button), self._tables)
        self._console.events.emit("browsed", format.first_rows(source))


def _key(table: "Json") -> "tuple[str, str]":
    return (table["schema"], table["name"])


def _full_name(table: "Json") -> str:
    return table["name"] if table["schema"] == "main" else ".".join(_key(table))


def _unfold(fold: "Element", columns: "Element", table: "Json", is_open: bool) -> None:
    """Shows or hides the columns of a table; they are drawn when they are first shown."""
    if is_open and not columns.childElementCount:
        dom.fill(columns, _columns(table))
    columns.hidden = not is_open
    fold.setAttribute("aria-expanded", "true" if is_open else "false")


def _columns(table: "Json") -> "list[Element]":
    # 1 is a virtual table's hidden column (https://sqlite.org/pragma.html#pragma_table_xinfo).
    return [_column(column) for column in table["columns"] if column["hidden"] != 1]


def _column(column: "Json") -> "Element":
    item = dom.make("li")
    item.append(dom.named(column["name"], class_="name"))
    if column["pk"]:
        title = text("schema.key-title")
        item.append(dom.make("span", text("schema.key"), class_="key", title=title))
    item.append(dom.shown(column["type"], class_="type"))
    return item
