"""What may not be read in a log: the edges of the rules that `test_logs` sees only through whole lines."""

from __future__ import annotations

import pytest

from voxbridge.errors import VoxBridgeError
from voxbridge.ops.masking import MASK, SecretMask, exception_without_words, mask_named_secrets, withhold_speech

pytestmark = pytest.mark.unit


def told(error: BaseException) -> str:
    return exception_without_words((type(error), error, error.__traceback__))


@pytest.mark.parametrize(("secret", "is_masked"), [("abcde", False), ("abcdef", True), ("s3cr3t-key", True)])
def test_six_characters_are_a_secret_and_five_are_a_word(secret, is_masked):
    """The shortest secret that is masked has six characters: fewer would blacken half of the log."""
    assert (MASK in SecretMask([secret])(f"key {secret} was refused")) is is_masked


def test_longest_form_goes_first():
    """A URL is masked whole, not its path alone with the rest left to be read."""
    secret = "https://n8n.example/webhook/a1b2c3?key=f00ba4"
    line = SecretMask([secret, "/webhook/a1b2c3"])(f"POST {secret} failed")
    assert line == f"POST {MASK} failed"
    both = SecretMask(["s3cret-a", "s3cret-a-longer", "s3cret"])
    assert both("key s3cret-a-longer was refused") == f"key {MASK} was refused", "a part of the longer one is left"


@pytest.mark.parametrize(
    ("secret", "part"),
    [
        ("Bearer abcdef123", "abcdef123"),
        ("https://n8n.example/webhook/a1b2c3", "/webhook/a1b2c3"),
        ("https://n8n.example/webhook/a1b2c3", "a1b2c3"),
        ("https://n8n.example/hook?key=f00ba4", "key=f00ba4"),
        ('pass"word\u00e9', 'pass\\"word\\u00e9'),
        ('pass"word\u00e9', 'pass\\"word\u00e9'),  # JSON that is written as UTF-8
        ("both\"and'quotes", "both\"and\\'quotes"),  # Python's repr
        ("esc\x1baped", "esc\\x1baped"),
    ],
)
def test_parts_and_spellings_that_give_a_secret_away_are_masked(secret, part):
    """Credentials without their scheme, a path and its id, a query, and what JSON, Python and terminals make of it."""
    assert SecretMask([secret])(f"seen: {part}.") == f"seen: {MASK}."


def test_words_of_a_path_are_left_readable():
    """Of a path only segments with a digit are secret by themselves: an operator may name a webhook `assistant`."""
    assert "assistant" in SecretMask(["https://n8n.example/webhook/assistant"])("the assistant is slow")


def test_fields_with_secret_names_are_masked_by_their_name():
    """`bot.token` and `api_secret` are masked whatever they hold; `tokens_total` is not of that name."""
    event = mask_named_secrets(None, "", {"bot.token": "x", "api_secret": 1, "tokens_total": 3})
    assert event == {"bot.token": MASK, "api_secret": MASK, "tokens_total": 3}


def test_withheld_speech_tells_its_length_only():
    """A transcript becomes its length; what is no text is masked whole; other fields stay."""
    event = withhold_speech(None, "", {"text_pii": "hello", "names_pii": ["Ada"], "took_ms": 3})
    assert event == {"text_pii": "(5 characters)", "names_pii": MASK, "took_ms": 3}


def test_chain_of_causes_that_runs_in_a_circle_ends():
    """An exception that is its own cause's cause is told once."""
    first, second = VoxBridgeError("first"), VoxBridgeError("second")
    first.__cause__, second.__cause__ = second, first
    assert told(first).count("first") == 1
    assert told(first).count("second") == 1


def test_names_of_exceptions_say_where_they_come_from():
    """Python's own have no module before them, all others do."""
    assert told(ValueError("a user's words")) == "ValueError: (withheld: [log] speech = false)"
    assert told(VoxBridgeError("ours")) == "voxbridge.errors.VoxBridgeError: ours"


def test_suppressed_context_is_not_told():
    """`raise ... from None` hides what came before; without it, both are told, the earlier one first."""

    def caught(*, hidden: bool) -> VoxBridgeError:
        try:
            try:
                raise VoxBridgeError("before")
            except VoxBridgeError as before:
                raise VoxBridgeError("after") from (None if hidden else before)
        except VoxBridgeError as error:
            return error

    assert "VoxBridgeError: before" not in told(caught(hidden=True))
    story = told(caught(hidden=False))
    assert story.index("VoxBridgeError: before") < story.index("which led to:") < story.index("VoxBridgeError: after")


def test_group_numbers_what_is_in_it():
    """Each exception of a group is told, with its number and how many there are."""
    story = told(ExceptionGroup("two", [VoxBridgeError("one"), VoxBridgeError("other")]))
    assert "--- 1 of 2 in it ---" in story
    assert "--- 2 of 2 in it ---" in story


def test_operating_systems_errors_keep_number_and_reason():
    """`[Errno 28] No space left on device` quotes nobody, so it is told; a file's name in it is not."""
    assert told(OSError(28, "No space left on device", "/secret/name")) == "OSError: [Errno 28] No space left on device"
