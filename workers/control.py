"""The control channel: cancels, clients' answers and wishes, as signed messages to a whole group."""

from collections.abc import Iterable

from shared import keys
from shared.clock import BrokerClock
from shared.codec import AnyMessage, open_envelope
from shared.errors import ForgedMessage
from shared.mesh_keys import KeyRing
from shared.messages import Answer, Cancel, Wanted
from workers.changes import Changes
from workers.inner.asking import Asking
from workers.leases import Leases, Stop
from workers.publishing import Publisher
from workers.questions import Questions

_AGE_MS_MAX = 60_000


class Control:
    """Acts on what comes over the control channels of the groups that this worker serves."""

    def __init__(
        self,
        ring: KeyRing,
        clock: BrokerClock,
        leases: Leases,
        publisher: Publisher,
        questions: Questions,
        asking: Asking,
        changes: Changes,
        groups: Iterable[str],
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._leases = leases
        self._publisher = publisher
        self._questions = questions
        self._asking = asking
        self._changes = changes
        self._groups = {keys.control_channel(group): group for group in groups}

    @property
    def channels(self) -> list[str]:
        """The channels to listen on."""
        return list(self._groups)

    async def on_subscribed(self) -> None:
        """Look up what may have been missed: answers and wishes. A missed cancel costs only what its call costs."""
        self._changes.nudge_all()
        await self._questions.look_up_all()

    def on_message(self, channel: str, data: bytes) -> None:
        """Do what is asked; refuse, count and record what is not one of our messages."""
        group = self._groups[channel]
        try:
            found, message = open_envelope(self._ring, data)
            if found != group:
                raise ForgedMessage(f"the message is signed for group {found!r}, not for {group!r}")
            self._act(group, message)
        except ForgedMessage as forged:
            self._publisher.note_refusal("cancel", forged.detail)

    def _act(self, group: str, message: AnyMessage) -> None:
        if isinstance(message, Answer):
            self._questions.on_answer(group, message)
        elif isinstance(message, Wanted):
            self._changes.nudge(message.backend)
        elif isinstance(message, Cancel):
            self._cancel(group, message)
        else:
            raise ForgedMessage("what came over the control channel is something else")

    def _cancel(self, group: str, cancel: Cancel) -> None:
        if abs(self._clock.now_ms() - cancel.at_ms) > _AGE_MS_MAX:
            raise ForgedMessage("the cancel is too old")
        lease = self._leases.find(keys.job_id(group, cancel.call_id))
        if lease is not None and lease.call.backend == cancel.backend:
            lease.stop(Stop.CANCELLED)
            self._questions.dismiss(lease)
            self._asking.dismiss(lease)
