"""The stages that may run now: those that are out of date and whose needs hold."""

from collections.abc import Mapping

from flows.graph import Stage, dependants


class Schedule:
    """The part of a graph that is still to do.

    A stage is run when DVC sees it changed, or when one that it needs was run and gave other
    outputs than before.
    """

    def __init__(self, graph: Mapping[str, Stage], changed: set[str]) -> None:
        self._graph = graph
        self._waiting = {name for name in graph if name in changed}
        self._running: set[str] = set()
        self.failed: set[str] = set()

    def open(self) -> bool:
        """True while anything is running or may still run."""
        return bool(self._waiting or self._running)

    def ready(self) -> list[Stage]:
        """Stages to start now; they count as running from here on.

        A stage waits for all that it needs in any depth: one between them may still turn out to be
        out of date.
        """
        held: set[str] = set()
        for name in self._waiting | self._running | self.failed:
            held |= dependants(self._graph, name)
        chosen = [self._graph[name] for name in self._graph if name in self._waiting - held]
        self._waiting -= {stage.name for stage in chosen}
        self._running |= {stage.name for stage in chosen}
        return chosen

    def finished(self, name: str, *, changed: bool = True) -> None:
        """A running stage holds; ``changed``: its outputs are not those of before."""
        self._running.discard(name)
        if changed:
            needing = {stage.name for stage in self._graph.values() if name in stage.needs}
            self._waiting |= needing - self.failed - self._running

    def fail(self, name: str) -> None:
        """A running stage failed: those that need it are not run."""
        self._running.discard(name)
        skipped = dependants(self._graph, name)
        self._waiting -= skipped
        self.failed |= {name} | skipped
