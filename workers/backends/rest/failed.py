"""A REST call that failed in a way that is certain: the caller gets it as a result that says so."""

import math
from typing import Any

import msgspec

MESSAGE_CHARS_MAX = 1024
_encode = msgspec.json.Encoder().encode


class Failed(Exception):
    """Raised anywhere on the way of a call. What it says goes to the caller, so it holds no secret."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        provider_code: str = "",
        retryable: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """`code`: `invalid_input`, `not_found`, … (DADL 0.2, errors); `status`: HTTP, of an answer; `provider_code`: what
        the API itself calls it; `retry_after_s`: when it wants to be asked again, None where it does not say."""
        cut = message if len(message) <= MESSAGE_CHARS_MAX else message[:MESSAGE_CHARS_MAX] + "... (truncated)"
        super().__init__(cut)
        self.code = code
        self.message = cut
        self.status = status
        self.provider_code = provider_code
        self.retryable = retryable
        self.retry_after_s = None if retry_after_s is None else math.ceil(retry_after_s)

    @property
    def text(self) -> str:
        """`[not_found] HTTP 404: No such row`, as upstream writes it."""
        where = "" if self.status is None else f"HTTP {self.status}: "
        later = "" if self.retry_after_s is None else f" Try again in {self.retry_after_s} s."
        return f"[{self.code}] {where}{self.message}{later}"

    def result(self) -> bytes:
        """The MCP result (`isError`): the text, and the same in parts."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "retryable": self.retryable}
        if self.status is not None:
            error["http_status"] = self.status
        if self.provider_code:
            error["provider_code"] = self.provider_code
        if self.retry_after_s is not None:
            error["retry_after_s"] = self.retry_after_s
        content = [{"type": "text", "text": self.text}]
        return _encode({"content": content, "structuredContent": {"error": error}, "isError": True})
