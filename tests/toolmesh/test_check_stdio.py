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


def test_an_entry_that_trusts_annotations_is_told_what_that_means_and_no_longer_that_all_are_writes(tmp_path: Path) -> None:
    (tmp_path / "backends.yaml").write_text(
        "backends:\n  - {name: a, transport: stdio, command: sh, annotations: trust}\n"
        "  - {name: b, transport: http, url: 'https://b.example/mcp', annotations: trust, class: {x: read}}\n"
        "  - {name: c, transport: stdio, command: sh, annotations: ignore}\n"
    )
    report = examine({"PATH": os.environ["PATH"]}, tmp_path)
    assert report.errors == []
    for name in ("a", "b"):
        (said,) = [text for text in report.warnings if f"backend {name}:" in text]
        assert "the server's own word" in said
    (said,) = [text for text in report.warnings if "backend c:" in text]
    assert "count as writes" in said
