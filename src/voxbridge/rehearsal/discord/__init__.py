"""A simulated Discord that any standard client can log in to: REST, gateway, voice, UDP, DAVE, slash commands."""

from __future__ import annotations

from voxbridge.rehearsal.discord.hearing import Heard
from voxbridge.rehearsal.discord.interactions import InteractionResult
from voxbridge.rehearsal.discord.knobs import AES_GCM, XCHACHA, Impairment, Knobs
from voxbridge.rehearsal.discord.member import Member
from voxbridge.rehearsal.discord.record import Event, Packet, PostedMessage, Record
from voxbridge.rehearsal.discord.rest import RestFault
from voxbridge.rehearsal.discord.server import SimulatedDiscord
from voxbridge.rehearsal.discord.world import STAGE, TEXT, VOICE, Channel, Guild, World

__all__ = [
    "AES_GCM",
    "STAGE",
    "TEXT",
    "VOICE",
    "XCHACHA",
    "Channel",
    "Event",
    "Guild",
    "Heard",
    "Impairment",
    "InteractionResult",
    "Knobs",
    "Member",
    "Packet",
    "PostedMessage",
    "Record",
    "RestFault",
    "SimulatedDiscord",
    "World",
]
