"""Where an agent listens, taken from its URL, and what of it must not be seen."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from voxbridge.stages.agent.settings import HttpSettings

_SECRET_CHARS_MIN = 4  # a shorter path or key hides no better when it is blotted out of every word


@attrs.frozen(repr=False)
class Address:
    """``origin`` is scheme, host and port (and user, if any); ``path`` and ``query`` are as in the URL."""

    origin: str
    path: str
    query: str

    @property
    def target(self) -> str:
        """Return path and query, as in a request."""
        path = self.path or "/"
        return f"{path}?{self.query}" if self.query else path

    def route(self, route: str, *copied: str) -> str:
        """Return the target of a route below this base, if need be of a longer one (``copied``) that was pasted."""
        base = self.path.rstrip("/")
        for tail in (route, *copied):
            base = base.removesuffix(tail.rstrip("/")).rstrip("/")
        return f"{base}{route}?{self.query}" if self.query else f"{base}{route}"


def address_of(url: str) -> Address:
    """Take a URL apart."""
    parts = urlsplit(url)
    return Address(f"{parts.scheme}://{parts.netloc}", parts.path, parts.query)


def secrets_of(settings: HttpSettings, *, hides_path: bool) -> tuple[str, ...]:
    """Return what no message may quote: keys, passwords, the URL and, of a webhook, its path."""
    url = settings.url.reveal()
    address, password = address_of(url), urlsplit(url).password or ""
    where = (url, address.target, address.path, address.path.rpartition("/")[2]) if hides_path and url else (url,)
    headers = (value.reveal() for value in settings.headers.values())
    secrets = (*where, address.query, password, settings.api_key.reveal(), *headers)
    return tuple(secret for secret in secrets if len(secret) >= _SECRET_CHARS_MIN)
