"""A name that is the object of a verb, or its subject, at the end of what was said: it is spoken about, not called.

"Ask Iris."  "Let's invite Nova."     a verb that somebody is the object of      "Tell me a joke, Iris."  calls
"Frag doch mal Iris."                 small words between do not matter          "Hör doch mal, Iris."    calls
"Dann rufen wir halt Otto."           nor does "we", behind its verb             "Das mag ich Otto."      calls
"Da kommt ja Otto."                   a verb that somebody is the subject of     "Komm mal Otto."         calls

A verb that could be meant for the one who is called ("Contesta Iris.") is no subject's where it begins the sentence.
Words are folded (see ``sounds.folded``).
"""

from __future__ import annotations

from collections.abc import Sequence

from voxbridge.core.turns.calling_text import Word
from voxbridge.core.turns.calling_words import OPENING, rows

_SMALL = rows(
    en="just only maybe perhaps please even already simply also first better again still",
    de="doch mal ja halt eben schon nur bloss wohl eigentlich auch einfach lieber gleich noch wieder immer erst "
    "vielleicht sogar dann jetzt nicht gerade bitte",
    fr="donc encore aussi plutot bien juste deja meme peut-etre seulement toujours pas trop beaucoup vraiment",
    es="ya tambien solo bien mal mejor tanto mucho mas siempre entonces primero hasta hoy ahora",
    it="pure gia anche solo bene male sempre ancora molto tanto proprio magari prima",
    pt="ja tambem so bem mal sempre ainda muito tanto mesmo antes",
    nl="maar eens even gewoon toch nog ook alleen wel dan al weer misschien liever eerst",
)
_I_AND_WE = rows(
    de="ich wir ihr du sie er man",
    nl="ik we wij jij je jullie hij ze zij",
)
_FRONTED = rows(de="das was es wen den die", nl="dat wat het die wie")
"""What, first in the sentence, is the object already: "das mag ich Otto"."""

_OBJECTS = rows(
    en="ask asked asking asks tell told telling call called calling invite invited inviting mute muted muting unmute "
    "kick kicked kicking ban banned blame blamed trust trusts thank thanked mention mentioned quote quoted ignore "
    "ignored remove removed restart restarted replace replaced prefer prefers use using used love loves hate hates "
    "miss missed meet met bring brought add added install installed bother bothering interrupt interrupted warn "
    "warned wake disconnect disconnected",
    de="frag frage fragt fragst fragen ruf rufe ruft rufst rufen nimm nehmt nehme nehmen hol hole holt holen lade ladt "
    "kenn kenne kennst kennt kennen mag magst mogen lieb liebe liebst lieben hass hasse hassen vermiss vermisse "
    "treff treffe trafen traf benutz benutze benutzt benutzen nutz nutze nutzen starte startet starten stor store "
    "storen kick kicke kicken bann banne bannen nenn nenne nennt nennen weck wecke wecken begruss begrusse begrussen",
    fr="adore adores adorent aime aimes aimer deteste detestes appeler appelez appelons inviter invite invitons "
    "demander demandez demandons interroger utiliser utilise utilisons virer vire voir connaitre connais prefere "
    "preferer remercier remercie reveiller ignorer relancer ajouter enlever",
    es="llamar llamo llamamos llamemos invitar invitamos invitemos usar uso usamos usemos odio amo adoro prefiero "
    "extrano quiero conozco silenciar quitar expulsar echar despertar ignorar reiniciar agregar",
    it="chiedi chiedete chiediamo chiedere chiama chiamare chiamiamo chiamo invita invitare invitiamo usa usare usiamo "
    "uso amo adoro odio preferisco conosco conosci conosciamo saluta salutare ringrazia ringraziare silenziare "
    "sveglia svegliare",
    pt="pergunta pergunte perguntar perguntem chama chame chamar chamo chamamos convida convide convidar usa use usar "
    "uso amo adoro odeio prefiro conheco conheces conhece silenciar expulsar acordar",
    nl="vraag vraagt vragen roep roept roepen bel belt bellen ken kent kennen haat haten gebruik gebruikt gebruiken "
    "nodig mis missen pak haal halen neem nemen start starten stoor storen kick kicken bedank bedanken",
)
_SUBJECTS = rows(
    de="kommt kam weiss wusste sagt sagte meint meinte glaubt hilft half macht machte will wollte spricht sprach "
    "antwortet antwortete redet redete heisst hiess fehlt fehlte gefallt",
    fr="dit disait dirait pense sait vient arrive manque parle repond ecoute ecoutent croit croient",
    es="dijo dice decia manda viene vino llega llego sabe sabia cae gusta gustaba encanta falta contesta contesto "
    "responde respondio habla hablo piensa",
    it="dice diceva detto viene arriva arrivato arrivata piace piaceva manca sa sapeva risponde risposto comanda parla",
    pt="disse diz dizia vem veio chega chegou sabe sabia gosta gosto responde respondeu falta manda fala falou",
    nl="komt kwam weet wist zegt zei denkt dacht vindt vond helpt antwoordt antwoordde heet heette praat",
)


def is_of_a_verb(before: Sequence[Word], language: str) -> bool:
    """Tell whether what stands before a name at the end, with no mark between, ends with a verb that takes the name."""
    small = _SMALL.get(language, frozenset())
    verbs = [word.text.rpartition("'")[2] for word in before]  # "j'adore"
    at = len(before) - 1
    while at > 0 and verbs[at] in small and not before[at].is_set_off_before:
        at -= 1
    if verbs[at] in _OBJECTS.get(language, ()):
        return True
    if verbs[at] in _SUBJECTS.get(language, ()) and any(verb not in OPENING[language] for verb in verbs[:at]):
        return True
    is_fronted = verbs[0] in _FRONTED.get(language, ())
    if at == 0 or is_fronted or verbs[at] not in _I_AND_WE.get(language, ()):
        return False
    return verbs[at - 1] in _OBJECTS[language]
