"""The list of tables and views with their columns; choosing one shows its first rows."""

import dom
import words

BROWSE_ROWS = 100
OPEN_COLUMNS = 150
"""Up to so many columns in all, every table shows its columns from the start."""


class Schema:
    """The list named "Schema"."""

    def __init__(self, state, runner):
        self._runner = runner
        self._list = dom.by_id("schema")
        self._folded = {}
        self._database = None
        self._state = state
        dom.watch_narrow(self._fold)
        state.watch("schema", self.show)

    def show(self, schema):
        """Shows the tables and views of a schema, as the protocol has it."""
        if self._database != self._state["database"]:
            self._database = self._state["database"]
            self._folded = {}
        tables = [table for table in schema if table["type"] != "shadow"]
        total = sum(len(table["columns"]) for table in tables)
        dom.by_id("schema-empty").hidden = bool(tables)
        self._list.hidden = not tables
        dom.fill(self._list, [self._table(table, total <= OPEN_COLUMNS) for table in tables])

    def _fold(self, is_narrow):
        # On a narrow screen the list lies above the editor, which is what is wanted first.
        dom.by_id("schema-fold").open = not is_narrow

    def _table(self, table, is_open):
        name = table["name"]
        is_open = not self._folded.get(name, not is_open)
        item = dom.make("li", class_="table")
        columns = dom.make("ul", class_="columns", aria_label="Columns of " + name)
        for column in table["columns"]:
            # 1: a column that a virtual table hides (https://sqlite.org/pragma.html#pragma_table_xinfo).
            if column["hidden"] != 1:
                columns.append(_column(column))
        columns.hidden = not is_open
        fold = dom.make(
            "button",
            type="button",
            class_="fold",
            aria_expanded="true" if is_open else "false",
            aria_label="Columns of " + name,
        )

        def toggle():
            columns.hidden = not columns.hidden
            self._folded[name] = columns.hidden
            fold.setAttribute("aria-expanded", "false" if columns.hidden else "true")

        dom.on_click(fold, toggle)
        browse = dom.make("button", type="button", class_="browse", title="Show the first rows")
        browse.append(dom.make("span", name, class_="name"))
        if table["type"] != "table":
            browse.append(dom.make("span", table["type"], class_="kind"))
        dom.on_click(browse, lambda: self._runner.run_text(_browse(name)))
        row = dom.make("div", class_="row")
        row.append(fold, browse)
        item.append(row, columns)
        return item


def _browse(name):
    return "SELECT * FROM {} LIMIT {};".format(words.quoted(name), BROWSE_ROWS)


def _column(column):
    item = dom.make("li")
    item.append(dom.make("span", column["name"], class_="name"))
    if column["pk"]:
        item.append(dom.make("span", "key", class_="key", title="Part of the primary key"))
    item.append(dom.make("span", column["type"], class_="type"))
    return item
