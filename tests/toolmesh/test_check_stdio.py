"""What `toolmesh check` says of stdio backends."""

import os
from pathlib import Path

from toolmesh.check import examine


def test_what_a_stdio_server_will_miss_is_said_beforehand(tmp_path: Path) -> None:
    (tmp_path / "backends.yaml").write_text(
        "backends:\n  - {name: a, transport: stdio, command: no-such-command, env: {K: NOT_SET}, relay: [roots]}\n"
        "  - {name: b, transport: stdio, command: sh, class: {x: read}}\n"
    )
    report = examine({"PATH": os.environ["PATH"]}, tmp_path)
    assert report.errors == []
    assert [text for text in report.warnings if "backend b" in text] == []
    told = "\n".join(report.warnings)
    for words in ("no-such-command is not found", "NOT_SET (for K) is not set", "one call at a time", "count as writes"):
        assert words in told
    assert "not built" not in told
