"""Workers: processes here, or those of a Dask or Ray cluster; a call that is lost is made again."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any, TypeVar

from onnx2snn.arguments import checked_count
from onnx2snn.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Workers"]

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")

_MOST_LOSSES = 3
"""Workers that may end one after another without any call being done."""

_GIVEN = 4
"""Calls for each worker that are given at once."""

_MANY = 16
"""Workers that a cluster is taken to have."""

_NEEDED = "workers and clusters need joblib: pip install 'onnx2snn[cluster]'"

_FORMS = (
    "cluster: {!r} is no address; give tcp://HOST:PORT or tls://HOST:PORT of a Dask scheduler, "
    "ray://HOST:PORT of a Ray server, or ray for the Ray that runs here"
)


@dataclasses.dataclass(frozen=True)
class Workers:
    """Those who make calls.

    Attributes:
        count: Number of processes here, >= 1; 1 for this process itself.
        cluster: Address of a cluster, whose workers are used instead; None for none.

    Raises:
        OptionError: The number is less than 1, the address has no known form, or a package that
            is needed is not installed.
    """

    count: int = 1
    cluster: str | None = None

    @classmethod
    def of(cls, given: int | str) -> Workers:
        """Return so many processes, or the workers at the address of a cluster."""
        if isinstance(given, str):
            return cls(cluster=given)
        return cls(given)

    def __post_init__(self) -> None:
        """Refuse, before long work, what cannot be."""
        checked_count("workers", self.count, least=1)
        if self.cluster is not None:
            _kind_of(self.cluster)
        if self.are_others:
            _module("joblib", _NEEDED)

    @property
    def at_once(self) -> int:
        """Calls that are worth to be given at once: some for each worker, as far as is known."""
        return _GIVEN * (self.count if self.cluster is None else _MANY)

    @property
    def are_others(self) -> bool:
        """Whether calls are made in other processes than this."""
        return self.count > 1 or self.cluster is not None

    def results(
        self, call: Callable[[_Given], _Found], items: Sequence[_Given]
    ) -> Iterator[tuple[int, _Found]]:
        """Yield the place of each item and what a function makes of it, in any order.

        Where a worker ends, what it had not finished is done by another.

        Args:
            call: The function, which can be sent to other processes.
            items: What it is called with.

        Raises:
            OptionError: The function or an item cannot be sent to other processes.
            Exception: What the function raised.
        """
        if not self.are_others:
            for place, item in enumerate(items):
                yield place, call(item)
            return
        _check_sendable(call, items)
        if self.cluster is None:
            yield from _results_of_processes(self.count, call, items)
        else:
            make_calls = _kind_of(self.cluster)
            yield from make_calls(self.cluster, call, items)


def _results_of_processes(
    count: int, call: Callable[[_Given], _Found], items: Sequence[_Given]
) -> Iterator[tuple[int, _Found]]:
    """Yield results of processes here; where one ends, all of them start anew."""
    joblib = _module("joblib", _NEEDED)
    waiting = dict(enumerate(items))
    losses = 0
    while waiting:
        try:
            with joblib.parallel_config("loky", n_jobs=count):
                for place, found in _run(call, dict(waiting)):
                    del waiting[place]
                    losses = 0
                    yield place, found
        except BrokenProcessPool:
            losses += 1
            if losses > _MOST_LOSSES:
                raise


def _run(
    call: Callable[[_Given], _Found], items: Mapping[int, _Given]
) -> Iterator[tuple[int, _Found]]:
    """Yield results, each as it is there, by the backend that joblib is set to."""
    joblib = _module("joblib", _NEEDED)
    parallel = joblib.Parallel(
        return_as="generator_unordered", batch_size=1, pre_dispatch="all"
    )
    delayed = joblib.delayed(_with_place)
    yield from parallel(delayed(call, *pair) for pair in items.items())


def _with_place(
    call: Callable[[_Given], _Found], place: int, item: _Given
) -> tuple[int, _Found]:
    return place, call(item)


def _check_sendable(call: object, items: object) -> None:
    cloudpickle = _module("cloudpickle", _NEEDED)
    try:
        cloudpickle.dumps((call, items))
    except (TypeError, ValueError, AttributeError, pickle.PicklingError) as error:
        message = (
            "workers: what is given cannot be sent to other processes; give files or arrays "
            f"({error})"
        )
        raise OptionError(message) from error


def _results_of_dask(
    address: str, call: Callable[[_Given], _Found], items: Sequence[_Given]
) -> Iterator[tuple[int, _Found]]:
    """Yield results of Dask, which makes calls of workers that end again by itself."""
    needed = "a Dask cluster needs dask: pip install 'onnx2snn[cluster]'"
    distributed = _module("distributed", needed)
    joblib = _module("joblib", needed)
    with (
        distributed.Client(address, set_as_default=False) as client,
        joblib.parallel_config("dask", client=client),
    ):
        yield from _run(call, dict(enumerate(items)))


def _results_of_ray(
    address: str, call: Callable[[_Given], _Found], items: Sequence[_Given]
) -> Iterator[tuple[int, _Found]]:
    """Yield results of Ray's own tasks: its backend for joblib waits forever for one that ended."""
    ray = _module("ray", "a Ray cluster needs ray: pip install 'onnx2snn[cluster]'")
    was_there = ray.is_initialized()
    if not was_there:
        ray.init("auto" if address == _RAY_HERE else address, log_to_driver=False)
    try:
        task = ray.remote(max_retries=_MOST_LOSSES)(_with_place)
        sent = ray.put(call)
        waiting = [task.remote(sent, *pair) for pair in enumerate(items)]
        while waiting:
            (done,), waiting = ray.wait(waiting)
            yield ray.get(done)
    finally:
        if not was_there:
            ray.shutdown()


_RAY_HERE = "ray"

_KINDS = {
    "tcp://": _results_of_dask,
    "tls://": _results_of_dask,
    "ray://": _results_of_ray,
}
"""Beginning of an address to what lets such a cluster make calls."""


def _kind_of(address: str) -> Callable[..., Iterator[tuple[int, Any]]]:
    if address == _RAY_HERE:
        return _results_of_ray
    for beginning, kind in _KINDS.items():
        if address.startswith(beginning) and len(address) > len(beginning):
            return kind
    message = _FORMS.format(address)
    raise OptionError(message)


def _module(name: str, needed: str) -> Any:  # noqa: ANN401 (a module that need not be there)
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise OptionError(needed) from error
