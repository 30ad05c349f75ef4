"""What MkDocs is told beside mkdocs.yml: the policy, pages from the top level, links out of docs.

The pages are read on code-hosting sites as well, where a link may lead to any file of the
repository; on the built site only pages are there, and of other links the text is left.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]

#: Pages of the site that lie at the top level of the repository.
FROM_THE_TOP = {"security.md": "SECURITY.md", "changelog.md": "CHANGELOG.md"}

_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_config(config: Any) -> Any:
    """The Content-Security-Policy for the pages themselves: some hosts send none.

    It is that of the console's page, less what only programs need; a page cannot set
    ``frame-ancestors``.
    """
    policy = tomllib.loads((ROOT / "public" / "headers.toml").read_text(encoding="utf-8"))["page"]
    policy |= {"script-src": "'self'", "worker-src": "'self'", "img-src": "'self' data:"}
    policy = {name: value for name, value in policy.items() if name != "frame-ancestors"}
    config.extra["policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages of the top level, and the icon."""
    for name, source in FROM_THE_TOP.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    icon = ROOT / "public" / "icon.svg"
    files.append(File.generated(config, "assets/icon.svg", abs_src_path=str(icon)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Links lead to pages of the site, or are text."""
    here = ROOT / FROM_THE_TOP.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    pages = {ROOT / source: name for name, source in FROM_THE_TOP.items()}

    def led(match: re.Match[str]) -> str:
        text, path, anchor = match[1], match[2], match[3] or ""
        target = (here.parent / path).resolve()
        name = pages.get(target)
        if name is None and target.is_relative_to(ROOT / "docs"):
            name = target.relative_to(ROOT / "docs").as_posix()
        file = files.get_file_from_path(name) if name else None
        if file is None or file.inclusion.is_excluded():
            return text if target.exists() else match[0]
        return f"[{text}]({name}{anchor})"

    return _LINK.sub(led, markdown)
