"""Workers that start at once: a process with everything imported that forks one for each request.

Run as `python -m tests.crash.forks SOCKET`. Whoever connects sends one line of JSON, and with it the descriptors of the
port that all serve and of the worker's own; then come lines, `started PID`, `stopped`, `continued` and `ended STATUS`.
Hanging up kills the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading

from gateway.plugins import load
from tests.crash import worker

MOST = 64 * 1024
"""Bytes of a request."""


def main(path: str) -> None:
    """Serve until the parent goes away."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's to wait for
        threading.Thread(target=_end_with_parent, daemon=True).start()
        print("ready", flush=True)  # noqa: T201 - the parent waits for it
        while True:
            caller, _ = door.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                _keep(caller)
                os._exit(0)
            caller.close()


def _end_with_parent() -> None:
    """End when standard input closes: the system closes it, however the parent ends."""
    sys.stdin.read()
    os._exit(0)


def _keep(caller: socket.socket) -> None:
    """Fork the worker, and tell what becomes of it."""
    line, ports, _, _ = socket.recv_fds(caller, MOST, 2)
    job = worker.Job(**json.loads(line))
    pid = os.fork()
    if pid == 0:
        caller.close()
        worker.main(job, *(socket.socket(fileno=port) for port in ports))
        os._exit(0)
    for port in ports:
        os.close(port)
    caller.sendall(f"started {pid}\n".encode())
    threading.Thread(target=_end_with_caller, args=(caller, pid), daemon=True).start()
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED | os.WCONTINUED)
        gone = not (os.WIFSTOPPED(status) or os.WIFCONTINUED(status))
        word = f"ended {os.waitstatus_to_exitcode(status)}" if gone else _word(status)
        with contextlib.suppress(OSError):
            caller.sendall(f"{word}\n".encode())
        if gone:
            return


def _word(status: int) -> str:
    return "stopped" if os.WIFSTOPPED(status) else "continued"


def _end_with_caller(caller: socket.socket, pid: int) -> None:
    with contextlib.suppress(OSError):
        caller.recv(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    load()
    main(sys.argv[1])
