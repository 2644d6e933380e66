"""What the Python bots of these tests share: a file of packets to play, a file of what was heard, lines to obey."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path


def packets(path):
    """Read a file of Opus packets: two bytes of length before each, big-endian."""
    data, found = Path(path).read_bytes(), []
    while data:
        size = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + size])
        data = data[2 + size :]
    return found


def note_heard(user_id, opus):
    """Keep one packet, from whatever thread it comes."""
    line = json.dumps({"user": str(user_id), "opus": base64.b64encode(opus).decode()})
    with Path(os.environ["HEARD_FILE"]).open("a", encoding="ascii") as file:
        file.write(line + "\n")


async def lines():
    """Yield what the test says on standard input."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield line.split()


def say(*words):
    """Tell the test."""
    print(*words, flush=True)
