"""From a datagram to an Opus packet with a name on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from voxbridge.core.call.deafness import DeafnessWatch
from voxbridge.core.call.flood import Allowance
from voxbridge.core.ids import UserId
from voxbridge.core.sound.pcm import SILENCE_OPUS, OpusPacket
from voxbridge.core.wire.rtp import (
    HEADER_BYTES,
    DaveAdvice,
    DaveHealth,
    NotAudio,
    RtpPacket,
    SsrcMap,
    classify,
    open_packet,
    trial_order,
)
from voxbridge.discord.company import MayHear
from voxbridge.discord.counters import VoiceCounters
from voxbridge.discord.dave import FRAME_MARKER, FrameKeys
from voxbridge.discord.seal import TransportKey

_RETRY_PACKETS = 512  # a second of ten people speaking at once
_RETRY_S = 1.0
# So many frames of a stream that its owner's keys do not open are tried with the others' keys, until one opens or the
# keys change: the first settles whose it is, and nobody can make us try for ever.
_OTHERS_TRIED = 5


class Receiver:
    """Opens what comes in on one connection. Never raises for what a peer sends; it counts.

    This is the one place where consent is asked for: ``may_hear`` before a packet is opened, by the stream's number,
    which is in clear. A packet of a stream whose owner is not known is opened only if somebody in the call (``company``
    has them) may be heard; then the keys of those are tried on it and no others.

    ``deliver`` gets each packet in the order of arrival, ``advise`` what the failures of DAVE suggest, ``deafness``
    whether anything can be opened at all. ``company`` tells who else is in the call.
    """

    def __init__(
        self,
        own_id: UserId,
        end_to_end: FrameKeys,
        counters: VoiceCounters,
        *,
        require_e2ee: bool,
        deliver: Callable[[OpusPacket], None],
        advise: Callable[[DaveAdvice], None],
        deafness: DeafnessWatch | None = None,
        may_hear: MayHear = lambda _user: True,
        company: Callable[[], Iterable[UserId]] = tuple,
    ) -> None:
        self.ssrcs = SsrcMap()
        self.key: TransportKey | None = None
        self._own_id, self._e2e, self._counters = own_id, end_to_end, counters
        self._require_e2ee, self._deliver, self._advise = require_e2ee, deliver, advise
        self._health = DaveHealth()
        self._deafness = deafness or DeafnessWatch()
        self._may_hear, self._company = may_hear, company
        self._heard_since: dict[UserId, float] = {}  # of those who may be heard since we are in this call
        self._allowance = Allowance()
        self._newest: dict[UserId, tuple[int, int]] = {}  # stream and sequence
        self._failures: dict[UserId, int] = {}  # in a row, with these keys
        self._epoch: int | None = None
        self._tried_in: dict[int, int | None] = {}  # streams without an owner, and the epoch whose keys were tried
        # Frames that did not open. A member whose library sends with the new keys as soon as it has the commit (davey
        # does) is ahead of us by the length of our websocket: 2 frames at each change of keys were lost without this.
        self._unopened: deque[tuple[UserId, RtpPacket, float]] = deque(maxlen=_RETRY_PACKETS)

    def member_left(self, user_id: UserId) -> None:
        """Forget a member's streams, and what is known of him (voice op 13)."""
        self.ssrcs.drop_user(user_id)
        self._newest.pop(user_id, None)
        self._failures.pop(user_id, None)
        self._health.forget(user_id)

    def hears_from_now(self, user_id: UserId, now: float) -> None:
        """Note that a member may be heard: what came before that stays unopened, however long it has waited."""
        self._heard_since[user_id] = now

    def _hears(self, user_id: UserId, arrived_at: float) -> bool:
        """Tell whether a packet of a member that came then may be opened."""
        return self._may_hear(user_id) and arrived_at >= self._heard_since.get(user_id, arrived_at)

    def feed(self, datagram: bytes, now: float) -> None:
        """Take one datagram of the voice socket; ``now`` is Trio time in seconds."""
        if self.key is None:
            self._counters.no_key_yet += 1
            return
        if not self._is_wanted(datagram, now):
            self._counters.not_heard += 1
            self._deafness.arrived(now)
            return
        if len(datagram) >= HEADER_BYTES and not self._allowance.takes(int.from_bytes(datagram[8:12], "big"), now):
            self._counters.flooded += 1
            return
        packet = open_packet(datagram, self.key.open)
        if isinstance(packet, NotAudio):
            self._counters.note_not_audio(packet)
            if packet is NotAudio.UNAUTHENTIC:
                self._deafness.failed(now)
            return
        self.look_at_keys(now)
        self._deafness.arrived(now)
        owner = self.ssrcs.owner(packet.ssrc)
        if owner is not None:
            self._pass_on(owner, packet, now)
            return
        self._counters.unknown_ssrc += 1
        self.ssrcs.hold(packet, now)
        self._counters.expired = self.ssrcs.expired
        if not self._e2e.version:
            self._identify_by_elimination(packet.ssrc, now)
        elif not self._identify(packet.ssrc, now):
            self._deafness.failed(now)

    def _is_wanted(self, datagram: bytes, now: float) -> bool:
        """Tell from the clear bytes whether this may be somebody who is to be heard."""
        if len(datagram) < HEADER_BYTES or classify(datagram) is not None:
            return True  # no sound; what it is, is looked at where it is read
        owner = self.ssrcs.owner(int.from_bytes(datagram[8:12], "big"))
        if owner is not None:
            return self._hears(owner, now)
        others = {*self._company(), *self._e2e.members()} - {self._own_id}
        return not others or any(self._hears(user_id, now) for user_id in others)

    def assign(self, ssrc: int, user_id: UserId, now: float) -> None:
        """Take Discord's word for whose stream this is (voice ops 5 and 12), and hand on what waited for it."""
        if ssrc == 0 or user_id == self._own_id:
            return
        for held in self.ssrcs.assign(ssrc, user_id, now):
            self._pass_on(user_id, held.packet, held.arrived_at)

    def _identify(self, ssrc: int, now: float) -> bool:
        """Find the owner of a stream by trying keys: only the true sender's opens a frame. Tell whether he was found.

        Discord does not say again who speaks to those who come later, so after a rejoin this is the only source.
        The oldest frame is tried first, since DAVE refuses frames older than the first one it has opened.
        """
        if not self._e2e.is_ready:
            return False
        waiting = self.ssrcs.waiting(ssrc)
        if self._tried_in.get(ssrc) == self._epoch:
            waiting = waiting[-1:]  # the older ones have met these keys before
        if len(self._tried_in) > SsrcMap.HOLD_STREAMS:
            self._tried_in.clear()  # a spray of stream numbers; being forgetful costs a few tries
        self._tried_in[ssrc] = self._epoch
        heard = filter(self._may_hear, self._e2e.members())
        members = trial_order(heard, self.ssrcs.owners, self._own_id)
        for held in waiting:
            if not held.packet.payload.endswith(FRAME_MARKER):
                continue
            for user_id in members:
                if not self._hears(user_id, held.arrived_at):
                    continue
                try:
                    opus = self._e2e.open(user_id, held.packet.payload)
                except ValueError:
                    continue
                self._counters.identified_by_key += 1
                self._tried_in.pop(ssrc)
                for known in self.ssrcs.assign(ssrc, user_id, now):
                    if known is held:
                        self._emit(user_id, held.packet, opus, held.arrived_at)
                    else:
                        self._pass_on(user_id, known.packet, known.arrived_at)
                return True
        return False

    def _identify_by_elimination(self, ssrc: int, now: float) -> None:
        """Give a stream of a plain call, where no key tells whose it is, to the one member who has none yet.

        Not where somebody must not be heard, whose it might be after all. That Discord does not say it again does not
        mean that we are deaf: to join anew would not bring the name.
        """
        company = set(self._company())
        nameless = company - self.ssrcs.owners
        if not self._require_e2ee and len(nameless) == 1 and all(map(self._may_hear, company)):
            self.assign(ssrc, nameless.pop(), now)

    def _pass_on(self, user_id: UserId, packet: RtpPacket, arrived_at: float) -> None:
        if not self._hears(user_id, arrived_at):  # it waited for its owner's name
            self._counters.not_heard += 1
            return
        payload = packet.payload
        if payload == SILENCE_OPUS:
            # The voice server makes these itself when somebody mutes: in clear, in every mode.
            self._emit(user_id, packet, payload, arrived_at)
            return
        if not payload:
            self._counters.malformed += 1
            return
        if self._require_e2ee and not (self._e2e.version and payload.endswith(FRAME_MARKER)):
            # By its bytes, not by what the library lets through: it passes plain frames on for a while around a
            # downgrade, and whoever can make a downgrade could then put words into a speaker's mouth.
            self._counters.plaintext_refused += 1
            return
        if self._e2e.version:
            if not self._e2e.is_ready:
                self._counters.dave_not_ready += 1
                self._deafness.failed(arrived_at)
                self._unopened.append((user_id, packet, arrived_at))
                return
            opened = self._open(user_id, packet, arrived_at)
            if opened is None:
                self._note_failure(user_id, packet, arrived_at)
                return
            user_id, payload = opened
            self._health.succeeded(user_id)
        self._emit(user_id, packet, payload, arrived_at)

    def _open(self, owner: UserId, packet: RtpPacket, now: float) -> tuple[UserId, bytes] | None:
        """Open a frame of a stream that is somebody's, as far as we know; return whose it is, and what is in it.

        Streams change hands (two clients connect anew) before Discord says so, and sometimes it does not say it: a
        frame that only another member's keys open is his, and so is the stream from now on.
        """
        try:
            opus = self._e2e.open(owner, packet.payload)
        except ValueError:
            return self._open_as_another(owner, packet, now)
        self._failures.pop(owner, None)
        return owner, opus

    def _open_as_another(self, owner: UserId, packet: RtpPacket, now: float) -> tuple[UserId, bytes] | None:
        tried = self._failures.get(owner, 0)
        if tried >= _OTHERS_TRIED or not packet.payload.endswith(FRAME_MARKER):
            return None
        self._failures[owner] = tried + 1
        heard = filter(self._may_hear, self._e2e.members())
        for user_id in trial_order(heard, self.ssrcs.owners, self._own_id):
            if user_id == owner or not self._hears(user_id, now):
                continue
            try:
                opus = self._e2e.open(user_id, packet.payload)
            except ValueError:
                continue
            self._counters.identified_by_key += 1
            self._failures.pop(owner)
            self.ssrcs.assign(packet.ssrc, user_id, now)
            return user_id, opus
        return None

    def look_at_keys(self, now: float) -> None:
        """Try again what did not open, if the keys have changed. To be called after each message of the websocket."""
        epoch = self._e2e.epoch
        if epoch == self._epoch:
            return
        self._epoch = epoch
        self._health.saw_epoch(epoch, now)
        self._failures.clear()
        waiting = [item for item in self._unopened if now - item[2] <= _RETRY_S]
        self._unopened.clear()
        for user_id, packet, arrived_at in waiting:
            if not self._hears(user_id, arrived_at):
                continue
            opened = self._open(user_id, packet, arrived_at)
            if opened is None:
                self._unopened.append((user_id, packet, arrived_at))  # its sender may be two changes ahead of us
                continue
            self._counters.opened_later += 1
            self._emit(opened[0], packet, opened[1], arrived_at)

    def _note_failure(self, user_id: UserId, packet: RtpPacket, arrived_at: float) -> None:
        self._counters.dave_fail += 1
        self._unopened.append((user_id, packet, arrived_at))
        advice = self._health.failed(user_id, arrived_at)
        if advice is not None:
            self._advise(advice)

    def _emit(self, user_id: UserId, packet: RtpPacket, opus: bytes, arrived_at: float) -> None:
        ssrc, newest = self._newest.get(user_id, (0, 0))
        if ssrc == packet.ssrc and (packet.sequence - newest - 1) & 0x8000:
            self._counters.late += 1
        else:
            self._newest[user_id] = packet.ssrc, packet.sequence
        if opus != SILENCE_OPUS:  # the voice server makes these itself: they prove nothing
            self._deafness.heard(arrived_at)
        self._counters.received += 1
        self._deliver(OpusPacket(user_id, packet.sequence, packet.timestamp, opus, arrived_at))
