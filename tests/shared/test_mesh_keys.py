"""The key ring: read strictly, rotated by order, and never shown, whatever is wrong with it."""

import base64
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.mesh_keys import generate_key_ring, parse_key_ring

A, B = (base64.b64encode(byte * 32).decode() for byte in (b"a", b"b"))
SHORT = base64.b64encode(b"c" * 31).decode()


def test_the_first_key_of_a_group_signs_and_all_verify() -> None:
    ring = parse_key_ring(f"default:k2:{B},default:k1:{A},edge:k1:{A}")
    assert ring.signing("default") == ("k2", b"b" * 32)
    assert ring.verifying("default", "k1") == b"a" * 32
    assert ring.groups == {"default", "edge"}


def test_what_the_ring_does_not_hold_verifies_nothing() -> None:
    ring = parse_key_ring(f"default:k1:{A}")
    assert ring.verifying("default", "k2") is None
    assert ring.verifying("edge", "k1") is None
    with pytest.raises(KeyError):
        ring.signing("edge")


def test_a_file_holds_one_entry_a_line_or_several_with_commas(tmp_path: Path) -> None:
    file = tmp_path / "mesh.keys"
    file.write_text(f"default:k1:{A}\n\nedge:k1:{A},edge:k0:{B}\n")
    ring = parse_key_ring(str(file))
    assert ring.signing("edge") == ("k1", b"a" * 32)
    assert ring.groups == {"default", "edge"}


def test_a_generated_ring_is_read_again_and_each_is_another() -> None:
    text = generate_key_ring(["default", "edge"])
    assert parse_key_ring(text).groups == {"default", "edge"}
    assert text != generate_key_ring(["default", "edge"])


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "path of a file"),
        (A, "path of a file"),
        (f"/{A}", "path of a file"),
        (f"~nobody-of-this-name/{A}", "path of a file"),
        (f"default={A}", "path of a file"),
        (f"default:{A}", "entry 1 is not"),
        (f"default:k1:{A}:more", "entry 1 is not"),
        (f"default:k1:{A},edge:k1", "entry 2 is not"),
        (f"Default:k1:{A}", "lower-case"),
        (f":k1:{A}", "lower-case"),
        (f"default::{A}", "lower-case"),
        (f"de.fault:k1:{A}", "lower-case"),
        (f"{'g' * 33}:k1:{A}", "lower-case"),
        ("default:k1:", "0 bytes"),
        (f"default:k1:{SHORT}", "31 bytes"),
        (f"default:k1:{A[:-1]}", "not base64"),
        (f"default:k1:{A[:-2]}!!", "not base64"),
        (f"default:k1:é{A}", "not base64"),
        (f"default:k1:{A},default:k1:{B}", "entry 2 gives"),
        (",,", "path of a file"),
        (":,", "entry 1 is not"),
    ],
)
def test_a_wrong_ring_is_refused_by_what_is_wrong_and_shows_no_key(value: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as refused:
        parse_key_ring(value)
    shown = f"{refused.value.detail} {refused.value!r} {refused.value.__cause__!r}"
    assert not any(key[:12] in shown for key in (A, B, SHORT))


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00", b"nothing that has colons", b"a:b"])
def test_a_file_without_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mesh.keys"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError):
        parse_key_ring(str(file))


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="path of a file"):
        parse_key_ring(str(tmp_path))


def test_no_representation_shows_a_key() -> None:
    ring = parse_key_ring(f"default:k1:{A}")
    for text in (repr(ring), str(ring), f"{ring}"):
        assert "default(k1)" in text
        assert A not in text
        assert "aaaa" not in text
