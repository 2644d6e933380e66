"""Addresses in running text: where one begins and ends, also where no spaces are written, and what is said of it."""

from __future__ import annotations

import re

_PLAIN = r"[\w%/?#@!$&'*+=:;,.~-]"
_MARKS = ".,;:!?'*_~"
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\u3040-\u30ff\uac00-\ud7af\u0e00-\u0e7f"
# A path may be written in Chinese or Japanese behind a slash; what follows a Latin letter is the sentence going on.
_CHAR = rf"(?:(?![{_CJK}]){_PLAIN}|(?<=[/=_-])[\u3400-\u4dbf\u4e00-\u9fff\u30a0-\u30ff\uac00-\ud7af]+)"
_GROUP = rf"\((?:{_CHAR}|\({_CHAR}*\))*\)"
ADDRESS = (
    rf"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{{1,20}}://|[Ww]{{3}}\.)(?:{_CHAR}|{_GROUP}){{1,2048}}(?<![{_MARKS}])"
)
"""A pattern. Its letters are written out: without regard to case, Python takes long to compile the scripts in it."""

_ADDRESS = re.compile(ADDRESS)


def host_of(address: str) -> str:
    """Return what is said of an address: its host."""
    rest = address.rpartition("://")[2] if "://" in address else address
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].partition(":")[0]
    return host[4:] if host[:4].lower() == "www." else host


def say_addresses(text: str, *, say_hosts: bool) -> str:
    """Replace each address by its host, or by nothing."""
    return _ADDRESS.sub(lambda match: host_of(match[0]) if say_hosts else " ", text)
