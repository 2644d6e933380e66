"""Slash commands: what a bot has registered, how a member uses one, and what the bot answers.

Discord documentation, "Receiving and Responding": a response within 3 s, or the member is told that the application
did not respond; a deferred one may be completed for 15 minutes. What a list of commands must be like stands in
``command_rules``; what a member may type in an option is checked here, as Discord's client does.
"""

from __future__ import annotations

import secrets
from typing import Any

import attrs

from voxbridge.clock import monotonic_s
from voxbridge.core.ids import ChannelId, GuildId, UserId
from voxbridge.rehearsal.discord.command_rules import choice_mistakes
from voxbridge.rehearsal.discord.http import Response
from voxbridge.rehearsal.discord.objects import Json, channel_object, member_object, message_object, user_object
from voxbridge.rehearsal.discord.record import PostedMessage, Record
from voxbridge.rehearsal.discord.world import Bot, Channel, User, World, snowflake

MESSAGE, DEFERRED_MESSAGE, CHOICES = 4, 5, 8
_EPHEMERAL = 1 << 6
_LOADING = 1 << 7
_APPLICATION_COMMAND, _COMPLETION = 2, 4
_USER, _CHANNEL = 6, 7
_ADMINISTRATOR = 1 << 3
_CHOICES_MAX = 25
_KEPT_INTERACTIONS = 200  # tokens live for 15 minutes at Discord; a long rehearsal must not keep them all

_NOT_FOUND = Response(404, {"message": "Unknown Webhook", "code": 10015})


@attrs.define(eq=False)
class InteractionResult:
    """How the bot answered a command; it goes on changing with follow-ups and edits.

    ``content`` is that of the first response, as edited last. Times are seconds from the command to the callback.
    """

    is_acknowledged: bool = False
    acknowledged_after_s: float | None = None
    is_deferred: bool = False
    is_ephemeral: bool = False
    content: str | None = None  # None: nothing to read yet
    embeds: list[Json] = attrs.field(factory=list)
    choices: list[Json] | None = None
    """What was offered while the member typed."""
    followups: list[PostedMessage] = attrs.field(factory=list)
    followups_ephemeral: list[bool] = attrs.field(factory=list)

    @property
    def is_complete(self) -> bool:
        """Tell whether the member has something to read."""
        return self.content is not None or bool(self.followups) or bool(self.embeds) or self.choices is not None


@attrs.define(eq=False)
class _Interaction:
    id: int
    token: str
    bot: Bot
    channel_id: ChannelId
    began_at: float
    result: InteractionResult
    original: PostedMessage
    completes: int | None = None
    """The type of the option that is being typed."""


class Interactions:
    """Registered commands and running interactions."""

    def __init__(self, world: World, record: Record) -> None:
        self._world, self._record = world, record
        self._by_token: dict[str, _Interaction] = {}
        self._commands: dict[tuple[UserId, GuildId | None], dict[str, Json]] = {}
        self.permitted: dict[tuple[str, UserId], bool] = {}
        """What a server's admin has set under Integrations, by command and member: it goes before the default."""

    def commands(self, bot_id: UserId, guild_id: GuildId | None = None) -> list[Json]:
        """Return what a bot has registered, globally or for one guild."""
        return list(self._commands.get((bot_id, guild_id), {}).values())

    def register(self, bot_id: UserId, guild_id: GuildId | None, command: Json) -> Json:
        """Add or replace a command and return it as Discord would."""
        known = self._commands.setdefault((bot_id, guild_id), {})
        name = command["name"]
        stored = {
            "id": known.get(name, {}).get("id", str(snowflake())),
            "application_id": str(bot_id),
            "version": str(snowflake()),
            "default_member_permissions": None,
            "description": "",
            "type": 1,
            "nsfw": False,
            **command,
        }
        if guild_id is not None:
            stored["guild_id"] = str(guild_id)
        known[name] = stored
        return stored

    def replace_all(self, bot_id: UserId, guild_id: GuildId | None, commands: list[Json]) -> list[Json]:
        """Make these the bot's only commands (PUT). What they must be like is checked before."""
        before = self._commands.get((bot_id, guild_id), {})
        names = {command["name"] for command in commands}
        self._commands[bot_id, guild_id] = {name: kept for name, kept in before.items() if name in names}
        self._record.touch()
        return [self.register(bot_id, guild_id, command) for command in commands]

    def remove(self, bot_id: UserId, guild_id: GuildId | None, command_id: str) -> bool:
        """Forget a command; False if there is none with that id."""
        known = self._commands.get((bot_id, guild_id), {})
        for name, command in list(known.items()):
            if command["id"] == command_id:
                del known[name]
                return True
        return False

    def _may_use(self, command: Json, user: User) -> bool:
        """Tell whether Discord shows a member the command."""
        if (set_by_admin := self.permitted.get((command["name"], user.id))) is not None:
            return set_by_admin
        wanted = command.get("default_member_permissions")
        return wanted is None or bool(user.permissions & _ADMINISTRATOR) or int(wanted) & ~user.permissions == 0

    def begin(
        self, bot: Bot, user: User, channel: Channel, name: str, options: dict[str, Any], *, typing: str | None = None
    ) -> tuple[Json, InteractionResult]:
        """Make an INTERACTION_CREATE for a command, ``name`` as typed ("voice set"); with ``typing``, the name of an
        option, the one by which the bot is asked what that may be.

        Raises: LookupError when the bot has registered no such command or option, when Discord would not show it to
        this member, or would not let such an option be sent.
        """
        first, *rest = name.split()
        guild_commands = self._commands.get((bot.user.id, channel.guild_id), {})
        command = guild_commands.get(first) or self._commands.get((bot.user.id, None), {}).get(first)
        if command is None:
            known = sorted({*guild_commands, *self._commands.get((bot.user.id, None), {})})
            raise LookupError(f"/{first} is not registered; the bot has {known}")
        if not self._may_use(command, user):
            raise LookupError(f"/{first} is not shown to {user.name}: it needs permissions that they lack")
        resolved: Json = {}
        data = {
            "id": command["id"],
            "name": first,
            "type": 1,
            "options": self._options(command, rest, options, resolved, typing),
            "resolved": resolved,
        }
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        interaction = self._open(bot, channel)
        if typing is not None:
            interaction.completes = _type_of(command, rest, typing)
        guild = self._world.guilds[channel.guild_id]
        payload = {
            "id": str(interaction.id),
            "application_id": str(bot.user.id),
            "type": _APPLICATION_COMMAND if typing is None else _COMPLETION,
            "data": data,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
            "channel_id": str(channel.id),
            "channel": channel_object(channel) | {"permissions": str(user.permissions)},
            "member": member_object(user),
            "token": interaction.token,
            "version": 1,
            "app_permissions": str(guild.everyone_permissions),
            "locale": user.locale,
            "guild_locale": guild.locale,
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild.id)},
            "context": 0,
            "attachment_size_limit": 10 << 20,
        }
        return payload, interaction.result

    def _open(self, bot: Bot, channel: Channel) -> _Interaction:
        now = monotonic_s()
        original = PostedMessage(now, snowflake(), channel.id, bot.user.id, "")
        interaction = _Interaction(
            snowflake(), secrets.token_urlsafe(32), bot, channel.id, now, InteractionResult(), original
        )
        self._by_token[interaction.token] = interaction
        for token in list(self._by_token)[:-_KEPT_INTERACTIONS]:
            del self._by_token[token]
        return interaction

    def _options(
        self, spec: Json, path: list[str], values: dict[str, Any], resolved: Json, typing: str | None = None
    ) -> list[Json]:
        known = {option["name"]: option for option in spec.get("options") or []}
        if path:
            if path[0] not in known:
                raise LookupError(f"no subcommand {path[0]!r}; there are {sorted(known)}")
            inner = known[path[0]]
            options = self._options(inner, path[1:], values, resolved, typing)
            return [{"name": path[0], "type": inner["type"], "options": options}]
        filled = []
        for name, value in values.items():
            if name not in known:
                raise LookupError(f"no option {name!r}; there are {sorted(known)}")
            kind = known[name]["type"]
            if name == typing:
                filled.append({"name": name, "type": kind, "value": value, "focused": True})
                continue
            _check_typed(known[name], value)
            if kind == _CHANNEL and (kinds := known[name].get("channel_types")):
                channel = self._world.channel(int(value))
                if channel is not None and channel.kind not in kinds:
                    raise LookupError(f"{name!r} takes channels of the kinds {kinds}")
            filled.append({"name": name, "type": kind, "value": self._resolve(kind, value, resolved)})
        missing = [name for name, option in known.items() if option.get("required") and name not in values]
        if missing and typing is None:
            raise LookupError(f"the option {missing[0]!r} must be given")
        return filled

    def _resolve(self, kind: int, value: Any, resolved: Json) -> Any:
        if kind == _CHANNEL:
            channel = self._world.channel(int(value))
            if channel is None:
                raise LookupError(f"there is no channel {value}")
            shown = channel_object(channel) | {
                "permissions": str(self._world.guilds[channel.guild_id].everyone_permissions)
            }
            resolved.setdefault("channels", {})[str(channel.id)] = shown
            return str(value)
        if kind == _USER:
            user = self._world.users[UserId(int(value))]
            member = member_object(user)
            del member["user"]
            resolved.setdefault("users", {})[str(user.id)] = user_object(user)
            resolved.setdefault("members", {})[str(user.id)] = member
            return str(value)
        return value

    def respond(self, interaction_id: str, token: str, body: Json, *, with_response: bool) -> Response:
        """Handle the callback (POST /interactions/{id}/{token}/callback)."""
        interaction = self._by_token.get(token)
        if interaction is None or str(interaction.id) != interaction_id:
            return Response(404, {"message": "Unknown interaction", "code": 10062})
        result, kind = interaction.result, int(body["type"])
        if result.is_acknowledged:
            return Response(400, {"message": "Interaction has already been acknowledged.", "code": 40060})
        data = body.get("data") or {}
        if (kind == CHOICES) != (interaction.completes is not None):
            return Response(400, {"message": "Interaction response type does not fit", "code": 50035})
        if kind == CHOICES:
            choices = data.get("choices") or []
            if len(choices) > _CHOICES_MAX or any(choice_mistakes(choices, interaction.completes or 0, ("choices",))):
                return Response(400, {"message": "Invalid Form Body", "code": 50035})
            result.choices = choices
        result.is_acknowledged = True
        result.acknowledged_after_s = monotonic_s() - interaction.began_at
        result.is_deferred = kind == DEFERRED_MESSAGE
        result.is_ephemeral = bool(int(data.get("flags") or 0) & _EPHEMERAL)
        if kind == MESSAGE:
            self._write(interaction, data)
        self._record.touch()
        if not with_response:
            return Response(204)
        shown: Json = {
            "interaction": {
                "id": interaction_id,
                "type": _APPLICATION_COMMAND,
                "response_message_id": str(interaction.original.id),
                "response_message_loading": result.is_deferred,
                "response_message_ephemeral": result.is_ephemeral,
                "channel_id": str(interaction.channel_id),
            },
            "resource": {"type": kind, "message": self._original(interaction)},
        }
        return Response(200, shown)

    def _write(self, interaction: _Interaction, data: Json) -> None:
        result = interaction.result
        if data.get("content") is not None:
            result.content = interaction.original.content = data["content"]
        if data.get("embeds") is not None:
            result.embeds = data["embeds"]

    def _original(self, interaction: _Interaction) -> Json:
        result = interaction.result
        loading = result.is_deferred and not result.is_complete
        flags = (_EPHEMERAL if result.is_ephemeral else 0) | (_LOADING if loading else 0)
        return message_object(interaction.original, interaction.bot.user, flags=flags)

    def webhook(self, method: str, token: str, message_id: str, body: Json | None) -> Response:
        """Handle follow-ups and edits under /webhooks/{application}/{token}."""
        interaction = self._by_token.get(token)
        if interaction is None or not interaction.result.is_acknowledged:
            return _NOT_FOUND
        self._record.touch()
        if not message_id:
            return self._follow_up(interaction, body or {})
        if message_id in ("@original", str(interaction.original.id)):
            if method == "DELETE":
                interaction.original.is_deleted = True
                return Response(204)
            self._write(interaction, body or {})
            return Response(200, self._original(interaction))
        message = next((m for m in interaction.result.followups if str(m.id) == message_id), None)
        if message is None:
            return Response(404, {"message": "Unknown Message", "code": 10008})
        if method == "DELETE":
            message.is_deleted = True
            return Response(204)
        message.content = (body or {}).get("content") or message.content
        return Response(200, message_object(message, interaction.bot.user))

    def _follow_up(self, interaction: _Interaction, body: Json) -> Response:
        result, content = interaction.result, body.get("content") or ""
        if result.is_deferred and not result.is_complete:
            self._write(interaction, body)  # the first follow-up completes a deferred response
            return Response(200, self._original(interaction))
        flags = int(body.get("flags") or 0)
        message = PostedMessage(monotonic_s(), snowflake(), interaction.channel_id, interaction.bot.user.id, content)
        result.followups.append(message)
        result.followups_ephemeral.append(bool(flags & _EPHEMERAL))
        return Response(200, message_object(message, interaction.bot.user, flags=flags))


def without_localizations(command: Json) -> Json:
    """Return a command as Discord lists it to who does not ask for its translations."""
    return {field: value for field, value in command.items() if not field.endswith("_localizations")} | {
        "options": [without_localizations(option) for option in command.get("options") or ()]
    }


def _type_of(command: Json, path: list[str], typing: str) -> int:
    """Return the type of the option that is being typed. Raises: LookupError if the bot does not complete it."""
    for step in path:
        command = next(option for option in command["options"] if option["name"] == step)
    option = next((each for each in command.get("options") or () if each["name"] == typing), None)
    if option is None or not option.get("autocomplete"):
        raise LookupError(f"the option {typing!r} is not completed by the bot")
    return int(option["type"])


def _check_typed(option: Json, value: Any) -> None:
    """Refuse what Discord's client does not send. Raises: LookupError."""
    name, choices = option["name"], option.get("choices") or []
    if choices and value not in [choice["value"] for choice in choices]:
        raise LookupError(f"{value!r} is no choice of {name!r}; there are {[each['value'] for each in choices]}")
    if isinstance(value, str):
        shortest, longest = option.get("min_length") or 0, option.get("max_length") or 6000
        if not shortest <= len(value) <= longest:
            raise LookupError(f"{name!r} takes {shortest} to {longest} characters")
    elif isinstance(value, int | float) and option["type"] not in (_USER, _CHANNEL):
        least, most = option.get("min_value"), option.get("max_value")
        if (least is not None and value < least) or (most is not None and value > most):
            raise LookupError(f"{name!r} takes {least} to {most}")
