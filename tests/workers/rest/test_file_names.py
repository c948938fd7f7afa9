"""What files are called and of what type they are, and those that stand in their URLs."""

import pytest

from workers.backends.rest.requests.data_url import read_data_url
from workers.backends.rest.requests.file_names import UNKNOWN, file_name, media_type


@pytest.mark.parametrize(
    ("url", "content_type", "content"),
    [
        ("data:,", "text/plain;charset=US-ASCII", b""),
        ("data:;base64,aGk=", "text/plain;charset=US-ASCII", b"hi"),
        ("data:image/png;base64,aG k", "image/png", b"hi"),
        ("data:image/png;base64,_-8%3D", "image/png", b"\xff\xef"),
        ("data:text/plain,a%2Cb,c", "text/plain", b"a,b,c"),
    ],
)
def test_data_urls_are_read(url: str, content_type: str, content: bytes) -> None:
    assert read_data_url(url) == (content_type, content)


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/a/b.png", None, "b.png"),
        ("/a/", None, "file"),
        ("", None, "file"),
        ("/a%20%C3%BC.png", None, "a ü.png"),
        ("/..%2f..%2Fetc%2Fpasswd", None, "passwd"),
        ("/a%5C..%5Cb.exe", None, "b.exe"),
        ("/%2e%2e", None, "file"),
        ("/a%0d%0aX%00b", None, "aXb"),
        ("/a%E2%80%AEgnp.exe", None, "agnp.exe"),
        ("/a%ff.png", None, "a\ufffd.png"),
        ("/x", 'attachment; filename="c d.txt"', "c d.txt"),
        ("/x", "attachment; filename*=UTF-8''%C3%BC.txt", "ü.txt"),
        ("/x", 'inline; filename="../../c.txt"', "c.txt"),
        ("/x", "attachment", "x"),
        ("/x", 'attachment; filename="a\r\nX: 1"', "aX: 1"),
        ("/" + "n" * 300, None, "n" * 200),
    ],
)
def test_a_file_is_called_by_a_plain_name(path: str, disposition: str | None, name: str) -> None:
    assert file_name(path, disposition, "file") == name


@pytest.mark.parametrize(
    ("said", "type_"),
    [
        ("image/png", "image/png"),
        ("text/plain; charset=utf-8", "text/plain; charset=utf-8"),
        (None, UNKNOWN),
        ("", UNKNOWN),
        ("nonsense", UNKNOWN),
        ("a/b\r\nX: 1", UNKNOWN),
        ("a/b; é", UNKNOWN),
    ],
)
def test_a_file_is_of_a_type_that_can_be_passed_on(said: str | None, type_: str) -> None:
    assert media_type(said) == type_
