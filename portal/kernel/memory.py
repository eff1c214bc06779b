"""One pool of memory for all threads, where the C library is glibc.

glibc keeps a pool for each thread and gives little of it back: after six lists of 100,000 rows by eight threads a server held 185 MB, with one pool
126 MB. Python's own lock lets one thread at a time allocate, so more pools bring nothing.
"""

import ctypes
import os

M_ARENA_MAX = -8
"""The number glibc's malloc.h gives the setting."""


def share_one_pool() -> bool:
    """Let all threads of this process share a pool; false where the C library knows no pools, or the operator set their number."""
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    return bool(mallopt is not None and mallopt(M_ARENA_MAX, 1) == 1)
