"""Every page in every state that is worth a look, under a path of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.pages.consent import ConsentView, consent_page
from edge.pages.error import ErrorView, error_page
from edge.pages.landing import LandingView, landing_page
from edge.pages.login import LoginView, login_page

SITE = "https://mesh.example"
LONG_HOST = ".".join(["chatgpt-com", *["a" * 60] * 2, "evil", "example"])
RUDE_NAME = "<script>alert(1)</script> \u202etxet desrever\u200b " + "Z\u0301\u0301\u0301\u0301\u0301" * 4 + "x" * 2000

LOGIN = LoginView(action=f"{SITE}/login", csrf="c" * 64, rid="r" * 32, client_name="ChatGPT", redirect_host="chatgpt.com")
WAYS = tuple((label, f"{SITE}/login/{name}?rid={'r' * 32}") for label, name in (("The Corp", "corp"), ("GitHub", "github")))
CONSENT = ConsentView(
    action=f"{SITE}/consent",
    csrf="c" * 64,
    rid="r" * 32,
    client_name="ChatGPT",
    verified=False,
    kind="document",
    document_host="chatgpt.com",
    redirect_host="chatgpt.com",
    scopes=("tools:read", "tools:write", "offline_access"),
    resource=f"{SITE}/mcp",
    username="alice",
    switch_url=f"{SITE}/login?rid={'r' * 32}",
    lasts_days=180,
)
ERROR = ErrorView(
    status=400,
    title="This did not work",
    what="The program that sent you here is not known to this server. Nothing was given to it.",
    next_step="Go back to the program that sent you here, and connect again.",
    code="invalid_request",
)
LANDING = LandingView(mcp_url=f"{SITE}/mcp")


def pages() -> dict[str, Response]:
    """By name."""
    logins = {
        "login": LOGIN,
        "login-wrong": replace(LOGIN, problem="That name and password do not fit together.", username="alice"),
        "login-locked": replace(LOGIN, problem="There were too many tries. Come back in 12 minutes.", username="alice"),
        "login-rude": replace(LOGIN, client_name=RUDE_NAME, redirect_host=LONG_HOST, username="W" * 256),
        "login-app": replace(LOGIN, redirect_host="cursor:", app_scheme="cursor", client_name="Cursor"),
        "login-elsewhere": replace(LOGIN, elsewhere=WAYS),
        "login-no-password": replace(LOGIN, password=False, elsewhere=WAYS[:1]),
        "login-refused": replace(
            LOGIN,
            elsewhere=WAYS,
            problem="You are Eve Adams (The Corp), and that account may not come in here. Log in as somebody else, or ask "
            "the operator of this server to let in https://login.corp.example/realms/one#5f0c1c1e-2f6a-4c8e-8c39-6a3c5e8f9d21",
        ),
        "login-elsewhere-rude": replace(
            LOGIN, elsewhere=((RUDE_NAME, WAYS[0][1]), ("W" * 60, WAYS[1][1])), problem=RUDE_NAME
        ),
        "login-nowhere": replace(
            LOGIN, password=False, problem="Nobody can log in here at the moment. Tell the operator of this server."
        ),
        "login-bare": replace(LOGIN, redirect_host="", verified=True, client_name="Backoffice"),
    }
    consents = {
        "consent": CONSENT,
        "consent-registered": replace(CONSENT, kind="registered", document_host="", client_name="Claude"),
        "consent-operator": replace(
            CONSENT, kind="static", verified=True, client_name="Backoffice", scopes=("tools:read",)
        ),
        "consent-loopback": replace(
            CONSENT, kind="registered", client_name="Claude Code", redirect_host="127.0.0.1:51004", loopback=True
        ),
        "consent-app": replace(
            CONSENT, kind="registered", client_name="Cursor", redirect_host="", app_scheme="cursor", lasts_days=1
        ),
        "consent-rude": replace(
            CONSENT,
            client_name=RUDE_NAME,
            document_host=LONG_HOST,
            redirect_host=LONG_HOST,
            username="W" * 200,
            resource=f"https://{LONG_HOST}/mcp/b/" + "b" * 60,
            scopes=("tools:read", "s" * 300),
        ),
    }
    errors = {
        "error": ERROR,
        "error-busy": replace(ERROR, status=503, what="The broker is away.", code="temporarily_unavailable"),
        "error-rude": replace(ERROR, what=RUDE_NAME, next_step="w" * 1000, code="<b>" + "c" * 300),
    }
    landings = {
        "landing": LANDING,
        "landing-local": replace(LANDING, mcp_url="http://127.0.0.1:8123/mcp"),
        "landing-anonymous": replace(LANDING, anonymous=True),
        "landing-elsewhere": replace(LANDING, log_in_at=LONG_HOST),
        "landing-keys-alone": replace(LANDING, log_in_at=None),
        "landing-rude": replace(LANDING, mcp_url=f"https://{LONG_HOST}/mcp"),
    }
    return {
        **{name: login_page(view, https=True) for name, view in logins.items()},
        **{name: consent_page(view, form_action="https://chatgpt.com", https=True) for name, view in consents.items()},
        **{name: error_page(view, https=True) for name, view in errors.items()},
        **{name: landing_page(view, https=True) for name, view in landings.items()},
    }


PAGES = pages()


def app() -> Starlette:
    """Serves them."""

    def showing(response: Response) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return response

        return endpoint

    return Starlette(routes=[Route(f"/{name}", showing(response)) for name, response in PAGES.items()])
