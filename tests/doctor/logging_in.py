"""A person who logs in wherever the doctor sends them, and whose browser comes back to it."""

import ssl
import threading

import httpx2

from tests.client import TRUST
from tests.doctor.broken import BrokenHouse
from tests.oauth.house import PASSWORD
from tests.oauth.person import Person

_WAIT_S = 30.0


class LoggingIn:
    """The person. `open_url` is for the doctor."""

    def __init__(self, broken: BrokenHouse, trust: ssl.SSLContext, username: str = "ada", decision: str = "allow") -> None:
        """`decision`: at the consent page."""
        self._broken = broken
        self._trust = trust
        self._username = username
        self._decision = decision
        self.opened: list[str] = []
        """The addresses that were shown."""
        self.came_back_to: list[str] = []
        """The addresses at which the browser ended."""

    def open_url(self, url: str) -> None:
        """Begin, in a browser of its own: the doctor does not wait for that."""
        self.opened.append(url)
        threading.Thread(target=self._go, args=(url,), daemon=True).start()

    def _go(self, url: str) -> None:
        person = Person(self._broken.url, self._broken.house.secrets)
        person.http = httpx2.Client(trust_env=False, timeout=_WAIT_S, verify=self._trust, follow_redirects=False)
        try:
            answer = person.log_in(person.get(url), self._username, PASSWORD)
            answer = person.decide(answer, self._decision)
        finally:
            person.close()
        self.come_back(answer.headers["location"])

    def come_back(self, location: str) -> None:
        """Follow the redirect to the client."""
        self.came_back_to.append(location)
        httpx2.get(location, trust_env=False, timeout=_WAIT_S, verify=TRUST)
