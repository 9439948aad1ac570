"""Processes beside that of the tests, which run one piece of code after another, each in a namespace of its own.

What must be seen in another process (a model that loads where it was not built, another backend, plain TensorFlow, a
conversion) would otherwise import TensorFlow or JAX each time, which takes longer than what is looked at.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time

PATIENCE = 600.0

_SERVER = """
import json, os, sys, traceback

# Whatever is printed, also by native code, goes to standard error: answers have their pipe to themselves.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    code, arguments = json.loads(line)
    sys.argv = ["-c", *arguments]
    try:
        exec(compile(code, "<from the tests>", "exec"), {"__name__": "__main__"})
        error = ""
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps(error), file=answers, flush=True)
"""


def on_backend(backend: str) -> dict[str, str]:
    """The environment of a process of its own, on the CPU; JAX compiles fast there rather than well."""
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    return {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


class Job:
    """A piece of code that a process runs, or will when it has run those before."""

    def __init__(self, process: Elsewhere, number: int):
        self._process, self._number = process, number

    def finish(self) -> None:
        """Waits for its end.

        Raises:
            AssertionError: it failed; the message is its traceback.
        """
        error = self._process.answer(self._number)
        assert not error, error


class Elsewhere:
    """A process, started when it is first asked for something.

    Args:
        options: of the interpreter.
        environment: of the process.
        folder: it works in; None: that of the tests.
    """

    def __init__(self, *options: str, environment: dict[str, str], folder: os.PathLike | None = None):
        self._options, self._environment, self._folder = options, environment, folder
        self._process, self._asked, self._answers, self._read = None, 0, [], b""

    def begin(self, code: str, *arguments: os.PathLike | str) -> Job:
        """Has it run Python code with `sys.argv[1:]`, after what it was asked before; doesn't wait."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, *self._options, "-c", _SERVER],
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self._process.stdin.write(json.dumps([code, [str(a) for a in arguments]]).encode() + b"\n")
        self._process.stdin.flush()
        self._asked += 1
        return Job(self, self._asked - 1)

    def answer(self, number: int) -> str:
        """What went wrong with a piece of code, by its number; "" for nothing."""
        end = time.monotonic() + PATIENCE
        while len(self._answers) <= number:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._process.stdout.fileno(), 65_536) if ready else b""
            assert ready, f"no answer within {PATIENCE:g} s"
            assert part, f"the process ended with {self._process.wait()}"
            *lines, self._read = (self._read + part).split(b"\n")
            self._answers += map(json.loads, lines)
        return self._answers[number]

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
