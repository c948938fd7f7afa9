"""A house whose people log in elsewhere: at npm's oidc-provider, at a server like GitHub, and at one that is bent."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from tests.federation import bent_provider, github_like
from tests.federation.authorization_server import AuthorizationServer
from tests.mesh import Process, wait_until
from tests.oauth.house import House, house
from tests.oauth.person import OAuthClient, Person, form_of, query_of
from tests.oauth.traces import written

SECRET = "corp-secret-0123456789abcdef0123456789"
CALLBACK = "/auth/callback/"
RULES = """
plans: {pro: {allow: ['**']}, free: {allow: ['access:read']}}
roles: {adder: {allow: [echo_add]}, teller: {allow: [echo_time]}}
"""
CORP = """
  - name: corp
    label: The Corp
    issuer: {corp}
    client_id: mesh
    scopes: [openid, profile, groups]
    roles: {{ops: [adder], night: [teller]}}
    plan: none
    company: acme
    allow: {{groups: [staff]}}
"""
BENT = """
  - {{name: bent, issuer: '{bent}', client_id: 'mesh at bent', plan: none,
     roles: {{staff: [adder]}}, allow: {{groups: [staff]}}}}
"""
GITHUB = """
  - {{name: github, label: GitHub, kind: github, issuer: '{github}', client_id: Iv1.0123456789abcdef,
     plan: none, plans: {{acme/core: pro}}, allow: {{groups: [acme]}}}}
"""
PROFILES = {
    "ada": {"name": "Ada Lovelace", "groups": ["staff", "ops"]},
    "bob": {"name": "Bob", "groups": ["staff"]},
    "eve": {"name": "Eve", "groups": ["strangers"]},
}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a" and "button" in (dict(attrs).get("class") or ""):
            self.found.append(dict(attrs).get("href") or "")


def ways_of(page: str) -> dict[str, str]:
    """The links to log in elsewhere of a page, by the provider's name."""
    parser = _Links()
    parser.feed(page)
    return {urlsplit(link).path.rpartition("/")[2]: link for link in parser.found}


def text_of(page: str) -> str:
    """What one reads."""
    return " ".join(html.unescape(re.sub("<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)).split())


@dataclass
class Sso:
    """The house, and the providers."""

    house: House
    corp: AuthorizationServer
    bent: bent_provider.Bent
    github: github_like.GitHubLike
    file: Path

    def write(self, *entries: str) -> None:
        """identity-providers.yaml, which the edges have read when this comes back."""
        addresses = {"corp": self.corp.issuer, "bent": self.bent.issuer, "github": self.github.url}
        text = "providers:\n" + "".join(entry.format(**addresses) for entry in entries)
        self.rewrite(self.file, text, *(process for process, _ in self.house.running.edges[:2]))

    def rewrite(self, file: Path, text: str, *edges: Process) -> None:
        """Write a file of providers, and wait until these edges have read it."""

        def readings() -> list[int]:
            lines = [edge.output().splitlines() for edge in edges]
            return [sum("configuration read again" in line and file.name in line for line in each) for each in lines]

        before = readings()
        file.write_text(text)
        wait_until(lambda: all(now > then for now, then in zip(readings(), before, strict=True)), "the file is read again")

    def arrive(self, person: Person, client: OAuthClient, url: str | None = None) -> httpx2.Response:
        """The log-in page of a client's request."""
        answer = person.get(client.authorize_path(), url)
        return person.get(answer.headers["location"].replace("/consent?", "/login?"), url)

    def leave(self, person: Person, page: httpx2.Response, provider: str, url: str | None = None) -> httpx2.Response:
        """From the log-in page to where the provider is."""
        answer = person.get(ways_of(page.text)[provider], url)
        assert answer.status_code == 303, text_of(answer.text)
        return answer

    def come_back(self, person: Person, answer: httpx2.Response, login: str = "ada") -> str:
        """Through the pages of the provider, as somebody who allows everything; gives the URL that leads back."""
        while CALLBACK not in (location := urljoin(str(answer.url), answer.headers["location"])):
            where = _origin(location)
            page = person.get(location, where)
            if page.is_redirect:
                answer = page
                continue
            form = form_of(page.text)
            answer = person.post(form.action, {**form.fields, "login": login, "password": "any"}, where)
        return location

    def returned(self, person: Person, client: OAuthClient, provider: str = "corp", login: str = "ada") -> httpx2.Response:
        """The answer of the callback."""
        page = self.arrive(person, client)
        return person.get(self.come_back(person, self.leave(person, page, provider), login))

    def tokens(self, client: OAuthClient, provider: str = "corp", login: str = "ada") -> dict[str, Any]:
        """What a client gets when somebody from there allows it."""
        person = self.house.person()
        try:
            code = query_of(person.decide(self.returned(person, client, provider, login), "allow"))["code"]
        finally:
            person.close()
        answer = client.exchange(code)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def tools(self, token: str, edge: int = 0) -> list[str] | int:
        """The tools that a token is shown, but for those of everybody; or the status of the refusal."""
        client = self.house.bearer(token, edge)
        try:
            answer = client.post(client.body("tools/list"), client.headers("tools/list"))
            if answer.status_code != 200:
                return answer.status_code
            return sorted(t["name"] for t in answer.json()["result"]["tools"] if t["name"].startswith("echo_"))
        finally:
            client.close()

    def failures(self) -> list[tuple[str, str]]:
        """Subject and detail of the audit's records of log-ins that failed, once all is written."""
        written(self.house)
        return [
            (str(line.get("subject") or ""), str(line["detail"]))
            for line in self.house.running.audit()
            if line["code"] == "login_failed"
        ]

    @contextmanager
    def fails(self, reason: str, subject: str = "") -> Iterator[None]:
        """What happens inside is recorded as a log-in that failed, of that subject, for a reason with these words."""
        before = Counter(self.failures())
        yield

        def recorded() -> bool:
            """Edges append their records without waiting."""
            return any(said[0] == subject and reason in said[1] for said in Counter(self.failures()) - before)

        wait_until(recorded, f"a record with {reason!r}", 10)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def sso_house(directory: Path, **environment: str) -> Iterator[Sso]:
    """The house with `corp`, `bent` and `github`, of which the first is not started yet."""
    file = directory / "identity-providers.yaml"
    corp = AuthorizationServer(directory, "corp", scopes=["profile", "email", "groups"], profiles=PROFILES)
    secrets = directory / "identity-secrets"
    secrets.write_text(f"corp={SECRET}\nbent={bent_provider.SECRET}\ngithub={github_like.SECRET}\n")
    with ExitStack() as stack:
        bent = stack.enter_context(bent_provider.bent_provider())
        github = stack.enter_context(github_like.github_like())
        file.write_text("providers: []\n")
        settings: dict[str, Any] = {
            "TOOLMESH_IDENTITY_PROVIDERS_CONFIG": str(file),
            "TOOLMESH_IDENTITY_SECRETS_FILE": str(secrets),
            **environment,
        }
        running = stack.enter_context(house(directory, **settings))
        (running.running.config / "authorization.yaml").write_text(RULES)
        found = Sso(running, corp, bent, github, file)
        running.secrets |= {SECRET, github_like.SECRET, github_like.TOKEN, bent_provider.SECRET, bent_provider.TOKEN}
        mesh = {"client_id": "mesh", "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"}
        corp.start(clients=[{**mesh, "redirect_uris": [f"{running.url}{CALLBACK}corp"]}])
        stack.callback(corp.stop)
        yield found
