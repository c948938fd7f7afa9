"""An edge that has no identity provider, and takes no tokens of other servers, pays for none of what those need."""

import subprocess
import sys

from tests.mesh import ROOT

_ASK = """
import sys, edge.app
heavy = ('authlib.integrations', 'authlib.oidc', 'edge.providers.oidc', 'edge.providers.github', 'edge.providers.session')
ours = ('verifier', 'server_keys', 'token_rules', 'unverified', 'discovery')
heavy += tuple(f'edge.external.{name}' for name in ours)
print([name for name in sys.modules if name.startswith(heavy)])
"""


def test_nothing_of_it_is_loaded_before_the_first_person_or_token_comes() -> None:
    found = subprocess.run([sys.executable, "-c", _ASK], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"
