"""The page gets messages that no worker sends: it reports them, and takes the next good reply."""

from __future__ import annotations

import json

import pytest

from tests import messages
from tests.browser.console_page import Console
from tests.browsers import wait_for
from tests.proofs import Proofs

BATCH = 25

# Restarts the page's worker, so that its messages pass through here.
STAND_BETWEEN = """
window.spoil = null;
window.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    window.lastWorker = this;
  }
  addEventListener(type, listener) {
    if (type !== "message") return super.addEventListener(type, listener);
    window.feed = (data) => listener({ data });
    super.addEventListener(type, ({ data }) => feed(spoil?.(data) ?? data));
  }
};
document.getElementById("retry").click();
"""

# Sends any message to the page; the browser reports an exception that escapes from its listener.
FEED = """
const oddities = [
  null, undefined, 7, "text", {}, [], [null], [7], [[]], new ArrayBuffer(8), [new ArrayBuffer(8)],
  [undefined, 1], ["{}", 1, 2], { length: 1, 0: "{}" }, new Map(), ['{"id": 1, "ok": true}', null],
];
let thrown = 0;
for (const data of args[0] === null ? oddities : JSON.parse(args[0]).map((head) => [head])) {
  try { feed(data); } catch (error) { thrown += 1; }
}
await new Promise((resolve) => setTimeout(resolve));
return [oddities.length, thrown];
"""

# Spoils the next reply or event that has this field: one value in it, or in its parts, is wrong.
# Its "id" and "ok" stay, or its request would wait for ever.
SPOIL = """
let seed = Math.imul(args[1] + 1, 2654435761) >>> 0;
const random = (below) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor(seed / 2 ** 32 * below);
};
const odd = () => [
  null, true, 0, -1, 1.5, 1e300, 2 ** 40, "", "text", "\\u0000", [], {}, [null], [[[]]], { a: 1 },
][random(15)];
const places = (holder, root = true) => Object.keys(holder).flatMap((key) => {
  if (root && (key === "id" || key === "ok")) return [];
  const inner = holder[key];
  return [[holder, key], ...(inner && typeof inner === "object" ? places(inner, false) : [])];
});
window.spoilt = null;
window.spoil = ([head, ...parts]) => {
  const message = JSON.parse(head);
  if (message[args[0]] === undefined) return;
  window.spoil = null;
  if (parts.length && !random(3)) {
    parts = [[], [null], [new ArrayBuffer(3)], [7], [new Blob([])]][random(5)];
  } else {
    const all = places(message);
    const [holder, key] = all[random(all.length)];
    if (random(3)) holder[key] = odd();
    else delete holder[key];
  }
  window.spoilt = JSON.stringify(message).slice(0, 500);
  return [JSON.stringify(message), ...parts];
};
"""

RUN = (
    "CREATE TABLE IF NOT EXISTS t (a, b); CREATE TABLE IF NOT EXISTS t{} (a);"
    "INSERT INTO t VALUES (1, 'é'); SELECT * FROM t; SELECT a FROM t LIMIT 1; oops"
)


FIELDS = ("outcomes", "schema", "databases")
"""Fields by which the replies to spoil are chosen, in turn."""


def check_works(console: Console, number: int) -> None:
    """Asserts that a good request is answered; first starts a failed page again."""
    if console.state() != "ready":
        console.js("document.getElementById('retry').click()")
        console.wait_ready()
    console.run_sql(f"SELECT {number} AS n")
    assert (console.headers(), console.rows()) == (["n"], [[str(number)]])
    assert console.error() is None


def feed_messages(console: Console, count: int) -> tuple[int, int]:
    """Feed the page ``count`` messages and values that are none; return how many, and good ones.

    The good requests are sent in between. No exception may escape from the page's listener, where
    no code would handle it.
    """
    odd, thrown = console.js(FEED, None)
    assert thrown == 0
    check_works(console, 0)
    heads = [
        head
        for head in messages.heads(count, count, messages.answer)
        if not isinstance(head, (bytes, tuple))
    ]
    # Sorted, so that messages after which the page may have to be started again come together.
    heads.sort(key=lambda head: "failed" in str(head))
    batches = [heads[at : at + BATCH] for at in range(0, len(heads), BATCH)]
    for number, batch in enumerate(batches):
        _, thrown = console.js(FEED, json.dumps(batch))
        assert thrown == 0, batch
        check_works(console, number)
    return odd + len(heads), 1 + len(batches)


def spoil_replies(console: Console, count: int) -> int:
    """Spoil ``count`` replies to a person's actions; return of how many the page said so."""
    told = 0
    for number in range(count):
        # Only the reply to "hello" has "versions": spoil it rarely, as each needs a slow start.
        field = "versions" if number % 16 == 15 else FIELDS[number % len(FIELDS)]
        console.js(SPOIL, field, number)
        if field == "versions":
            console.js("document.getElementById('retry').click()")
        elif field == "databases":
            console.js("document.getElementById('databases').open = false")
            console.js("document.getElementById('databases').open = true")
        else:
            console.run_sql(RUN.format(number))
        wait_for("the reply", lambda: console.js("return spoilt"))
        told += "in this page went wrong" in str(console.error())
        check_works(console, number)
    return told


def check_page(console: Console, count: int, replies: int, proof: Proofs) -> None:
    """Feeds messages and spoils replies, all in one page that is never reloaded."""
    console.open()
    console.js(STAND_BETWEEN)
    console.wait_ready()
    console.js("window.same = true")
    sent, works = feed_messages(console, count)
    told = spoil_replies(console, replies)
    assert told > replies // 4
    assert console.js("return same")
    proof(
        "protocol",
        f"messages to the page in {console.browser.name}",
        messages=sent + replies,
        pages_that_died=0,
        good_ones_after=works + replies,
    )


SIZES = [
    pytest.param(120, 9, id="slice"),
    pytest.param(4_000, 320, marks=pytest.mark.slow, id="whole"),
]


@pytest.mark.parametrize(("count", "replies"), SIZES)
def test_the_page_outlives_whatever_its_worker_tells(
    console: Console, count: int, replies: int, proof: Proofs
) -> None:
    check_page(console, count, replies, proof)


@pytest.mark.parametrize(("count", "replies"), SIZES)
def test_the_page_in_firefox_outlives_whatever_its_worker_tells(
    firefox_console: Console, count: int, replies: int, proof: Proofs
) -> None:
    check_page(firefox_console, count, replies, proof)
