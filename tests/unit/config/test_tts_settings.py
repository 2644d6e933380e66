"""The rules of [tts] that concern more than one setting."""

from __future__ import annotations

import pytest

from voxbridge.config.describe import describe, secret_values
from voxbridge.config.kinds import settings_of
from voxbridge.config.load import load
from voxbridge.config.secrets import Secret
from voxbridge.config.settings import Settings
from voxbridge.errors import ConfigError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("chatterbox", "http://h:4123"),
        ("chatterbox", "https://h/v1"),
        ("openai", "https://h"),
        ("wyoming", "tcp://h:10200"),
    ],
)
def test_addresses_that_fit_their_kind(kind, url):
    """HTTP for the two that speak it, tcp for Wyoming."""
    assert settings_of("tts", kind, url=url).url == url


@pytest.mark.parametrize(
    ("kind", "url", "allowed"),
    [
        ("chatterbox", "tcp://h:4123", "http://"),
        ("openai", "tcp://h:1", "http://"),
        ("wyoming", "http://h:10200", "tcp://"),
        ("openai", "", ""),
        ("wyoming", "", ""),
    ],
)
def test_addresses_that_do_not(kind, url, allowed):
    """The message names the setting and what would fit."""
    with pytest.raises(ConfigError) as caught:
        settings_of("tts", kind, url=url)
    assert caught.value.key == "url"
    assert allowed in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"speed": 0.2}, "speed"),
        ({"speed": 4.1}, "speed"),
        ({"response_format": "aac"}, "response_format"),
        ({"pcm_rate_hz": 100}, "pcm_rate_hz"),
        ({"api_key": Secret("two words")}, "api_key"),
        ({"lexicon": {"English": {"a": "b"}}}, "lexicon.English"),
        ({"lexicon": {"en": {" ": "b"}}}, "lexicon.en"),
    ],
)
def test_values_that_are_not_allowed(settings, key):
    """Each is named; a secret is not shown."""
    with pytest.raises(ConfigError) as caught:
        settings_of("tts", "openai", url="http://h", **settings)
    assert caught.value.key == key
    assert "two words" not in str(caught.value)


def test_lexicon_as_tables_of_its_own(tmp_path):
    """A language is a table; the words are keys, with marks and spaces in quotes."""
    file = tmp_path / "voxbridge.toml"
    file.write_text(
        '[tts]\nkind = "openai"\nurl = "http://h"\napi_key = "sesame"\n'
        '[tts.lexicon.en]\nn8n = "n eight n"\n"C++" = "see plus plus"\n[tts.lexicon.de-AT]\n"SQL" = "es ku el"\n'
    )
    settings = load(file, {})
    assert settings.tts.lexicon == {
        "en": {"n8n": "n eight n", "C++": "see plus plus"},
        "de-AT": {"SQL": "es ku el"},
    }
    shown = describe(settings)
    assert shown["tts.lexicon"] == settings.tts.lexicon
    assert "sesame" not in str(shown)
    assert "sesame" in secret_values(settings)


def test_lexicon_of_the_wrong_shape(tmp_path):
    """A word without its language is named."""
    file = tmp_path / "voxbridge.toml"
    file.write_text('[tts.lexicon]\nn8n = "n eight n"\n')
    with pytest.raises(ConfigError, match=r'tts\.lexicon\."n8n"') as caught:
        load(file, {})
    assert "table" in str(caught.value)
    assert Settings().tts.lexicon == {}
