"""The process beside: takes mails from its standard input and answers what they say, each with its length before it."""

import pickle
import struct
import sys
from typing import BinaryIO

from portal.kernel.incoming.reading.message import read

_LENGTH = struct.Struct("!Q")


def main() -> None:
    """Say that it is ready, then answer until nobody asks any more."""
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    _say(answers, b"ready")
    while len(head := asked.read(_LENGTH.size)) == _LENGTH.size:
        found = read(asked.read(_LENGTH.unpack(head)[0]))
        _say(answers, pickle.dumps(found))


def _say(answers: BinaryIO, content: bytes) -> None:
    answers.write(_LENGTH.pack(len(content)) + content)
    answers.flush()


if __name__ == "__main__":
    main()
