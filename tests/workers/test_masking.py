"""Our credentials are found in what others say, however it is written, and honest answers stay as they are."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from workers.masking import MASK, SECRET_BYTES_MIN, Mask

SECRET = 'p@ss/w+rd="x y"\\é9Zk_-.\tä'
WRITTEN: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "latin-1": lambda secret: secret.encode("latin-1"),
    "json": lambda secret: json.dumps(secret, ensure_ascii=False).encode(),
    "json ascii": lambda secret: json.dumps(secret).encode(),
    "json in json": lambda secret: json.dumps(json.dumps(secret)).encode(),
    "json of php": lambda secret: json.dumps(secret).replace("/", "\\/").encode(),
    "json of .NET": lambda secret: json.dumps(secret).replace("+", "\\u002B").replace('\\"', "\\u0022").encode(),
    "json of gson": lambda secret: json.dumps(secret).replace("=", "\\u003d").encode(),
    "url": lambda secret: quote(secret, safe="").encode(),
    "url in lower case": lambda secret: quote(secret, safe="").replace("%2F", "%2f").replace("%3D", "%3d").encode(),
    "url in a url": lambda secret: quote(quote(secret, safe=""), safe="").encode(),
    "url in a url in a url": lambda secret: quote(quote(quote(secret, safe=""), safe=""), safe="").encode(),
    "form": lambda secret: quote_plus(secret).encode(),
    "html": lambda secret: html.escape(secret).encode(),
    "html by numbers": lambda secret: "".join(f"&#{ord(c)};" if not c.isalnum() else c for c in secret).encode(),
    "hex": lambda secret: secret.encode().hex().encode(),
    "base64 of a url": lambda secret: base64.b64encode(quote(secret, safe="").encode()),
    "base64 of json": lambda secret: base64.b64encode(json.dumps(secret, ensure_ascii=False)[1:-1].encode()),
    "hex of a url": lambda secret: quote(secret, safe="").encode().hex().encode(),
    "HEX": lambda secret: secret.encode().hex().upper().encode(),
}


@pytest.mark.parametrize("way", WRITTEN)
def test_a_secret_is_taken_out_however_it_is_written(way: str) -> None:
    mask = Mask(lambda: (SECRET,))
    written = WRITTEN[way](SECRET)
    shown = mask(b"you sent <" + written + b"> to us")
    assert MASK.encode() in shown
    for left in (b"9Zk", b"w+rd", written):
        assert left not in shown
    assert shown.startswith(b"you sent <")
    assert shown.endswith(b"> to us")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["standard", "url"])
@pytest.mark.parametrize("before", ["", "u", "us", "user:", "Bearer "])
@pytest.mark.parametrize("behind", ["", "z", "zz"])
def test_a_secret_inside_of_base64_is_taken_out_but_for_what_it_shares_with_its_neighbours(
    encode: Callable[[bytes], bytes], before: str, behind: str
) -> None:
    secret = "s3cret/va+lue?>~with-odd_things"
    mask = Mask(lambda: (secret,))
    written = encode((before + secret + behind).encode())
    left = mask(written)
    assert MASK.encode() in left
    assert len(left) - len(MASK) <= len(encode((before + behind).encode())) + 4
    as_json = json.dumps(written.decode()).replace("/", "\\/").replace("+", "\\u002b").encode()
    assert len(mask(as_json)) <= len(left) + 2


def test_an_answer_without_a_secret_is_the_very_same() -> None:
    body = json.dumps({"rows": [{"id": n, "name": f"row {n}"} for n in range(1_000)]}).encode()
    assert Mask(lambda: ("not-in-there-0123456789", SECRET))(body) is body


def test_what_is_too_short_to_be_told_from_other_text_stays() -> None:
    short = "k" * (SECRET_BYTES_MIN - 1)
    body = f"look {short}".encode()
    assert Mask(lambda: (short,))(body) is body


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert Mask(lambda: ("abcdefgh", "abcdefgh-ijkl"))(b"<abcdefgh-ijkl>") == b"<***>"


def test_a_secret_that_was_in_use_is_taken_out_when_another_one_is() -> None:
    now = ["first-token-value"]
    mask = Mask(lambda: now)
    assert mask(b"first-token-value") == b"***"
    now[:] = ["second-token-value"]
    assert mask(b"first-token-value second-token-value") == b"*** ***"


def test_a_secret_that_is_in_use_is_taken_out_however_many_others_come_and_go() -> None:
    """An API that sets new cookies with each answer makes new ones all the time."""
    token, others = "the-one-token-value", [f"cookie-number-{number:03}" for number in range(200)]
    now = [token]
    mask = Mask(lambda: now)
    for number in range(0, 200, 2):
        now[:] = [token, *others[max(0, number - 60) : number + 2]]
        assert mask(token.encode()) == b"***", number


def test_each_long_line_of_a_key_file_counts() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nshort\n-----END PRIVATE KEY-----\n"
    mask = Mask(lambda: (key,))
    assert mask(b"x MIIEvQIBADANBgkqhkiG9w0BAQEFAASC y short") == b"x *** y short"
    assert mask(json.dumps({"key": key}).encode()) in (b'{"key": "***\\n"}', b'{"key": "***"}')


def test_text_is_masked_as_bytes_are() -> None:
    mask = Mask(lambda: (SECRET,))
    assert mask.text(f"a {SECRET} b \ud800").startswith("a *** b ")
    assert mask.text("lone \ud800") == "lone \ud800"
