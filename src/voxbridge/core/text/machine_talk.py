# ruff: noqa: RUF001, RUF002 - DeepSeek's tokens are written with full-width bars
"""What models write for machines, and where it ends: special tokens, thoughts, calls of tools, by maker.

The chat templates and the documents of the makers say how each writes them (Qwen and Hermes: ``<tool_call>``, Llama:
``<|python_tag|>`` and ``[f(x=1)]``, Mistral: ``[TOOL_CALLS]``, DeepSeek: ``<｜tool▁calls▁begin｜>``, ``<｜DSML｜...>``,
Kimi: ``<|tool_calls_section_begin|>``, MiniMax and Anthropic: XML, harmony: channels, LangChain: ``Action:``). What is
seen here has leaked: a server in front of the model should have taken it out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

FindEnd = Callable[[str], int | None]
"""Tells behind which character of a text a hidden stretch ends; None: not yet."""

CALL_CHARS_MAX = 8000  # of a call whose brackets are counted; a longer one ends at the next paragraph


def until(pattern: str) -> FindEnd:
    """Return what finds the end of a stretch by a pattern."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def find(text: str) -> int | None:
        found = compiled.search(text)
        return None if found is None else found.end()

    return find


@attrs.frozen
class Hidden:
    """A stretch that is not said. ``is_kept``: given back as text if its end never comes."""

    find_end: FindEnd
    end_chars_max: int
    """So much of what was skipped may be the beginning of its end."""
    is_kept: bool = False


# -- tags

THOUGHTS = frozenset(
    {"think", "thinking", "thought", "thoughts", "reasoning", "reflection", "scratchpad", "antthinking", "seed:think"}
    | {"chain_of_thought", "cot", "thought_process", "inner_thoughts", "inner_monologue", "internal_monologue"}
)
TOOLS = frozenset(
    {"tool_call", "tool_calls", "toolcall", "tool_response", "tool_result", "tool_results", "tool_use", "tool_code"}
    | {"tool_output", "function", "function_call", "function_calls", "function_response", "function_results", "invoke"}
    | {"antml:function_calls", "antml:invoke", "antml:thinking", "minimax:tool_call", "tool_input", "tool_uses"}
    | {"start_function_call", "start_function_response", "start_function_declaration"}
    | {"use_mcp_tool", "access_mcp_resource", "execute_command", "execute_ipython", "execute_bash", "code_interpreter"}
)
MAYBE = frozenset(
    {"analysis", "internal", "monologue", "plan", "planning", "deliberation", "self_reflection", "action"}
    | {"action_input", "observation", "execute", "search", "search_query", "tools", "tool", "arguments", "parameters"}
)
"""Names that other things have too: what stands in these is left out when their end has come."""
TOKENS = frozenset({"s", "bos", "eos", "pad", "unk", "end_of_turn", "start_of_turn", "endoftext", "sep", "cls", "mask"})
NUMBERED = re.compile(r"<(?:unused|extra_id_|ctrl|reserved_(?:special_)?(?:token_)?)\d{1,4}>|<0x[0-9A-F]{2}>")
NUMBERED_BEGUN = re.compile(
    r"<(?:u|un|unu|unus|unuse|unused|e|ex|ext|extr|extra|extra_|extra_i|extra_id|extra_id_|c|ct|ctr|ctrl"
    r"|r|re|res|rese|reser|reserv|reserve|reserved_?|reserved_(?:special_)?(?:token_)?|0|0x)[0-9A-F]{0,4}\Z"
)
HALF = re.compile(r"<\|(?P<opening>[a-z_]{2,30})>|<(?P<closing>[a-z_]{2,30})\|>")
"""A token with a bar on one side."""
HALF_BEGUN = re.compile(r"<(?:\|[a-z_]{0,30}|[a-z_]{2,30}\|)\Z")
DSML = re.compile(r"<(?P<end>/?)[|｜]DSML[|｜]\s?(?P<name>\w{1,40})[^<>\n]{0,200}>")
DSML_BEGUN = re.compile(r"</?(?:[|｜](?:D(?:S(?:M(?:L(?:[|｜][^<>\n]{0,240})?)?)?)?)?)?\Z")
REASONING = re.compile(r"type\s*=\s*[\"']?reasoning")
SUMMARY = re.compile(r"\s*<summary>(?P<title>[^<]{0,120})</summary>", re.IGNORECASE)
SUMMARY_BEGUN = re.compile(r"\s*(?:<(?:s(?:u(?:m(?:m(?:a(?:r(?:y(?:>[^<]{0,120}(?:<[^>]{0,8})?)?)?)?)?)?)?)?)?)?\Z")
THOUGHT_OF = re.compile(r"th(?:ought|ink)", re.IGNORECASE)


def end_of_tag(name: str) -> Hidden:
    """Return what is hidden between a tag and its closing one."""
    if name.startswith("start_function"):  # FunctionGemma
        return Hidden(until(r"<end_function_\w+>"), 36)
    is_kept = name not in THOUGHTS and name not in TOOLS
    return Hidden(until(rf"</{re.escape(name)}\s*>"), len(name) + 8, is_kept=is_kept)


# -- special tokens

SPECIAL = re.compile(r"<[|｜](/?[^|｜<>\n]{1,60})[|｜]>")
SPECIAL_BEGUN = re.compile(r"<[|｜][^|｜<>\n]{0,60}[|｜]?\Z")
TALKED_OF = re.compile(
    r"[ \t]+(?:[Tt]okens?|tags?|markers?|symbols?|sequences?|strings?|separators?|is|means|marks|stands|signals|ist"
    r"|est|токен\w*|标记|標記|トークン)\b|-[Tt]oken|-[Tt]ag|[ \t]?(?:标记|標記|トークン)"
)
"""What follows a token that is a word of its sentence."""
ROLE = re.compile(r"\s*([A-Za-z_]{1,20})\b[^\n<]{0,60}(?:\n|(?=<[|｜])|\Z)")
ROLE_BEGUN = re.compile(r"\s*(?:[A-Za-z_]{1,20}[^\n<]{0,60})?<?\Z")
SPEAKERS = frozenset({"assistant", "model", "ai", "bot", "gpt", "chatbot"})
OTHERS = frozenset({"user", "human", "system", "tool", "ipython", "environment", "observation", "developer"})
_SPEAKER = r"(?:assistant|bot|model|user|human|system|tool|ipython|environment|observation|developer)"
OTHERS_MESSAGE = Hidden(until(rf"(?=<[|｜](?:im_start|start|start_header_id|{_SPEAKER})[|｜]>|<start_of_turn>)"), 28)
CHANNEL = re.compile(r"<[|｜]channel[|｜]>((?:(?!<[|｜]message[|｜]>)[\s\S]){0,200})<[|｜]message[|｜]>")
MACHINES_MESSAGE = Hidden(until(r"<[|｜](?:end|return|call|eot_id|im_end)[|｜]>|(?=<[|｜](?:start|channel)[|｜]>)"), 20)
_THOUGHT_TOKEN = re.compile(r"(?:begin|start)_of_(?:thought|thinking|reasoning)|thinking|think")
_CALL_TOKEN = re.compile(
    r"python_tag|(?:tool|function)\w*(?:begin|start)|(?:tool|function)_(?:calls?|use|response|result)"
)
_HALF_CHANNEL_END = Hidden(until(r"<channel\|>"), 12)
_THOUGHT_END = Hidden(until(r"<[|｜]/?(?:end_of_)?th\w+[|｜]>"), 40)
_CALL_END = Hidden(
    until(
        r"<[|｜](?:e(?:om|ot)_id|/[^|｜<>\n]{1,30}|(?:tool|function)[^|｜<>\n]{0,24}end)[|｜]>"
        r"|<(?:tool|function)_(?:calls?|use|response|result)\|>"
    ),
    40,
)


def name_of_token(written: str) -> str:
    """Return the name of a special token in small letters, with plain underscores."""
    return written.lower().replace("▁", "_").strip()


def hidden_by_token(name: str) -> Hidden | None:
    """Return what a special token hides behind itself, if anything."""
    if name == "channel":  # of a token with one bar
        return _HALF_CHANNEL_END
    if _THOUGHT_TOKEN.fullmatch(name):
        return _THOUGHT_END
    if _CALL_TOKEN.fullmatch(name):
        return _CALL_END
    return OTHERS_MESSAGE if name in OTHERS else None


# -- marks in square brackets

_BRACKETED = ("TOOL_CALLS", "TOOL_RESULTS", "AVAILABLE_TOOLS", "SYSTEM_PROMPT", "INST", "THINK")
_LONE = ("BOS", "EOS", "PAD", "SEP", "CLS", "UNK")
BRACKET = rf"\[/?(?:{'|'.join((*_BRACKETED, *_LONE))})\]|\[Used tools:|◁/?think▷"
BRACKET_BEGUN = (
    r"\[/?[A-Z_]{0,18}|\[U(?:s(?:e(?:d(?: (?:t(?:o(?:o(?:l(?:s)?)?)?)?)?)?)?)?)?|◁/?(?:t|th|thi|thin|think)?"
)


def hidden_by_bracket(mark: str) -> Hidden | None:
    """Return what a mark in brackets hides behind itself, if anything."""
    match mark:
        case "[TOOL_CALLS]":
            return Hidden(end_of_calls, CALL_CHARS_MAX)
        case "[Used tools:":
            return Hidden(lambda text: end_of_brackets(f"[{text}", shift=1), CALL_CHARS_MAX)
        case "◁think▷":
            return Hidden(until("◁/think▷"), 8)
        case "[INST]":
            return Hidden(until(r"\[/INST\]"), 7, is_kept=True)
        case "[THINK]" | "[TOOL_RESULTS]" | "[AVAILABLE_TOOLS]" | "[SYSTEM_PROMPT]":
            return Hidden(until(re.escape(f"[/{mark[1:]}")), len(mark) + 1)
        case _:
            return None


_CALL_NAME = re.compile(r"\s*[A-Za-z_][\w.-]{0,63}(?:\[CALL_ID\]\w{1,40})?(?:\[ARGS\])?\s*(?=[{\[]|\Z)")
_CALL_GAP = re.compile(r"(?:\s*(?:,|;|\[TOOL_CALLS\]|</s>))*\s*")


def end_of_calls(text: str) -> int | None:
    """Find where calls behind Mistral's mark end: an array of them, or ``name{...}`` one after the other."""
    if len(text) >= CALL_CHARS_MAX:
        return until(r"</s>|\n\n|\Z")(text)
    at = 0
    while True:
        gap = _CALL_GAP.match(text, at)
        place = at if gap is None else gap.end()
        if place == len(text):
            return None
        if text[place] not in "{[":
            name = _CALL_NAME.match(text, place)
            if name is None:
                return at
            if name.end() == len(text):
                return None
            place = name.end()
        elif at and text[place] == "[":
            return at
        end = end_of_brackets(text[place:])
        if end is None:
            return None
        at = place + end


# A string that is not closed (yet) hides its brackets as well.
_BRACKETS = re.compile(r"\"(?:[^\"\\\n]|\\.)*+\"?|[{}\[\]]")


def end_of_brackets(text: str, shift: int = 0) -> int | None:
    """Return where the bracket at the beginning is closed, strings left aside, less ``shift``."""
    depth = 0
    for part in _BRACKETS.finditer(text):
        depth += (part[0] in "{[") - (part[0] in "}]")
        if depth == 0:
            return part.end() - shift
    return None


# -- calls as JSON

_CALLED = frozenset({"name", "tool", "tool_name", "function", "function_name", "action", "recipient_name", "tool_id"})
_GIVEN = frozenset(
    {"arguments", "args", "parameters", "params", "input", "action_input", "tool_input", "tool_args", "kwargs"}
    | {"tool_parameters", "function_args", "function_arguments"}
)
_LISTS = frozenset({"tool_calls", "tool_uses", "function_call", "functioncall", "toolcalls", "tool_call", "tool_use"})
_KINDS = frozenset({"tool_use", "tool_call", "function_call", "tool_result", "tool_calls", "server_tool_use"})


def is_call(value: object) -> bool:
    """Tell whether a JSON value is a call of a tool, or its result."""
    if isinstance(value, list):
        return bool(value) and all(map(is_call, value))
    if not isinstance(value, dict):
        return False
    keys = {str(key).lower() for key in value}
    kind = value.get("type")
    if keys & _LISTS or (isinstance(kind, str) and kind in _KINDS):
        return True
    return bool(keys & _CALLED and keys & _GIVEN) and not is_answer(value)


def is_answer(value: object) -> bool:
    """Tell whether it is LangChain's last call: the one whose input is the answer."""
    return isinstance(value, dict) and str(value.get("action", "")).lower().replace("_", " ") == "final answer"


_ANSWER_KEYS = frozenset({"answer", "text", "response", "message", "output", "content", "reply", "final_answer"})


def answer_within(value: object) -> object | None:
    """Return what a JSON value answers, if it is nothing but a wrapping round an answer: ``{"answer": "Yes."}``."""
    if is_answer(value) and isinstance(value, dict):
        return value.get("action_input")
    if not isinstance(value, dict):
        return None
    is_message = value.keys() == {"role", "content"}
    if not is_message and not (len(value) == 1 and _ANSWER_KEYS & value.keys()):
        return None
    inner = value["content"] if is_message else next(iter(value.values()))
    return answer_within(inner) if isinstance(inner, dict) and answer_within(inner) is not None else inner


# -- how an answer begins

_OPENINGS: tuple[tuple[re.Pattern[str], Hidden | None], ...] = (
    (re.compile(r"\s*(?:#{1,6}\s?Response:|(?:#{1,6}\s?)?(?:\*\*)?(?:Assistant|Final Answer):(?:\*\*)?)\s*"), None),
    (re.compile(r"assistantfinal(?=\S)"), None),
    (
        re.compile(r"(?=(?:analysis|assistantcommentary)(?:[A-Z]| ?to=))"),
        Hidden(until(r"assistantfinal"), 16, is_kept=True),
    ),
    (
        re.compile(r"(?=\s*(?:Thought:|Action: ?\w+\s*\nAction Input:))"),
        Hidden(until(r"Final Answer:\s*|\n(?:AI|Assistant):\s*"), 20, is_kept=True),
    ),
)
_OPENING_BEGUN = re.compile(r"\s*(?:#{1,6} ?)?(?:\*\*?)?(?P<word>[\s\S]{0,90})\Z")
_ACTION_BEGUN = re.compile(r"Action: ?\w*\s*?(?:\n(?P<next>[\w :]*))?\Z")
_OPENING_WORDS = (
    *("Action: ", "Response:", "Assistant:", "Assistant:**", "Final Answer:", "Final Answer:**", "Thought:"),
    *("assistantfinalx", "assistantcommentary to=", "analysisX", "analysis to="),
)


def opening(text: str) -> tuple[int, Hidden | None] | None:
    """Return how much is dropped at the beginning of an answer, and what is hidden then; None: nothing of the kind."""
    for pattern, hidden in _OPENINGS:
        found = pattern.match(text)
        if found is not None:
            return found.end(), hidden
    return None


def may_be_opening(text: str) -> bool:
    """Tell whether a beginning may still become one of those."""
    begun = _OPENING_BEGUN.match(text)
    if begun is None:
        return False
    word = begun["word"]
    action = _ACTION_BEGUN.match(word)
    is_action = action is not None and "Action Input:".startswith(action["next"] or "")
    return is_action or any(each.startswith(word) for each in _OPENING_WORDS)
