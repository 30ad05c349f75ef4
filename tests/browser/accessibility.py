"""What axe-core finds wrong with the page for people with disabilities (WCAG 2.2, levels A and AA).

The console's tests look at each state in which they leave the page, and at each dialog in which
they press a button. A state that looks the same as one that was looked at is left out: what counts
is the structure (elements, roles, states, classes), not the texts of the data.

axe-core is sent with the script that WebDriver runs, which the page's policy does not concern.

Source: https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import serve
from tests.browsers import Browser, Chromium

_SOURCE = serve.ROOT / "node_modules" / "axe-core" / "axe.min.js"

#: A digest of what axe looks at. Elements of one kind that follow one another count once.
_SHAPE = """
const states = ["role", "aria-expanded", "aria-selected", "aria-current", "aria-invalid", "hidden",
  "disabled", "open", "type", "tabindex", "class"];
const shapeOf = (element) => {
  if (!element.checkVisibility()) return "";
  const own = states.filter((name) => element.hasAttribute(name))
    .map((name) => `${name}=${element.getAttribute(name)}`).join(",");
  const children = [...(element.shadowRoot?.children ?? []), ...element.children].map(shapeOf);
  const changes = children.filter((each, at) => each !== children[at - 1]);
  return `<${element.localName} ${own}>${changes.join("")}`;
};
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const bytes = new TextEncoder().encode(dark + shapeOf(document.documentElement));
const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
return [...digest].map((byte) => byte.toString(16)).join(" ");
"""

# Styles may still be on their way from one state to the next.
_RUN = """
for (const animation of document.getAnimations()) {
  if (animation.effect.getComputedTiming().endTime !== Infinity) animation.finish();
}
const { violations } = await axe.run(document, {
  runOnly: args[0],
  resultTypes: ["violations"],
});
// The editor's scroller holds a text box, whose keys scroll it; axe sees that in short texts only.
const isScrolled = (id, { target }) =>
  id === "scrollable-region-focusable" && target.flat().join(" ").endsWith(".cm-scroller");
const found = violations.flatMap(({ id, help, nodes }) =>
  nodes.filter((node) => !isScrolled(id, node)).map((node) => ({ id, help, ...node })));
return found.map(({ id, help, target, html, failureSummary }) =>
  `${id}: ${help}\\n  ${target.flat().join(" ")}\\n  ${html.slice(0, 300)}\\n  ${failureSummary}`);
"""

_ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}

#: The rules about colours. The dark theme differs from the other one in nothing else.
COLOURS = ("color-contrast", "link-in-text-block")

#: Shapes of the states that were looked at and in which nothing was found.
_known: set[str] = set()


@cache
def _axe() -> str:
    return _SOURCE.read_text(encoding="utf-8")


def violations(browser: Browser) -> list[str]:
    """What is wrong with the current state of the console's page, in Chromium in both themes.

    Nothing is looked at where another page is open.
    """
    if not browser.evaluate("return document.documentElement.dataset.state !== undefined"):
        return []
    found = _look(browser, _ALL)
    if isinstance(browser, Chromium):
        _prefer(browser, "dark")
        try:
            rules = {"type": "rule", "values": COLOURS}
            found += [f"dark: {each}" for each in _look(browser, rules)]
        finally:
            _prefer(browser, "")
    return found


def _look(browser: Browser, rules: Mapping[str, object]) -> list[str]:
    shape = str(browser.evaluate(_SHAPE))
    if shape in _known:
        return []
    found = list(browser.evaluate(f"{_axe()};{_RUN}", rules))
    if not found:
        _known.add(shape)
    return found


def _prefer(browser: Chromium, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
