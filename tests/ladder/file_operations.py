"""Kills this process in the middle of its k-th file operation: half way through a write, before a flush, a rename,
a removal. A child that was forked for the test calls it; what it leaves behind is what a kill -9 leaves behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any


class KilledAt:
    """Counts file operations from now on and dies in number `k`; `begun` is how many there were."""

    def __init__(self, k: int) -> None:
        self.k, self.begun = k, 0
        self._fsync, self._replace, self._unlink, self._open = os.fsync, Path.replace, Path.unlink, Path.open
        os.fsync = self._before(self._fsync)  # type: ignore[assignment]
        Path.replace = self._before(self._replace)  # type: ignore[method-assign]
        Path.unlink = self._before(self._unlink)  # type: ignore[method-assign]
        Path.open = self._half_written()  # type: ignore[method-assign, assignment]

    def undo(self) -> None:
        """Back to how it was, in a process that lived."""
        os.fsync, Path.replace, Path.unlink = self._fsync, self._replace, self._unlink  # type: ignore[method-assign]
        Path.open = self._open  # type: ignore[method-assign]

    def _is_now(self) -> bool:
        self.begun += 1
        return self.begun - 1 == self.k

    def _before(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*arguments: Any, **named: Any) -> Any:
            if self._is_now():
                os.kill(os.getpid(), signal.SIGKILL)
            return operation(*arguments, **named)

        return instead

    def _half_written(self) -> Callable[..., Any]:
        def instead(path: Path, mode: str = "r", *arguments: Any, **named: Any) -> Any:
            stream = self._open(path, mode, *arguments, **named)
            if mode != "xb":
                return stream
            write = stream.write

            class Stream:
                """The stream, but for `write`."""

                def __enter__(inner) -> Stream:
                    return inner

                def __exit__(inner, *_: object) -> None:
                    stream.close()

                def __getattr__(inner, name: str) -> Any:
                    return getattr(stream, name)

                def write(inner, content: bytes) -> int:
                    if self._is_now():
                        write(content[: len(content) // 2])
                        stream.flush()
                        os.kill(os.getpid(), signal.SIGKILL)
                    return write(content)

            return Stream()

        return instead


def killed_in(k: int, work: Callable[[], Any]) -> bool:
    """Run `work` in a forked child that dies in its k-th file operation; False where it lived to the end."""
    child = os.fork()
    if child == 0:
        try:
            KilledAt(k)
            work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed instead of being killed"
    return os.WIFSIGNALED(status)
