"""Processes beside that of the tests, which run one piece of code after another, each in a namespace of its own.

What must be seen in another process (a model that loads where it was not built, another backend, plain TensorFlow, a
conversion, a training that is killed) would otherwise import TensorFlow or JAX each time, which takes longer than what
is looked at. So a nursery imports Keras on its backend, and nothing of mmzoo, and every process is forked from it.
"""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys

PATIENCE = 600.0

_NURSERY = """
import contextlib, json, os, select, signal, socket, sys, traceback

import keras

asked = socket.socket(fileno=int(sys.argv[1]))
children = set()


def serve(line, environment, folder):
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    if folder:
        os.chdir(folder)
    with line.makefile("rw") as both:
        for asked in both:
            code, arguments = json.loads(asked)
            sys.argv = ["-c", *arguments]
            try:
                exec(compile(code, "<from the tests>", "exec"), {"__name__": "__main__"})
                error = ""
            except BaseException:
                error = traceback.format_exc()
            print(json.dumps(error), file=both, flush=True)


while True:
    ready, _, _ = select.select([asked], [], [], 0.1 if children else None)
    if ready:
        given, handles, _, _ = socket.recv_fds(asked, 1 << 20, 1)
        if not given:
            break
        pid = os.fork()
        if not pid:
            asked.close()
            serve(socket.socket(fileno=handles[0]), *json.loads(given))
            os._exit(0)
        os.close(handles[0])
        children.add(pid)
        asked.send(json.dumps({"born": pid}).encode())
    for pid in sorted(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            children.remove(pid)
            asked.send(json.dumps({"ended": pid, "status": os.waitstatus_to_exitcode(status)}).encode())
for pid in children:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
"""


def on_backend(backend: str) -> dict[str, str]:
    """The environment of a process of its own, on the CPU; JAX compiles fast there rather than well."""
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    return {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


class Nursery:
    """A process that has imported Keras on a backend, and others forked from it; started when first asked for one.

    Args:
        backend: of Keras.
        folder: it works in.
    """

    def __init__(self, backend: str, folder: os.PathLike):
        self._backend, self._folder = backend, folder
        self._process, self._line, self._ended = None, None, {}

    def fork(self, environment: dict[str, str], folder: os.PathLike | None) -> tuple[socket.socket, int]:
        """The line to a new process, and its number.

        Args:
            environment: of the process; nothing of it may matter to what is imported already.
            folder: it works in; None: the nursery's.
        """
        if self._process is None:
            self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            # -P and another directory: nothing is found by chance.
            known = {name: value for name, value in on_backend(self._backend).items() if name != "PYTHONPATH"}
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _NURSERY, str(theirs.fileno())],
                env=known,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                # Whatever is printed, also by native code, goes to standard error.
                stdout=sys.__stderr__.fileno(),
                pass_fds=[theirs.fileno()],
            )
            theirs.close()
        ours, theirs = socket.socketpair()
        given = json.dumps([environment, None if folder is None else os.fspath(folder)]).encode()
        socket.send_fds(self._line, [given], [theirs.fileno()])
        theirs.close()
        while True:
            said = self._hear()
            if "born" in said:
                return ours, said["born"]

    def status(self, pid: int) -> int:
        """Waits for the end of a process; its exit status, negative for the signal that ended it."""
        while pid not in self._ended:
            self._hear()
        return self._ended[pid]

    def _hear(self):
        ready, _, _ = select.select([self._line], [], [], PATIENCE)
        assert ready, f"the nursery said nothing within {PATIENCE:g} s"
        given = self._line.recv(1 << 16)
        assert given, f"the nursery ended with {self._process.wait()}"
        said = json.loads(given)
        if "ended" in said:
            self._ended[said["ended"]] = said["status"]
        return said

    def close(self) -> None:
        """Ends it, and the processes that it made."""
        if self._process is not None:
            self._line.close()
            self._process.wait()


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
        nursery: it is forked from.
        environment: of the process.
        folder: it works in; None: that of the nursery.
    """

    def __init__(self, nursery: Nursery, environment: dict[str, str], folder: os.PathLike | None = None):
        self._nursery, self._environment, self._folder = nursery, environment, folder
        self._asked, self._answers, self._read = 0, [], b""

    @functools.cached_property
    def _process(self) -> tuple[socket.socket, int]:
        return self._nursery.fork(self._environment, self._folder)

    def begin(self, code: str, *arguments: os.PathLike | str) -> Job:
        """Has it run Python code with `sys.argv[1:]`, after what it was asked before; doesn't wait."""
        line, _ = self._process
        line.sendall(json.dumps([code, [str(a) for a in arguments]]).encode() + b"\n")
        self._asked += 1
        return Job(self, self._asked - 1)

    def answer(self, number: int) -> str:
        """What went wrong with a piece of code, by its number; "" for nothing."""
        line, pid = self._process
        while len(self._answers) <= number:
            assert self._listen(line), f"the process ended with {self._nursery.status(pid)}"
        return self._answers[number]

    def be_killed(self) -> None:
        """Waits until what it runs has killed it.

        Raises:
            AssertionError: it came to another end.
        """
        line, pid = self._process
        while self._listen(line):
            assert not self._answers, f"nothing killed it: {self._answers}"
        status = self._nursery.status(pid)
        assert status == -signal.SIGKILL, f"it ended with {status}"

    def _listen(self, line) -> bool:
        """Takes in what it says; False at its end."""
        ready, _, _ = select.select([line], [], [], PATIENCE)
        assert ready, f"no answer within {PATIENCE:g} s"
        part = line.recv(65_536)
        *lines, self._read = (self._read + part).split(b"\n")
        self._answers += map(json.loads, lines)
        return bool(part)
