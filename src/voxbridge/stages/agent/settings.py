"""What several kinds of agents have in their settings; what one has alone stands with it."""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import re

import attrs

from voxbridge.config.rules import LIMIT, at_least, between, http_headers, matches, one_of, option, require, url
from voxbridge.config.secrets import Secret
from voxbridge.config.stages import AgentSettings, api_key, proxy, speculation

_ONE_LINE = matches(r"[\t -~]*", "one line of ASCII characters")


@attrs.frozen(kw_only=True)
class AgentAuthSettings:
    """[agent.auth]: how the key is shown. n8n's header authentication needs none: its header is in [agent.headers]."""

    kind: str = option(
        "",
        "Which kind of credentials the server wants. If api_key is set and this is not: bearer.",
        one_of("none", "basic", "bearer", "jwt"),
        example="basic",
    )
    user: str = option(
        "", "User name, with kind = basic.", matches(r"[^:\r\n]*", "one line without a colon"), example="voxbridge"
    )
    claims: dict[str, str] = option(
        attrs.Factory(dict),
        "Claims of the signed token, in addition to its times, with kind = jwt.",
        example={"iss": "voxbridge"},
    )
    ttl_ms: int = option(60_000, "How long a signed token is valid, with kind = jwt.", between(1000, 3_600_000))

    def __attrs_post_init__(self) -> None:
        require(not self.user or self.kind == "basic", "user", "is used with kind = basic only", allowed="leave it out")
        require(not self.claims or self.kind == "jwt", "claims", "is used with kind = jwt only", allowed="leave it out")


@attrs.frozen(kw_only=True)
class HttpSettings(AgentSettings):
    """An agent behind a URL. The URL is a secret: an n8n webhook's is a password."""

    url: Secret = option(
        Secret(""),
        "The n8n webhook (a secret: everybody who knows it can talk to the workflow), or the API's base: "
        "http://host/v1 for "
        "openai and dify, http://host:11434 for ollama.",
        url("http", "https"),
        example="https://n8n.example.org/webhook/voice",
        needed=True,
    )
    headers: dict[str, Secret] = option(
        attrs.Factory(dict),
        "Headers of each request, such as the one n8n's header authentication asks for.",
        http_headers(),
        example={"X-Api-Key": {"file": "/etc/voxbridge/n8n-key"}},
    )
    api_key: Secret = api_key(
        "The key that the server asks for: a token, or the password (auth.kind = basic), or the key that signs a token "
        "for each request (jwt, HS256).",
        _ONE_LINE,
        was="auth.secret",
    )
    auth: AgentAuthSettings = option(
        AgentAuthSettings(), "How VoxBridge sends the key, if the server does not want it as a bearer token."
    )
    proxy: str = proxy()

    def __attrs_post_init__(self) -> None:
        AgentSettings.__attrs_post_init__(self)
        kind = self.auth.kind
        wants_key = kind in ("basic", "bearer", "jwt")
        require(bool(self.api_key) or not wants_key, "api_key", f'is needed with auth.kind = "{kind}"')
        require(not self.api_key or kind != "none", "api_key", 'is not used with auth.kind = "none"')


@attrs.frozen(kw_only=True)
class McpSettings:
    """[agent.mcp.NAME]: a server of tools for the model, by the Model Context Protocol. Needs the extra ``mcp``."""

    command: tuple[str, ...] = option(
        (),
        "The program to start, with its arguments; it speaks over its input and output.",
        example=["uvx", "mcp-server-time"],
    )
    url: Secret = option(
        Secret(""),
        "Or the address of a server that runs already (streamable HTTP), such as http://localhost:8931/mcp.",
        url("http", "https"),
        example="",
    )
    env: dict[str, Secret] = option(
        attrs.Factory(dict),
        "Environment variables for the program, beside PATH, HOME, USER and LANG; they may be secrets.",
    )
    headers: dict[str, Secret] = option(
        attrs.Factory(dict),
        "Headers of each request to the address.",
        http_headers(),
    )
    tools: tuple[str, ...] = option((), "The tools that may be used, by name; all, if the list is empty.")
    limit_ms: int = option(10_000, "Longest wait for one call.", LIMIT)

    def __attrs_post_init__(self) -> None:
        require(bool(self.command) != bool(self.url), "command", "or url is needed, and not both")
        require(not self.env or bool(self.command), "env", "is for a command", allowed="leave it out")
        require(not self.headers or bool(self.url), "headers", "are for a url", allowed="leave it out")


@attrs.frozen(kw_only=True)
class ModelSettings(HttpSettings):
    """A language model, whose conversation the bridge keeps."""

    speculate: str = speculation("safe")
    model: str = option("", "The model's name.", example="llama3.2", needed=True)
    system_prompt: str = option(
        "You are a voice assistant in a Discord channel. Your answer is spoken: a few short sentences, no lists, no "
        "markdown, no links, no emoji.",
        "Instructions that the model gets before the conversation.",
    )
    room_in_prompt: bool = option(
        True,
        "Tell the model, below the system prompt, who is in the channel, who came and left, with whom it talks and in "
        "which language.",
    )
    temperature: float | None = option(
        None, "How much the model varies its answers. If not set, the server decides.", between(0.0, 2.0), example=0.7
    )
    max_tokens: int | None = option(
        None, "Longest answer in tokens. If not set, the server decides.", at_least(1), example=500
    )
    mcp: dict[str, McpSettings] = option(
        attrs.Factory(dict),
        "A server of tools that the model may use, by the Model Context Protocol. NAME is yours to choose; there may "
        "be several.",
    )
    tool_calls_max: int = option(8, "How often tools may be called for one answer.", between(0, 100))
    tools_limit_ms: int = option(30_000, "Longest time that all tool calls for one answer may take.", LIMIT)
    tool_result_chars_max: int = option(
        8000, "How much of a tool's result the model is told; the rest is cut off.", between(100, 1_000_000)
    )
    history_tokens: int = option(
        4000,
        "How much of the conversation is sent with a question, in tokens (an estimate). 0 sends nothing.",
        between(0, 1_000_000),
    )
    history_turns: int = option(
        200, "How many questions with their answers are remembered at most.", between(1, 10_000)
    )
    history_age_ms: int = option(
        3_600_000, "How long the conversation is remembered; older parts are forgotten.", between(1000, 604_800_000)
    )

    def __attrs_post_init__(self) -> None:
        HttpSettings.__attrs_post_init__(self)
        for name in self.mcp:
            is_plain = re.fullmatch(r"[A-Za-z0-9_-]{1,24}", name) is not None
            require(is_plain, f"mcp.{name}", "is no name for a server of tools", allowed="letters, digits, - and _")


def output_path() -> str:
    """Declare where the answer stands in the reply of a server of the operator's own."""
    return option(
        "",
        "Where the answer is in the reply: the names of the fields with dots between them. If not set, "
        "VoxBridge looks for it.",
        example="data.answer",
    )
