"""What was asked for and is not built yet.

A security control that is asked for and missing stops the start: who configured it relies on it. Everything else that does
nothing yet is a note.
"""

from collections.abc import Mapping
from pathlib import Path

from shared.findings import Findings
from shared.known_names import INERT


def refuse_controls(environment: Mapping[str, str], config_dir: Path, findings: Findings) -> None:
    """Note each control that is asked for and not built. `environment` holds no empty values."""
    mode = environment.get("OPENFGA_MODE", "bypass")
    if mode == "restrict":
        findings.add(
            "OPENFGA_MODE is restrict, and relations are not built yet. Set OPENFGA_MODE=bypass only if it is right that "
            "authorization.yaml alone says who may call what, and the owner may call every tool."
        )
    elif mode != "bypass":
        findings.add(f"OPENFGA_MODE is {mode!r}; write `bypass` or leave it out.")
    if environment.get("GATE_EVALUATORS", "goja") != "goja":
        findings.add("GATE_EVALUATORS names evaluators that are not built. Remove it to start without a gate.")
    for path in _policies(environment, config_dir):
        findings.add(f"{path} is a policy, and policies are not built yet. Move it away to start without a gate.")
    store = environment.get("AUDIT_STORE", "log")
    if store != "log":
        findings.add(f"AUDIT_STORE is {store!r}, which is not built yet. Write AUDIT_STORE=log: one JSON line per call.")
    credentials = environment.get("CREDENTIAL_STORE", "embedded")
    if credentials != "embedded":
        findings.add(
            f"CREDENTIAL_STORE is {credentials!r}, which is not built yet. Write `embedded` and set CREDENTIAL_<NAME>."
        )
    transport = environment.get("TOOLMESH_TRANSPORT", "http")
    if transport != "http":
        findings.add(f"TOOLMESH_TRANSPORT is {transport!r}; ToolMesh serves HTTP. Write `http` or leave it out.")


def notes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What is accepted and does nothing yet, one sentence each, for the operator to read at start."""
    found = [
        f"{name} is accepted and does nothing yet: {INERT[name].about}."
        for name in sorted(INERT)
        if environment.get(name, "").strip()
    ]
    if environment.get("GATE_EVALUATORS", "").strip():
        found.append("GATE_EVALUATORS is accepted and does nothing: there are no policies.")
    return tuple(found)


def _policies(environment: Mapping[str, str], config_dir: Path) -> list[Path]:
    directory = Path(environment.get("TOOLMESH_POLICIES_DIR") or config_dir / "policies")
    return sorted(directory.glob("*.js")) if directory.is_dir() else []
