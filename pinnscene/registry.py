"""Registries: names for things that can be chosen, and extended, by name."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast
from warnings import warn

from pinnscene.errors import PinnsceneError, unknown

T = TypeVar("T")
Kind = TypeVar("Kind")  # what is registered keeps its own, narrower type


class Registry(Generic[T]):
    """Names of one kind of thing, registered in code or by an entry-point group.

    Looking up is lazy: ``names`` imports nothing. A duplicate name raises. A plug-in that fails to import is named
    in a warning and never stops the others.
    """

    def __init__(self, kind: str, group: str | None = None) -> None:
        self.kind, self.group = kind, group
        self._known: dict[str, T] = {}

    def register(self, name: str) -> Callable[[Kind], Kind]:
        """A decorator that registers under ``name``; a name in use raises ``PinnsceneError``."""

        def add(thing: Kind) -> Kind:
            if name in self._known or name in self.plugins():
                raise PinnsceneError(f"a {self.kind} named '{name}' is registered already: choose another name")
            self._known[name] = cast(T, thing)
            return thing

        return add

    def plugins(self) -> dict[str, EntryPoint]:
        """The installed entry points by name, none of them loaded."""
        if self.group is None:
            return {}
        found: dict[str, EntryPoint] = {}
        for point in entry_points(group=self.group):
            if point.name in found and point.value != found[point.name].value:
                raise PinnsceneError(
                    f"two installed packages register the {self.kind} '{point.name}': "
                    f"{found[point.name].value} and {point.value}; uninstall one"
                )
            found[point.name] = point
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._known, *self.plugins()}))

    def __contains__(self, name: object) -> bool:
        return name in self._known or name in self.plugins()

    def __getitem__(self, name: str) -> T:
        if name in self._known:
            return self._known[name]
        plugins = self.plugins()
        if name not in plugins:
            raise unknown(self.kind, name, self)
        try:
            return plugins[name].load()
        except Exception as cause:
            raise PinnsceneError(
                f"the {self.kind} '{name}' failed to load from {plugins[name].value}: {cause}"
            ) from cause

    def registered(self, name: str) -> T | None:
        """What ``register`` put under a name in this process, entry points aside."""
        return self._known.get(name)

    def loadable(self) -> dict[str, Any]:
        """Everything that loads, by name; what does not is named in a warning."""
        loaded = {}
        for name in self:
            try:
                loaded[name] = self[name]
            except PinnsceneError as cause:
                warn(str(cause), stacklevel=2)
        return loaded
