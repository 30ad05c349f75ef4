// JavaScript, and no module, because it shows the last visit's rows before any module has loaded.
"use strict";

{
  const ROWS = "sahpool.rows."; // and the id of a text (app/parts/texts.mjs), in localStorage
  const OPEN = "sahpool.text.open"; // in sessionStorage: the text of this tab
  const lockOf = (id) => `sahpool text ${id}`;
  const CLASSES = { n: "cell-null", i: "cell-int", f: "cell-float", t: "cell-text", b: "cell-blob" };

  const element = (id) => document.getElementById(id);
  const two = (number) => String(number).padStart(2, "0");
  const grouped = (number) => String(number).replace(/\B(?=(?:\d{3})+$)/g, ",");

  /** Returns the time of day, with the date before it unless that is today. */
  const timeText = (at) => {
    const then = new Date(at);
    const day = `${then.getFullYear()}-${two(then.getMonth() + 1)}-${two(then.getDate())}`;
    const time = `${two(then.getHours())}:${two(then.getMinutes())}`;
    return then.toDateString() === new Date().toDateString() ? time : `${day}, ${time}`;
  };

  /** Returns a table's cell; `text` is a text or its pieces [text, symbol], as visible.mjs has them. */
  const cellOf = (tag, text, className) => {
    const cell = document.createElement(tag);
    cell.className = className;
    const parts = (typeof text === "string" ? [[text, ""]] : text).map(([part, symbol]) => {
      if (!symbol) return part;
      const mark = document.createElement("span");
      mark.className = "unseen";
      mark.dataset.symbol = symbol;
      mark.textContent = part;
      return mark;
    });
    cell.append(...parts);
    return cell;
  };

  const rowOf = (cells) => {
    const row = document.createElement("tr");
    row.append(...cells);
    return row;
  };

  /** The rows that are kept with a text (app/parts/last.mjs), as they are shown until an answer. */
  class LastRows {
    /** The id of the text whose rows are shown, their database and statement; null without any. */
    id = null;
    database = null;
    statement = null;

    /** Shows the rows that are kept with a text, if there are any and their database was open last. */
    show(id) {
      this.hide();
      try {
        const kept = JSON.parse(localStorage.getItem(ROWS + id));
        if (kept && kept.database === localStorage.getItem("sahpool.database")) this.#paint(id, kept);
      } catch {
        element("last").hidden = true; // site data is blocked, or this is of another version
      }
    }

    hide() {
      if (this.id === null) return;
      this.id = this.database = this.statement = null;
      element("last").hidden = true;
      element("last-table").replaceChildren();
      element("last-sql").textContent = "";
    }

    #paint(id, { database, statement, at, count, names, unnamed, sides, rows }) {
      const heads = names.map((name, index) => {
        const head = cellOf("th", name, sides[index]);
        head.scope = "col";
        if (name === "") {
          head.classList.add("nameless");
          head.dataset.unnamed = unnamed;
        }
        return head;
      });
      const body = rows.map((row) => {
        const cells = row.map(([kind, text], index) => {
          const side = kind === "n" ? sides[index] : "";
          return cellOf("td", text, `${CLASSES[kind]} ${side}`);
        });
        return rowOf(cells);
      });
      element("last-table").replaceChildren(rowOf(heads), ...body);
      element("last-time").textContent = timeText(at);
      element("last-sql").textContent = statement.split(/\s+/).join(" ").slice(0, 200);
      element("last-part").hidden = count === rows.length;
      element("last-some").textContent = grouped(rows.length);
      element("last-all").textContent = grouped(count);
      element("last").hidden = false;
      Object.assign(this, { id, database, statement });
      performance.mark("sahpool: last rows");
    }
  }

  const last = new LastRows();
  globalThis.sahpoolLast = last;

  /** Returns the ids of the texts with which rows are kept, those kept last first. */
  const ids = () => {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(ROWS));
    const at = (key) => JSON.parse(localStorage.getItem(key)).at;
    return keys.sort((one, other) => at(other) - at(one)).map((key) => key.slice(ROWS.length));
  };

  /** Shows the rows of the text that this tab had, or will most likely take up. */
  const begin = async () => {
    const own = sessionStorage.getItem(OPEN);
    if (own) {
      last.show(own);
      return;
    }
    const known = ids();
    if (known.length === 0) return;
    const { held } = (await navigator.locks?.query()) ?? { held: [] };
    const open = new Set(held.map(({ name }) => name));
    const free = known.find((id) => !open.has(lockOf(id)));
    // By then the text may be there, and have had its rows shown.
    if (free && last.id === null && !last.isOver) last.show(free);
  };

  begin().catch(() => null); // site data is blocked, or not ours
}
