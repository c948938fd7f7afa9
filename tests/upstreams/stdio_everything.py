"""The SDK's server of `everything.py` over stdio: both eras, as operators have it.

python tests/upstreams/stdio_everything.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.upstreams.everything import server

if __name__ == "__main__":
    server.run("stdio")
