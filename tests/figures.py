"""Figures of docs/benchmarks.md, measured in both browsers: ``python3 -m tests.figures``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time

import serve
from tests import __main__ as tests
from tests import real_data

ROUNDS = 5
ENDLESS = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"

# From the click on Cancel until the console is idle, in milliseconds.
CANCEL = """
const cancel = document.getElementById("cancel");
const begin = performance.now();
const idle = new Promise((resolve) => new MutationObserver((_, observer) => {
  if (!cancel.disabled) return;
  observer.disconnect();
  resolve(performance.now() - begin);
}).observe(cancel, { attributes: true }));
cancel.click();
return await idle;
"""


def measure() -> None:
    """Prints a table of medians; needs the tests' virtual environment."""
    from tests.browser.console_page import Console
    from tests.browsers import Chromium, wait_for
    from tests.conftest import ServedSite
    from tests.firefox import Firefox

    def cancels(console: Console) -> list[float]:
        times = []
        for _ in range(ROUNDS):
            console.run_sql(ENDLESS, wait=False)
            time.sleep(0.5)
            times.append(float(console.js(CANCEL)))
        return times

    def flights(console: Console) -> tuple[float, float]:
        begin = time.monotonic()
        console.import_file(real_data.flights())
        imported = time.monotonic() - begin
        console.type_sql("SELECT * FROM flights")
        begin = time.monotonic()
        console.run_sql()
        wait_for("every row", lambda: console.row_count() == 336776)
        console.wait_idle()
        return imported, time.monotonic() - begin

    print("| | Chromium | Firefox |\n| --- | --- | --- |")
    rows: dict[str, list[str]] = {}
    with ServedSite(serve.assemble()) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        for browser in (Chromium(), Firefox()):
            console = Console(browser, site.url)
            try:
                console.open()
                figures = {"Cancel of an endless statement, ms": cancels(console)}
                imported, shown = flights(console)
                figures["flights.csv (31 MB, 336,776 × 19) imported, s"] = [imported]
                figures["all its rows fetched by the page, s"] = [shown]
            finally:
                console.close_browser()
            for name, values in figures.items():
                told = f"{statistics.median(values):.3g}"
                if len(values) > 1:
                    told += f" ({min(values):.3g}–{max(values):.3g})"
                rows.setdefault(name, []).append(told)
        site.shutdown()
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> int:
    """Sets up as ``python3 -m tests`` does, then measures in the virtual environment."""

    def install_flights() -> None:
        real_data.install_flights(str(tests.PYTHON))

    steps = tests.install_python_parts, tests.install_browsers, install_flights
    if not tests.succeeds("figures", *steps):
        return 1
    inside = "from tests.figures import measure; measure()"
    return subprocess.run([str(tests.PYTHON), "-c", inside], cwd=serve.ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
