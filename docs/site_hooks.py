"""MkDocs hooks for what mkdocs.yml cannot say: policy, pages of the top level, links out of docs.

People read the pages on code-hosting sites as well, where a link may lead to any file of the
repository. The built site has only pages: links to other files become plain text there.
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
    """Returns the configuration with a Content-Security-Policy for the pages: some hosts send none.

    The policy is that of the console's page, without what only programs need, and without
    ``frame-ancestors``, which a page cannot set.
    """
    policy = tomllib.loads((ROOT / "public" / "headers.toml").read_text(encoding="utf-8"))["page"]
    policy |= {"script-src": "'self'", "worker-src": "'self'", "img-src": "'self' data:"}
    policy = {name: value for name, value in policy.items() if name != "frame-ancestors"}
    config.extra["policy"] = "; ".join(f"{name} {value}" for name, value in policy.items())
    return config


def on_files(files: Files, config: Any) -> Files:
    """Returns the site's files with the pages of the top level and the icon added."""
    for name, source in FROM_THE_TOP.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text("utf-8")))
    icon = ROOT / "public" / "icon.svg"
    files.append(File.generated(config, "assets/icon.svg", abs_src_path=str(icon)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Returns a page whose links lead to pages of the site; other links become plain text.

    A link to a file that does not exist stays, so that the build fails at it.
    """
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
