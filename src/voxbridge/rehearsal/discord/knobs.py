"""What can be set on a simulated Discord, before it runs or while it runs."""

from __future__ import annotations

import random

import attrs

AES_GCM = "aead_aes256_gcm_rtpsize"
XCHACHA = "aead_xchacha20_poly1305_rtpsize"


@attrs.define
class Impairment:
    """How one direction of the clients' UDP path treats datagrams. The seed makes a run repeatable.

    ``loss``, ``duplicate`` and ``reorder`` are probabilities in [0, 1]; a reordered packet is held for
    ``reorder_s`` seconds, so that later ones overtake it. ``delay_s`` is added to every packet, and up to
    ``jitter_s`` more, evenly distributed (which reorders by itself once it exceeds 20 ms).
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 0.05  # two and a half frames: overtaken by two, and still within a usual jitter buffer
    delay_s: float = 0.0
    jitter_s: float = 0.0
    seed: int = 1
    _dice: random.Random = attrs.field(init=False, repr=False, eq=False)
    _dice_for_service: random.Random = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        self._dice, self._dice_for_service = random.Random(self.seed), random.Random(self.seed)

    def loses_service(self) -> bool:
        """Roll for a datagram that carries no sound (a keepalive, an answer to a discovery)."""
        return self._dice_for_service.random() < self.loss

    def copies(self) -> list[float]:
        """Roll for one packet: return the delay in seconds of each copy that arrives (none: it is lost)."""
        if self._dice.random() < self.loss:
            return []
        count = 2 if self._dice.random() < self.duplicate else 1
        delays = []
        for _ in range(count):
            held = self.reorder_s if self._dice.random() < self.reorder else 0.0
            delays.append(self.delay_s + held + self._dice.random() * self.jitter_s)
        return delays


@attrs.define
class Knobs:
    """Everything that a test may want otherwise. Read at the moment of use, so it may change during a call."""

    modes: tuple[str, ...] = (AES_GCM, XCHACHA)  # Discord prefers the first and always offers the second
    gateway_heartbeat_ms: int = 41_250
    voice_heartbeat_ms: int = 13_750
    heartbeat_patience: float = 2.0  # a client that is silent for so many intervals is closed with 4009
    acknowledge_heartbeats: bool = True
    heartbeat_ack_after_s: float = 0.02  # a short round trip
    transition_timeout_s: float = 2.0  # a member that does not confirm (op 23) is not waited for any longer
    ready_after_s: float = 0.05  # how late members say that they are ready for new keys (op 23): a round trip
    members_commit: bool = True  # False: members leave commits to the clients, so that a client's own must do
    resume_window_s: float = 5.0  # how long the seat of a lost voice websocket is kept for op 7
    move_patience_s: float = 1.0  # a moved client that does not hang up by itself is closed with 4014
    udp_silence_timeout_s: float = 60.0  # seen in the field: deaf a minute after the last datagram
    echo_keepalives: bool = True
    forward_sound: bool = True  # False: keepalives are echoed, and no packet of anybody's is passed on
    header_extension: bool = True  # on relayed packets, as Discord sends them
    padding_every: int = 0  # every n-th relayed packet carries RTP padding; 0: none. Real clients: 3-15 %
    answer_ip_discovery: bool = True
    # So many of the next discovery replies are lost on their way. None is by default, since UDP loses one in hundreds:
    # it is an ingredient of the random histories (tests/integration/discord/test_adapter_fuzz.py), as is the next.
    lose_discovery_replies: int = 0
    lose_voice_servers: int = 0  # so many of the next words about the voice server never come
    server_before_state: bool = False  # who joins is told the voice server first; Discord promises no order
    # At a change everybody goes to the new voice server. The old one carries no sound from then on, and closes with
    # 4014 after ``move_patience_s``. That it does not even close (``change_voice_server(old_is_dead=True)``) is rare.
    old_server_carries: bool = False
    gateway_late_s: float = 0.03  # how late the main gateway's word about voice is; seconds have been seen
    speaking_once: bool = True  # op 5 comes once for each member, not for each utterance (Discord.Net#3204)
    sound_only_after_sound: bool = False  # forward nothing to who has never sent (seen in 2018-19; docs#808)
    dispatch_voice_updates: bool = True  # False: op 4 is never answered, as for a channel without a free slot
    response_limit_s: float = 3.0  # for a slash command; later, Discord says that the application did not respond
    privileged_intents_allowed: bool = False
    uplink: Impairment = attrs.field(factory=Impairment)  # from clients to the SFU
    downlink: Impairment = attrs.field(factory=Impairment)  # from the SFU to clients
