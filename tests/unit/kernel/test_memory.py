"""One pool of memory: what glibc did with the setting is seen in a process of its own."""

import os
import platform
import subprocess
import sys

import pytest

GROW = """
import re, sys, threading
from portal.kernel import memory
shared = memory.share_one_pool()
gate = threading.Barrier(8)
def hold():
    gate.wait(); kept = [bytes(600) for _ in range(3000)]; gate.wait(); return kept
threads = [threading.Thread(target=hold) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
heaps = sum(1 for line in open("/proc/self/maps") if re.match(r"[0-9a-f]+0{6}-[0-9a-f]+ rw-p 00000000 00:00 0 *$", line))
print(shared, heaps)
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library has no pools")


def grown(**env: str) -> tuple[bool, int]:
    """Whether the pool was asked for, and how many heaps of 64 MB glibc laid out for eight threads."""
    clean = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    done = subprocess.run([sys.executable, "-c", GROW], env=clean | {"PYTHONMALLOC": "malloc"} | env, capture_output=True, text=True, check=True)
    shared, heaps = done.stdout.split()
    return shared == "True", int(heaps)


@glibc
def test_threads_share_a_pool_unless_the_operator_says_otherwise() -> None:
    """With the operator's number nothing is touched, and glibc lays out a heap for each thread again."""
    (shared, one), (untouched, many) = grown(), grown(MALLOC_ARENA_MAX="16")
    assert (shared, untouched) == (True, False)
    assert one < many
