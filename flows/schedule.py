"""Which stages may run now: those whose needs hold."""

from collections.abc import Mapping

from flows.graph import Stage, dependants


class Schedule:
    """What of a graph is still to do.

    A stage is run when DVC sees it changed or when one that it needs was run.
    """

    def __init__(self, graph: Mapping[str, Stage], changed: set[str]) -> None:
        self._graph = graph
        wanted = set(changed)
        for name in changed:
            wanted |= dependants(graph, name)
        self._waiting = {name for name in graph if name in wanted}
        self._running: set[str] = set()
        self.failed: set[str] = set()

    def open(self) -> bool:
        """Whether anything is running or may still run."""
        return bool(self._waiting or self._running)

    def ready(self) -> list[Stage]:
        """Stages to start now; they count as running from here on."""
        busy = self._waiting | self._running | self.failed
        chosen = [
            stage
            for name, stage in self._graph.items()
            if name in self._waiting and not stage.needs & busy
        ]
        self._waiting -= {stage.name for stage in chosen}
        self._running |= {stage.name for stage in chosen}
        return chosen

    def finished(self, name: str) -> None:
        """A running stage holds."""
        self._running.discard(name)

    def fail(self, name: str) -> None:
        """A running stage failed: those that need it are not run."""
        self._running.discard(name)
        skipped = dependants(self._graph, name) & self._waiting
        self._waiting -= skipped
        self.failed |= {name} | skipped
