"""[discord]: the bot's account, where it sits, and how Discord is reached."""
# ruff: noqa: RUF009 - option() makes an attrs field, and the settings in it are frozen

from __future__ import annotations

import attrs

from voxbridge.config.rules import LIMIT, host_and_port, matches, one_of, option, require
from voxbridge.config.secrets import Secret
from voxbridge.core.messages.catalogue import AUTO, LANGUAGES, Messages, own_text_fault


@attrs.frozen
class NetworkSettings:
    """[discord.network]."""

    hosts: dict[str, str] = option(
        attrs.Factory(dict),
        "Which address to use for a host name of Discord, instead of asking DNS: a host name or *.suffix = "
        "address:port.",
        host_and_port(),
        example={"discord.com": "127.0.0.1:8443"},
    )
    ca_file: str | None = option(
        None, "A PEM file of certificates to trust in addition to the system's.", example="/etc/voxbridge/proxy-ca.pem"
    )


@attrs.frozen
class DiscordSettings:
    """[discord]."""

    token: Secret = option(
        Secret(""),
        "The bot's token, from https://discord.com/developers/applications. If it is not set here, VoxBridge takes it "
        "from $DISCORD_TOKEN, then from systemd's credential discord-token.",
        matches(r"[!#-&(-~]+", "the bot's token alone: no spaces, no quotes, no Bot before it"),
        example={"credential": "discord-token"},
    )
    join: tuple[str, ...] = option(
        (),
        "Voice channels to join at the start.",
        matches(r"\d{1,20}:\d{1,20}", "guild_id:channel_id, both numbers (Discord's developer mode copies them)"),
        example=["123456789012345678:123456789012345679"],
        live=True,
    )
    require_e2ee: bool = option(True, "Send and accept only end-to-end encrypted voice.")
    send_stereo: bool = option(False, "Send two channels; try it if a Discord client plays the voice wrongly.")
    language: str = option(
        AUTO,
        "The language of what VoxBridge itself writes in Discord. With auto, notices are in the server's language "
        "(Server Settings, Community) and answers to commands in the language of whoever types them. What the "
        "commands are called and are for changes with the next start.",
        one_of(AUTO, *LANGUAGES),
        live=True,
    )
    texts: dict[str, str] = option(
        attrs.Factory(dict),
        "Your own words instead of VoxBridge's, by the name of the message, or by language.name for one language only. "
        "The names and the gaps in braces are in docs/messages.md. What the commands are called and are for (name_..., "
        "about_...) changes with the next start.",
        example={"agent_down": "The assistant is asleep.", "de.agent_down": "Der Assistent schläft."},
        live=True,
    )
    guild_ready_timeout_ms: int = option(2000, "How long to wait for the list of servers after the login.", LIMIT)
    network: NetworkSettings = option(
        NetworkSettings(),
        "Connect to other addresses instead of Discord's own, such as a proxy or a simulated Discord.",
    )

    def __attrs_post_init__(self) -> None:
        for key, text in self.texts.items():
            fault = own_text_fault(key, text)
            require(not fault, f'texts."{key}"', fault, allowed="the names and gaps of docs/messages.md")

    @property
    def command_texts(self) -> dict[str, str]:
        """Return those of ``texts`` that Discord is told of at the login: what commands are called and are for."""
        names = {key: key.rpartition(".")[2] for key in self.texts}
        return {key: self.texts[key] for key, name in names.items() if name.startswith(("name_", "about_"))}

    @property
    def messages(self) -> Messages:
        """Return the catalogue of what people read, as these settings have it."""
        return Messages(self.language, self.texts)
