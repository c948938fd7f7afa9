"""A load of real clients while everything fails: they repeat what broke off, and note how each call ended."""

import itertools
import os
import random
import threading
import time
from typing import Any

from tests.faults.caller import Answer, Broken, Caller, Refused, Silent
from tests.faults.history import Ask, End, History
from tests.faults.scene import Scene

KEY_META = "toolmesh/idempotencyKey"
NOTHING_STARTED = ("broker_unavailable", "backend_unavailable", "queue_full", "principal_busy", "upstream_unreachable")
"""Answers that say that nothing was done, and that it may be tried again."""

_KINDS = ("read", "put", "write", "intended")
_WEIGHTS = (35, 20, 35, 10)
_TRY_FOR_S = 60.0
_PAUSE_S = (0.02, 0.4)
_CUT_AFTER_S = 1.3
"""A client that loses its patience: later than a second, as all do."""


class Client:
    """One client: asks until each call has an end."""

    def __init__(self, caller: Caller, history: History, dice: random.Random) -> None:
        self.caller = caller
        self._history = history
        self._dice = dice
        self.sendings = 0
        self.cuts = 0

    def ask(self, tool: str, token: str, arguments: dict[str, Any], *, key: str = "", cut: bool = False) -> Ask:
        """One call, sent again at another edge as often as its connection breaks. `cut`: leave once in the middle of it."""
        edge = self._dice.randrange(len(self.caller.urls))
        began, code = time.time(), ""
        end: End = "broken"
        answer: Answer | None = None
        story: list[str] = []
        meta = {KEY_META: key} if key else {}
        give_up = time.monotonic() + _TRY_FOR_S
        while time.monotonic() < give_up:
            sent, answer = f"{time.time():.3f} edge {edge}", None
            try:
                answer = self._send(tool, arguments, edge, meta, cut=cut and not story)
                end, code = end_of(answer)
                if code not in NOTHING_STARTED or (key and answer.call_id):
                    break  # a key names the call that it had, however that ended
            except Silent:
                end, code = "silent", ""
                break
            except (Broken, Refused) as failure:
                end, code = "broken", str(failure)
            finally:
                story.append(f"{sent}: {end} {code} {answer.call_id[:8] if answer else ''} {time.time():.3f}")
            time.sleep(self._dice.uniform(*_PAUSE_S))
            edge = (edge + 1) % len(self.caller.urls)
        self.sendings += len(story)
        ask = Ask(
            tool=tool,
            token=token,
            arguments_sha256=self.caller.digest(arguments),
            end="broken" if code in NOTHING_STARTED and len(story) > 1 else end,
            code=code,
            text=answer.text if answer is not None else "",
            call_id=answer.call_id if answer is not None else "",
            began=began,
            ended=time.time(),
            sendings=len(story),
            story=tuple(story),
            attached=answer is not None and answer.attached,
            keyed=bool(key),
        )
        self._history.add(ask)
        return ask

    def _send(self, tool: str, arguments: dict[str, Any], edge: int, meta: dict[str, str], *, cut: bool) -> Answer:
        sending = self.caller.open(tool, arguments, edge, **meta)
        if not cut:
            return self.caller.answer(sending)
        timer = threading.Timer(_CUT_AFTER_S, sending.cut)
        timer.start()
        try:
            return self.caller.answer(sending)
        finally:
            timer.cancel()
            self.cuts += sending.cut_by_us


def end_of(answer: Answer) -> tuple[End, str]:
    """How an answer ends a call, and the code of an error."""
    if answer.code == "ok":
        return "ok", ""
    if answer.code == "outcome_unknown":
        return "unknown", answer.code
    return "error", answer.code


class Load:
    """Clients in threads, which go on until they are told to stop."""

    def __init__(self, scene: Scene, history: History, seed: int, *, clients: int, calls: int, limit_s: float) -> None:
        """`calls`: how many to make in all; `limit_s`: after this time without an end a sending counts as unanswered."""
        self._history = history
        self._numbers = itertools.count()
        self._calls = calls
        self._enough = threading.Event()
        self._run = os.urandom(3).hex()
        self._pace_s = 0.0
        self.clients: list[Client] = []
        self._threads: list[threading.Thread] = []
        for number in range(clients):
            dice = random.Random(seed * 1000 + number)
            caller = scene.caller("legacy" if number % 2 else "modern", limit_s=limit_s)
            self.clients.append(Client(caller, history, dice))
            self._threads.append(threading.Thread(target=self._go, args=(self.clients[-1], dice), daemon=True))

    @property
    def made(self) -> int:
        """Calls that have an end."""
        return len(self._history.asks)

    def start(self, pace_s: float) -> None:
        """Start all clients. `pace_s`: mean pause of a client between two calls."""
        self._pace_s = pace_s
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin nothing more."""
        self._enough.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for all clients; False where one is still busy."""
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _go(self, client: Client, dice: random.Random) -> None:
        while not self._enough.is_set() and (number := next(self._numbers)) < self._calls:
            tool = dice.choices(_KINDS, _WEIGHTS)[0]
            token = f"{tool}-{self._run}-{number}"
            if tool == "intended":
                next(self._numbers)  # it is two
                self._ask_twice(client, dice, token)
            else:
                cut = dice.random() < 0.03
                ms = 2000 if cut else _duration_ms(dice)
                client.ask(tool, token, {"token": token, "ms": ms}, cut=cut)
            self._enough.wait(dice.uniform(0, 2 * self._pace_s))

    def _ask_twice(self, client: Client, dice: random.Random, intent: str) -> None:
        """The same write twice on purpose: one after the other or in parallel, with keys of its own or without."""
        arguments = {"intent": intent, "text": "the same on purpose", "ms": _duration_ms(dice)}
        keys = (f"{intent}-a", f"{intent}-b") if dice.random() < 0.5 else ("", "")
        first = threading.Thread(target=client.ask, args=("intended", intent, arguments), kwargs={"key": keys[0]})
        first.start()
        if dice.random() < 0.5:
            first.join()
        client.ask("intended", intent, arguments, key=keys[1])
        first.join()


def _duration_ms(dice: random.Random) -> int:
    """Most calls are quick, some are not."""
    return dice.choice((0, 0, 0, 5, 10, 20, 50, 100, 300, 900))
