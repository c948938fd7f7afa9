"""Shows a person the page to log in at: the address on standard error, and their browser where there is one."""

import os
import sys
import threading
import webbrowser

from toolmesh.console import say_aside

_SCREENS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")


def open_in_browser(url: str) -> None:
    """Never waits, and never opens a browser that would take the terminal."""
    has_screen = sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in _SCREENS)
    say_aside(
        f"\nLog in {'in your browser, which opens now' if has_screen else 'by opening this in a browser here'}:\n{url}\n"
    )
    if has_screen:
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
