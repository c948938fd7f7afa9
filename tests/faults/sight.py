"""What can be seen of a mesh's calls from inside its broker, and what is waited for there."""

from shared import keys
from tests.mesh import Broker, wait_until


class Sight:
    """Looks into one broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def wait_leases(self, count: int) -> None:
        """Wait until that many calls are claimed."""
        wait_until(lambda: len(self.leases()) >= count, f"{count} leases")

    def leases(self) -> list[str]:
        """Ids of the jobs that are leased."""
        with self._broker.client() as client:
            return [key.decode() for key in client.scan_iter(keys.lease("*"))]

    def finals(self) -> int:
        """How many results are kept."""
        with self._broker.client() as client:
            return len(list(client.scan_iter(keys.final("*"))))

    def wait_finals(self, count: int) -> None:
        """Wait until that many results are kept."""
        wait_until(lambda: self.finals() >= count, f"{count} results")

    def wait_edges(self, count: int) -> None:
        """Wait until the broker counts no more living edges than that."""

        def fewer() -> bool:
            with self._broker.client() as client:
                return len(list(client.scan_iter(keys.edge_alive("*")))) <= count

        wait_until(fewer, "the edge counts as gone")

    def findable(self) -> int:
        """How many calls the same call, sent again, could find: writes at once, others when they have run for a moment."""
        with self._broker.client() as client:
            return sum(client.hlen(key) for key in client.scan_iter(keys.reattach("*", "*")))

    def wait_findable(self, count: int) -> None:
        """Wait until that many calls can be found."""
        wait_until(lambda: self.findable() >= count, f"{count} calls that can be found")

    def queued(self) -> int:
        """How many calls wait or run."""
        with self._broker.client() as client:
            return sum(client.zcard(keys.queue("default", "book", lane)) for lane in ("read", "write"))

    def wait_queued(self, count: int) -> None:
        """Wait until that many calls are on the queues."""
        wait_until(lambda: self.queued() >= count, f"{count} queued calls")

    def cut_subscriptions(self) -> None:
        """Close every connection on which somebody listens to a channel."""
        with self._broker.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB")
