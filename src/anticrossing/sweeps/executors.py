"""Who computes the chunks: this process, a pool of processes or threads, or a Dask cluster."""

from __future__ import annotations

import abc
import concurrent.futures
import contextlib
import ctypes
import multiprocessing
import os
import pickle
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anticrossing._core.checks import InputError, describe, fail, integer, require
from anticrossing.sweeps.errors import SweepError
from anticrossing.sweeps.evaluate import Block, Job, evaluate, evaluate_pickled, reason
from anticrossing.sweeps.target import Target

_ATTEMPTS = 3  # at a chunk whose worker dies
_PATIENCE = 20.0  # seconds, for a Dask scheduler to answer
_AHEAD = 2  # chunks handed out for each worker, so that none waits for the store

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux

Jobs = Iterable[int]
MakeJob = Callable[[int], Job]


class Runner(abc.ABC):
    """Computes chunks, in any order."""

    slots: int = 1
    """How many chunks are computed at once."""

    @abc.abstractmethod
    def run(self, numbers: Jobs, make: MakeJob) -> Iterator[tuple[int, Block]]:
        """Yield the chunks with these numbers as they finish; few are held at any moment."""

    def close(self) -> None:  # noqa: B027 - not everybody has something to give back
        """Give back what was started."""


class InProcess(Runner):
    """One chunk after the other, here."""

    def run(self, numbers: Jobs, make: MakeJob) -> Iterator[tuple[int, Block]]:
        for number in numbers:
            yield number, evaluate(make(number))


class Futures(Runner):
    """Anything with `submit` that returns futures."""

    lost: tuple[type[BaseException], ...] = (
        concurrent.futures.BrokenExecutor,
        concurrent.futures.CancelledError,
    )
    """What a future raises when its worker is gone, rather than the function has failed."""

    def __init__(self, executor: Any, slots: int) -> None:
        self.executor, self.slots = executor, slots

    def submit(self, job: Job) -> Any:
        """Hand a job out."""
        return self.executor.submit(evaluate, job)

    def recover(self) -> None:
        """Get workers again after some were lost."""

    def give_up(self, futures: Iterable[Any]) -> None:
        """Take back what was handed out."""
        for future in futures:
            future.cancel()

    def run(self, numbers: Jobs, make: MakeJob) -> Iterator[tuple[int, Block]]:
        waiting, attempts = deque(numbers), dict[int, int]()
        running: dict[int, Any] = {}
        finished: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * self.slots:
                    number = waiting.popleft()
                    try:
                        future: Any = self.submit(make(number))
                    except self.lost as error:
                        self._again(number, attempts, waiting, error)
                        continue
                    except RuntimeError as error:  # it has been shut down
                        raise SweepError(
                            f"The executor takes no work: {reason(error)}; what is finished is "
                            "kept."
                        ) from error
                    running[number] = future
                    future.add_done_callback(lambda f, n=number: finished.put((n, f)))
                if not running:
                    continue
                number, future = finished.get()
                del running[number]
                try:
                    block = future.result()
                except self.lost as error:
                    self._again(number, attempts, waiting, error)
                    continue
                except (pickle.PicklingError, AttributeError, ImportError, TypeError) as error:
                    raise _unpicklable(error) from error
                except Exception as error:  # not the function's: those are recorded
                    raise SweepError(
                        f"The workers cannot compute chunk {number}: {reason(error)}; what is "
                        "finished is kept."
                    ) from error
                yield number, block
        finally:
            self.give_up(running.values())

    def _again(
        self, number: int, attempts: dict[int, int], waiting: deque[int], error: BaseException
    ) -> None:
        attempts[number] = attempts.get(number, 0) + 1
        if attempts[number] >= _ATTEMPTS:
            raise SweepError(
                f"The workers were lost {_ATTEMPTS} times while they computed chunk {number}: out "
                f"of memory, or killed ({type(error).__name__}); what is finished is kept."
            ) from error
        waiting.appendleft(number)
        self.recover()


class Processes(Futures):
    """A pool of processes of its own, started anew when one of them dies.

    Every process is given the function once, when it starts, and not again with every chunk.
    """

    def __init__(self, count: int, function: bytes) -> None:
        self._function = function
        super().__init__(self._start(count), count)

    def submit(self, job: Job) -> Any:
        # This may start a process. Ctrl-C on a terminal reaches all of them; one that still
        # imports its modules would print a traceback.
        with _interrupts_held():
            return self.executor.submit(_evaluate_own, job.without_function())

    def recover(self) -> None:
        if getattr(self.executor, "_broken", True):
            self._stop()
            self.executor = self._start(self.slots)

    def close(self) -> None:
        self._stop()

    def _start(self, count: int) -> concurrent.futures.ProcessPoolExecutor:
        # A fork would copy locks that other threads hold, such as those of Numba and BLAS.
        return concurrent.futures.ProcessPoolExecutor(
            count,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self._function,),
        )

    def _stop(self) -> None:
        # Nobody waits for the chunks that are being computed; before Python 3.14 there is no other
        # way to say so.
        processes = list((getattr(self.executor, "_processes", None) or {}).values())
        self.executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


class Dask(Futures):
    """The workers of a Dask client."""

    def __init__(self, client: Any, function: Callable[..., Any], *, owned: bool) -> None:
        import asyncio  # slow, and here already

        distributed = require("distributed", "dask", "A sweep on a Dask cluster")
        super().__init__(client, 1)
        self._owned = owned
        try:
            self._function = distributed.protocol.pickle.dumps(function)
        except Exception as error:  # noqa: BLE001 - whatever an object of somebody else's raises
            raise _unpicklable(error) from None
        self.lost = (
            *Futures.lost,
            distributed.scheduler.KilledWorker,
            distributed.client.CancelledError,
            asyncio.CancelledError,
        )
        self._count()

    def submit(self, job: Job) -> Any:
        self._count()  # workers come and go
        own = self._function, job.without_function()
        return self.executor.submit(evaluate_pickled, *own, pure=False)

    def give_up(self, futures: Iterable[Any]) -> None:
        self.executor.cancel(list(futures))

    def close(self) -> None:
        if self._owned:
            self.executor.close()

    def _count(self) -> None:
        self.slots = max(sum(self.executor.nthreads().values()), 1)


@contextlib.contextmanager
def runner(executor: Any, target: Target) -> Iterator[Runner]:
    """Yield what computes the chunks."""
    chosen = _choose(executor, target)
    try:
        yield chosen
    finally:
        chosen.close()


def _choose(executor: Any, target: Target) -> Runner:
    if executor is None:
        return InProcess()
    if isinstance(executor, int):
        count = integer("executor", executor, minimum=1)
        return Processes(count, _pickled(target))
    if isinstance(executor, str):
        distributed = require("distributed", "dask", "A sweep on a Dask cluster")
        try:
            client = distributed.Client(executor, timeout=_PATIENCE)
        except (OSError, ValueError, TimeoutError) as error:
            raise SweepError(f"No Dask scheduler answers at {executor}: {error}.") from error
        return Dask(client, target.function, owned=True)
    if type(executor).__module__.startswith("distributed."):
        return Dask(executor, target.function, owned=False)
    if isinstance(executor, concurrent.futures.Executor):
        if isinstance(executor, concurrent.futures.ProcessPoolExecutor):
            _pickled(target)
        workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        return Futures(executor, workers)
    raise fail(
        "executor",
        "be a number of processes, an executor of `concurrent.futures`, a Dask client or the "
        "address of a Dask scheduler",
        f"it is {describe(executor)}",
    )


def _pickled(target: Target) -> bytes:
    try:
        return pickle.dumps(target.function)
    except Exception as error:  # noqa: BLE001 - whatever an object of somebody else's raises
        raise _unpicklable(error, target.argument) from None


def _unpicklable(error: Exception, argument: str = "function") -> InputError:
    return fail(
        argument,
        "be one that other processes can import by name, as must be whatever it carries",
        reason(error),
    )


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started within, until they are ready for it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_own: list[bytes] = []
"""The function of a worker process."""


def _evaluate_own(job: Job) -> Block:
    return evaluate_pickled(_own[0], job)


def _begin(function: bytes) -> None:
    """Prepare a worker: it leaves Ctrl-C to the process that writes the store, and ends with it."""
    _own[:] = [function]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    # The thread cannot run while code that keeps the interpreter to itself does; Linux can.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
