"""Which way of authenticating a definition has."""

from shared.configuration import BackendEntry
from shared.settings import Settings
from workers.backends.rest.auth.authenticator import Authenticator, Unauthenticated
from workers.backends.rest.auth.fixed import Basic, HeaderKey, QueryKey
from workers.backends.rest.auth.given import Given
from workers.backends.rest.auth.oauth2 import OAuth2
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.session import Session
from workers.backends.rest.dadl.auth import ApiKeyAuth, Auth, BasicAuth, BearerAuth, NoAuth, OAuth2Auth, SessionAuth
from workers.backends.rest.wire import Wire
from workers.credentials import Credentials
from workers.equipment import Equipment


def open_authenticator(
    auth: Auth,
    entry: BackendEntry,
    credentials: Credentials,
    wire: Wire,
    equipment: Equipment,
    settings: Settings,
    base_url: str,
) -> Authenticator:
    """Nothing is asked, looked up or connected to yet. `base_url`: without a slash at its end."""
    given = Given(credentials, entry)
    place = Place(entry=entry, settings=settings, given=given, wire=wire, equipment=equipment, base_url=base_url)
    match auth:
        case NoAuth():
            return Unauthenticated()
        case BearerAuth():
            return HeaderKey(auth, given)
        case ApiKeyAuth():
            return QueryKey(auth, given) if auth.inject_into == "query" else HeaderKey(auth, given)
        case BasicAuth():
            return Basic(auth, given)
        case OAuth2Auth():
            return OAuth2(auth, place)
        case SessionAuth():
            return Session(auth, place)
