"""An authorization server of somebody else, of which the test holds the keys, and so can sign what no such server would."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, KeyParameters, OKPKey, RSAKey

from tests.clients import node
from tests.mesh import Process, free_port, wait_until
from tests.oauth.person import CALLBACK, OAuthClient, Person, form_of, register

_SCRIPT = Path(__file__).with_suffix(".mjs")
SCOPES = ("mesh.read", "mesh.write")


def new_key(key_id: str, alg: str = "RS256") -> Key:
    """A key to sign with."""
    said: KeyParameters = {"kid": key_id, "use": "sig", "alg": alg}
    if alg.startswith("ES"):
        return ECKey.generate_key("P-256", said, private=True)
    if alg == "Ed25519":
        return OKPKey.generate_key("Ed25519", said, private=True)
    return RSAKey.generate_key(2048, said, private=True)


def follow(person: Person, url: str, login: str) -> str:
    """Go through the pages of such a server as somebody who allows everything; gives the URL that leads back."""
    answer = person.get(url)
    while not answer.headers["location"].startswith(CALLBACK):
        page = person.get(answer.headers["location"])
        if page.is_redirect:
            answer = page
            continue
        form = form_of(page.text)
        answer = person.post(form.action, {**form.fields, "login": login, "password": "any"})
    return str(answer.headers["location"])


class AuthorizationServer:
    """npm's oidc-provider as a process, on a port that it keeps."""

    def __init__(self, directory: Path, name: str = "server", alg: str = "RS256", **wanted: Any) -> None:
        """`wanted`: members of what the script reads."""
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.keys: list[Key] = [new_key(f"{name}-1", alg), new_key(f"{name}-id", "RS256")]
        self._file, self._log = directory / f"{name}.json", directory / f"{name}.log"
        self.alg = alg
        self._wanted = {"scopes": SCOPES, "port": self.port, "alg": alg, **wanted}
        self._process: Process | None = None

    @property
    def key(self) -> Key:
        """The key that it signs with."""
        return self.keys[0]

    def start(self, **more: Any) -> None:
        """Start (again), with the keys as they are now. `more`: further members of what the script reads."""
        self._wanted |= more
        keys = [key.as_dict(private=True) for key in self.keys]
        self._file.write_text(json.dumps({**self._wanted, "keys": keys}))
        before = self.output().count("listening")
        command = [*node.program(_SCRIPT), str(self._file)]
        self._process = Process(command, self._log, node.environment(), node.HOME)
        wait_until(lambda: self.output().count("listening") > before or self._dead(), "the authorization server listens")

    def stop(self) -> None:
        """It is away."""
        if self._process is not None:
            self._process.kill()

    def _dead(self) -> bool:
        assert self._process is not None
        assert self._process.running, self.output()[-4000:]
        return False

    def output(self) -> str:
        """What it wrote: a line for each request."""
        return self._log.read_text() if self._log.exists() else ""

    def fetches(self) -> int:
        """How often somebody asked for its keys."""
        return self.output().count("GET /jwks ")

    def client(self, resource: str, **metadata: Any) -> OAuthClient:
        """A client that registers itself there (RFC 7591), for that resource of ours."""
        wanted = {"redirect_uris": [CALLBACK], "scope": " ".join(("openid", "offline_access", *SCOPES)), **metadata}
        found = register(self.issuer, **wanted)
        found.resource = resource
        return found

    def tokens(self, client: OAuthClient, login: str = "ada", scope: str = " ".join(SCOPES)) -> dict[str, str]:
        """What a client gets when that person allows it there, over the pages of the server."""
        person = Person(self.issuer)
        try:
            location = follow(person, client.authorize_path(scope=scope), login)
        finally:
            person.close()
        answer = client.exchange(parse_qs(urlsplit(location).query)["code"][0])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None, key: Key | None = None) -> str:
        """A token of its own key, whatever it says. A claim or header of None is left out."""
        used = key or self.key
        said = {"alg": self.alg, "typ": "at+jwt", "kid": used.kid, **(header or {})}
        return jwt.encode(
            {name: value for name, value in said.items() if value is not None},
            {name: value for name, value in claims.items() if value is not None},
            used,
            algorithms=[said["alg"]],
            default_type=None,
        )

    def claims(self, resource: str, **changes: Any) -> dict[str, Any]:
        """Claims as this server writes them for that resource."""
        now = int(time.time())
        found = {
            "iss": self.issuer,
            "sub": "ada",
            "aud": resource,
            "client_id": "a-client",
            "scope": " ".join(SCOPES),
            "iat": now,
            "exp": now + 300,
            "jti": "1",
        }
        return {**found, **changes}
