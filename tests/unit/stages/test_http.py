"""What a status and its headers mean, and what a client refuses to be made of."""

from __future__ import annotations

import pytest

from voxbridge.core.wire.quote import Hidden
from voxbridge.errors import ConfigError, StageRefused, StageUnavailable
from voxbridge.stages.http import open_client
from voxbridge.stages.http_status import retry_after_s, status_error

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_status_error_says_when_trying_again_can_help(status):
    """A server that cannot serve now is worth another try, after the wait that it asks for."""
    error = status_error("tts", status, {"retry-after": "7"}, b"busy", backend="chatterbox")
    assert isinstance(error, StageUnavailable)
    assert error.retryable
    assert error.retry_after_s == 7.0
    assert str(error) == f"tts (chatterbox): the server cannot serve now (HTTP {status}: busy)"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 413, 422, 451])
def test_status_error_refusal_is_final(status):
    """The server understood and said no: the status is kept, and nobody tries again."""
    error = status_error("agent", status, {}, b'{"message":"no"}')
    assert isinstance(error, StageRefused)
    assert not error.retryable
    assert error.status == status


def test_status_error_page_of_a_starting_server_is_unavailable():
    """A 404 page comes from a server that starts or a proxy without one; a plain 404 is final."""
    assert isinstance(status_error("agent", 404, {}, b"<!DOCTYPE html><pre>Cannot POST"), StageUnavailable)
    assert isinstance(status_error("agent", 404, {}, b"Not Found"), StageRefused)


def test_status_error_shows_no_speech():
    """A 422 that echoes the sentence is told without it."""
    body = b'{"detail":[{"loc":["body","input"],"msg":"too long","input":"meet me at the harbour"}]}'
    error = status_error("tts", 422, {}, body, hidden=Hidden(speech="meet me at the harbour"))
    assert "body.input: too long" in str(error)
    assert "harbour" not in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": " 120 "}, 120.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, None),  # without the server's own time it means nothing
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:29:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
    ],
)
def test_retry_after(headers, seconds):
    """Seconds or a date, counted by the server's own clock; nonsense is no wish."""
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize("url", ["", "localhost:5678", "ftp://host/x", "http://", "http://[::1", "https:///s3cret"])
def test_open_client_wrong_url_is_a_configuration_error(url):
    """What is no URL is found at the start; the value, which may be a secret, is not shown."""
    with pytest.raises(ConfigError) as caught:
        open_client("agent", url)
    assert "agent.url" in str(caught.value)
    assert "s3cret" not in str(caught.value)
