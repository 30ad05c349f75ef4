"""The real worker gets messages that no page sends: it replies once to each, and goes on."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

import sahpool
from sahpool_console.session import errors as session_errors
from tests import messages
from tests.browser.console_page import Console
from tests.proofs import Proofs

SIZES = [pytest.param(300, id="slice"), pytest.param(5_000, marks=pytest.mark.slow, id="whole")]

BATCH = 20
"""How many messages are sent before the replies are awaited."""

START = """
const worker = new Worker(new URL("worker/boot.mjs", location.origin), { type: "module" });
const replies = [];
const own = new Set();
const errors = [];
let waiting = null;
worker.onerror = ({ message }) => errors.push(message);
worker.onmessage = ({ data: [head, ...parts] }) => {
  const message = JSON.parse(head);
  if (message.event === "failed") throw new Error(head);
  if (message.id !== 0 && !own.has(message.id)) replies.push(message);
  if (waiting?.(message)) waiting = null;
};
const until = (met) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error(`No reply; so far ${replies.length}`)), 60000);
  waiting = (message) => met(message) && (clearTimeout(timer), resolve(message), true);
});
let last = 1_000_000_000;
window.ask = (op, fields) => {
  const id = ++last;
  own.add(id);
  worker.postMessage([JSON.stringify({ id, op, ...fields })]);
  return until((message) => message.id === id);
};
// What postMessage takes and the worker does not expect; made anew each time, as it may be moved.
window.oddities = () => {
  const cyclic = {};
  cyclic.self = cyclic;
  const ring = ["{}"];
  ring.push(ring);
  return [
    null, undefined, true, 0, -1.5, NaN, 10n, "text", '{"id": 1, "op": "databases"}', {}, [],
    cyclic, ring, new Date(), /x/g, new Map([[1, 2]]), new Set(["a"]), new Error("thrown"),
    new ArrayBuffer(8), new Uint8Array([123, 125]), new DataView(new ArrayBuffer(4)),
    new Blob(["{}"]), new File(["a,b\\n1,2\\n"], "odd.csv"), new File([], ""), new Boolean(true),
    new String("{}"), { length: 1, 0: "{}" }, { constructor: { name: "File" }, name: "x", size: 9 },
    [, "hole"], [[]], new Array(1000).fill(null), new MessageChannel().port1,
    { then: 1 }, { __proto__: null, destroy: 1, to_bytes: 1, toJs: "x" },
  ];
};
const moved = (value) => [value].flat().filter((each) => each instanceof MessagePort);
window.post = (data) => worker.postMessage(data, moved(data));
window.settle = async (count) => {
  await ask("databases", {});
  // What is asked of the browser is answered out of turn.
  for (let wait = 0; wait < 400 && replies.length < count; wait++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  const got = replies.splice(0);
  if (got.length !== count) throw new Error(`${got.length} replies to ${count} messages`);
  if (errors.length) throw new Error(errors.join());
  return got.map((reply) => [reply.id, reply.ok ? null : reply.error]);
};
await until((message) => message.event === "ready");
"""

SEND_ODDITIES = """
let count = 0;
const head = '{"id": 5, "op": "import_file", "name": "odd.csv", "replace": true}';
for (const odd of oddities()) { post(odd); count += 1; }
for (const odd of oddities()) { post([odd]); count += 1; }
for (const odd of oddities()) { post([head, odd]); count += 1; }
for (const odd of oddities()) { post(['{"id": 6, "op": "databases"}', odd]); count += 1; }
post([head, new File(["a,b\\n1,2\\n"], "odd.csv"), null]);
return settle(count + 1);
"""

SEND = """
const told = [];
for (const { head, odd } of JSON.parse(args[0])) {
  const all = oddities();
  const parts = odd === null ? [] : [all[odd % all.length]];
  post([head, ...parts]);
}
return settle(JSON.parse(args[0]).length);
"""

KEPT = "INSERT INTO kept VALUES (1, 'é'), (2, NULL)"

KNOWN = {"ProtocolError", *session_errors.__all__, *sahpool.__all__, "OSError"} | {
    f"{kind}Error"
    for kind in ("Database", "Data", "Integrity", "Interface", "Operational", "Programming")
}
"""The types of errors with which the worker may refuse a request."""


def ask(console: Console, op: str, **fields: Any) -> dict[str, Any]:
    """Send a good request, and return its reply; asserts that it is no error."""
    reply: dict[str, Any] = console.js("return ask(...args)", op, fields)
    assert reply["ok"], reply
    return reply


def check_kept(console: Console) -> None:
    """Asserts that the database which no odd message names still has every row."""
    ask(console, "unpause")
    # This is refused if no database is open, as lending the storage closes it.
    console.js("return ask(...args)", "run", {"sql": "ROLLBACK"})
    ask(console, "open", database="kept.db")
    sql = "SELECT json_group_array(json_array(a, b)) || 5 FROM kept"
    told = ask(console, "run", sql=f"SELECT json('no') WHERE ({sql}) <> '[[1,\"é\"],[2,null]]5'")
    assert [outcome["error"] for outcome in told["outcomes"]] == [None]


def batches(seed: int, count: int) -> list[list[dict[str, Any]]]:
    """Return batches of heads that JSON can carry into the page.

    Some heads get a binary part; the page chooses its kind by the number ``odd``.
    """
    heads = [
        head
        for head in messages.heads(seed, count, messages.request)
        if not isinstance(head, (bytes, tuple))
    ]
    sent = [{"head": head, "odd": None if at % 3 else at // 3} for at, head in enumerate(heads)]
    return [sent[at : at + BATCH] for at in range(0, len(sent), BATCH)]


def check_worker(console: Console, count: int, proof: Proofs) -> None:
    """Sends all odd messages, with good requests in between."""
    console.browser.open(console.url + "icon.svg")
    console.js(START)
    ask(console, "open", database="kept.db")
    ask(console, "run", sql=f"CREATE TABLE kept (a, b); {KEPT}")
    sent = batches(count, count)
    answers = [console.js(SEND_ODDITIES)]
    # json.dumps in ASCII: selenium passes lone surrogates only as escapes.
    answers += [console.js(SEND, json.dumps(batch)) for batch in sent]
    told = [each for answer in answers for each in answer]
    kinds = Counter(error["type"] if error else "ok" for _, error in told)
    unknown = [error for _, error in told if error and error["type"] not in KNOWN]
    assert unknown == []
    assert kinds["ProtocolError"] > len(told) // 2
    check_kept(console)
    assert [text for text in console.errors() if "favicon.ico" not in text] == []
    proof(
        "protocol",
        f"messages to the worker in {console.browser.name}",
        messages=len(told),
        protocol_errors=kinds["ProtocolError"],
        errors_of_no_known_kind=0,
        good_ones_answered_after=len(answers),
    )


@pytest.mark.parametrize("count", SIZES)
def test_whatever_is_posted_to_the_worker_has_one_reply(
    console: Console, count: int, proof: Proofs
) -> None:
    check_worker(console, count, proof)


@pytest.mark.parametrize("count", SIZES)
def test_whatever_is_posted_to_the_worker_in_firefox_has_one_reply(
    firefox_console: Console, count: int, proof: Proofs
) -> None:
    check_worker(firefox_console, count, proof)
