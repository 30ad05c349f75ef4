"""Scripts of Node that try a module of JavaScript against a model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import serve


def ask(script: Path, request: Any) -> Any:
    """What a script writes as JSON that is given the request as JSON."""
    node = serve.Node.find().command("node")
    done = subprocess.run(
        [node, str(script)], input=json.dumps(request), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
