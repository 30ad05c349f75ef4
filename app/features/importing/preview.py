"""The preview of a file of text: how it is read, its first rows, and controls to change that."""

import asyncio

from core import dom
from core.errors import RequestError, message_of, note_of
from core.messages import text
from ui import dialogs

MYPY = False  # which mypy takes for true: MicroPython has no typing
if MYPY:
    from page_types import Element, Event, File, Json

    from core.console import Console

# What the worker calls each separator and quotation mark, and the text for it.
DELIMITERS = (
    (",", "preview.comma"),
    (";", "preview.semicolon"),
    ("\t", "preview.tab"),
    ("|", "preview.bar"),
    (" ", "preview.blank"),
    (":", "preview.colon"),
    ("#", "preview.number-sign"),
)
QUOTES = (('"', "preview.double"), ("'", "preview.single"), ("", "preview.none"))
DECIMALS = ((".", "preview.point"), (",", "preview.comma"))
TYPES = ("TEXT", "INTEGER", "REAL")

MOST_COLUMNS = 30
MOST_ROWS = 8


class Preview:
    """Asks how to read one file after the other."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._file: "File | None" = None  # while its dialog is open
        self._chosen: "Json" = {}
        self._found: "Json" = {}
        self._table = ""
        self._asked = 0
        # Made once: a listener on elements that are removed would leak them.
        self._body = dom.make("div", class_="preview")
        self._doubts = dom.make("ul", class_="doubts")
        self._controls = dom.make("div", class_="controls")
        self._shown = dom.make("div", class_="sample", tabindex="0")
        self._shown.setAttribute("aria-label", text("preview.rows"))
        self._shown.setAttribute("role", "region")
        self._notes = dom.make("p", class_="note", role="status")
        dom.fill(self._body, [self._doubts, self._controls, self._shown, self._notes])
        dom.listen(self._body, "change", self._on_change)

    async def ask(self, file: "File", chosen: "Json") -> "Json | None":
        """Shows how a file is read, and returns what to import it with; None: it is not to be.

        Args:
            file: The file.
            chosen: The fields of the request ``preview`` that are known already.

        Raises:
            RequestError: The file cannot be imported at all.
        """
        self._file = file
        self._chosen = dict(chosen)
        self._table = ""
        reply = await self._request(file)
        if reply["preview"] is None:
            return {}
        self._draw(reply)
        button, _ = await dialogs.ask(
            text("preview.title", name=file.name),
            text("preview.text"),
            [("act.cancel", ""), ("act.import", "primary")],
            body=self._body,
            wide=True,
        )
        self._asked += 1  # what is still to come is not for the next dialog
        self._file = None
        if button != "act.import":
            return None
        fields = dict(self._chosen)
        if self._table:
            fields["table"] = self._table
        return fields

    async def _request(self, file: "File") -> "Json":
        request = self._console.client.start("preview", part=file, name=file.name, **self._chosen)
        return await request.reply()

    async def _on_change(self, event: "Event") -> None:
        name = event.target.dataset.option
        value = event.target.value
        if name == "table":
            self._table = value.strip()
            return
        if name == "type":
            self._choose_type(int(event.target.dataset.column), value)
        elif name in ("header", "backslash"):
            self._chosen[name] = event.target.checked
        elif name == "skip":
            self._chosen[name] = int(value) if value.isdigit() else 0
        elif name == "nulls":
            self._chosen[name] = value.split()
        else:
            self._chosen[name] = value
        if name in ("delimiter", "quote", "backslash", "encoding", "skip"):
            self._chosen.pop("types", None)  # for other columns
        await self._refresh()

    def _choose_type(self, column: int, value: str) -> None:
        types = self._chosen.get("types") or ["" for _ in self._found["names"]]
        types[column] = value
        self._chosen["types"] = types

    async def _refresh(self) -> None:
        self._asked += 1
        asked = self._asked
        await asyncio.sleep(0)
        if asked != self._asked or self._file is None:
            return  # something else was changed at the same time
        try:
            reply = await self._request(self._file)
        except RequestError as error:
            if asked == self._asked:
                self._notes.textContent = message_of(error.error)
                dom.fill(self._shown, [])
            return
        if asked == self._asked:
            self._draw(reply)

    def _draw(self, reply: "Json") -> None:
        found = self._found = reply["preview"]
        focused = self._focused()
        doubts = [dom.make("li", note_of(doubt)) for doubt in found["doubts"]]
        dom.fill(self._doubts, doubts)
        self._doubts.hidden = not doubts
        dom.fill(
            self._controls,
            [
                self._select(
                    "preview.delimiter", _with(DELIMITERS, found["delimiter"]), found["delimiter"]
                ),
                self._select("preview.quote", _with(QUOTES, found["quote"]), found["quote"]),
                self._select("preview.decimal", _texts(DECIMALS), found["decimal"]),
                self._select(
                    "preview.encoding",
                    [(each["name"], each["title"]) for each in found["encodings"]],
                    found["encoding"],
                ),
                self._entry("preview.skip", str(found["skip"]), "number"),
                self._entry("preview.nulls", " ".join(found["nulls"])),
                self._entry("preview.table", self._table or reply["table"]),
                self._check("preview.header", found["header"]),
                self._check("preview.backslash", found["backslash"]),
            ],
        )
        dom.fill(self._shown, [self._sample(found)])
        self._notes.textContent = " ".join([note_of(note) for note in found["notes"]])
        again = None if focused is None else self._body.querySelector(focused)
        if again is not None:
            again.focus()

    def _focused(self) -> "str | None":
        """Return a selector of the control that has the focus; None where none has."""
        element = dom.focused()
        if element is None or not self._body.contains(element):
            return None
        selector = '[data-option="{}"]'.format(element.getAttribute("data-option"))
        column = element.getAttribute("data-column")
        return selector if column is None else '{}[data-column="{}"]'.format(selector, column)

    def _select(self, key: str, options: "list[tuple[str, str]]", value: str) -> "Element":
        label = dom.make("label", text(key))
        select = dom.make("select", data_option=_option(key))
        for each, title in options:
            select.append(dom.make("option", title, value=each, selected=each == value))
        label.append(select)
        return label

    def _entry(self, key: str, value: str, type_: str = "text") -> "Element":
        label = dom.make("label", text(key))
        label.append(
            dom.make(
                "input",
                type=type_,
                value=value,
                min="0" if type_ == "number" else None,
                autocomplete="off",
                spellcheck="false",
                data_option=_option(key),
            )
        )
        return label

    def _check(self, key: str, value: bool) -> "Element":
        label = dom.make("label", class_="check")
        label.append(dom.make("input", type="checkbox", checked=value, data_option=_option(key)))
        label.append(text(key))
        return label

    def _sample(self, found: "Json") -> "Element":
        names = found["names"][:MOST_COLUMNS]
        table = dom.make("table")
        if len(found["names"]) > len(names):
            more = len(found["names"]) - len(names)
            table.append(dom.make("caption", text("preview.more", count=more)))
        head = dom.make("tr")
        for column, name in enumerate(names):
            cell = dom.make("th", scope="col")
            cell.append(dom.named(name))
            types = dom.make(
                "select",
                data_option="type",
                data_column=str(column),
                aria_label=text("preview.type", name=name),
            )
            for kind in TYPES:
                chosen = kind == found["types"][column]
                types.append(dom.make("option", kind, value=kind, selected=chosen))
            cell.append(types)
            head.append(cell)
        table.append(head)
        for values in found["rows"][:MOST_ROWS]:
            row = dom.make("tr")
            for value in values[:MOST_COLUMNS]:
                if value is None:
                    row.append(dom.make("td", text("preview.null"), class_="null"))
                else:
                    cell = dom.make("td")
                    cell.append(dom.shown(value if len(value) <= 60 else value[:59] + "…"))
                    row.append(cell)
            table.append(row)
        return table


def _option(key: str) -> str:
    """The field of the request ``preview`` that a control is for, by the key of its label."""
    return key.split(".")[1]


def _texts(pairs: "tuple[tuple[str, str], ...]") -> "list[tuple[str, str]]":
    return [(value, text(key)) for value, key in pairs]


def _with(pairs: "tuple[tuple[str, str], ...]", value: str) -> "list[tuple[str, str]]":
    """The pairs with their texts, and the value that was found where it is none of theirs."""
    known = _texts(pairs)
    if all(each != value for each, _ in known):
        known.append((value, value))
    return known
