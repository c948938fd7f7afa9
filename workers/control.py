"""The control channel: cancels, as signed messages to a whole group."""

from collections.abc import Iterable

from shared import keys
from shared.clock import BrokerClock
from shared.codec import unseal
from shared.errors import ForgedMessage
from shared.mesh_keys import KeyRing
from shared.messages import Cancel
from workers.leases import Leases, Stop
from workers.publishing import Publisher

_AGE_MS_MAX = 60_000


class Control:
    """Acts on what comes over the control channels of the groups that this worker serves."""

    def __init__(
        self, ring: KeyRing, clock: BrokerClock, leases: Leases, publisher: Publisher, groups: Iterable[str]
    ) -> None:
        self._ring = ring
        self._clock = clock
        self._leases = leases
        self._publisher = publisher
        self._groups = {keys.control_channel(group): group for group in groups}

    @property
    def channels(self) -> list[str]:
        """The channels to listen on."""
        return list(self._groups)

    def on_message(self, channel: str, data: bytes) -> None:
        """Cancel what is to be cancelled; refuse, count and record what is not a cancel of ours."""
        group = self._groups[channel]
        try:
            cancel = unseal(self._ring, group, data, Cancel)
            if abs(self._clock.now_ms() - cancel.at_ms) > _AGE_MS_MAX:
                raise ForgedMessage("the cancel is too old")
        except ForgedMessage as forged:
            self._publisher.note_refusal("cancel", forged.detail)
            return
        lease = self._leases.find(keys.job_id(group, cancel.call_id))
        if lease is not None and lease.call.backend == cancel.backend:
            lease.stop(Stop.CANCELLED)
