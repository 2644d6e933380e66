"""Everyday words of a language: what is one of them is not taken for a name that it only resembles.

"Auto, das wäre schön" does not call Otto, though a speech server may write the one for the other. Who is really called
by an everyday word ("Computer") is called by it exactly, which is not decided here.

The words are the commonest of each language (below), the names of pictures (some 2000 everyday things, from the package
``emoji``), those with which no sentence ends, and those that stand round a name.
"""

from __future__ import annotations

import re
from functools import cache

from voxbridge.core.turns import calling_words
from voxbridge.core.turns.sounds import folded
from voxbridge.core.turns.unfinished_words import words_of

_COMMONEST = {
    "en": (
        "i me my mine we us our ours you your yours he him his she her hers it its they them their theirs this "
        "that these those who what when where why how which am are was were be been being do does did done have "
        "has had can could will would shall should may might must not no yes here there now then again ever never "
        "always often soon still just very too more most much many less least some any all both each few other "
        "another one two three four five six seven eight nine ten first last next old new good bad big small long "
        "short high low early late right left up down in out on off over under after before day days week month "
        "year time times today tomorrow tonight yesterday morning evening night monday tuesday wednesday thursday "
        "friday saturday sunday january february march april june july august september october november december "
        "man men woman women boy girl child kid mother father mum mom dad brother sister son friend people thing "
        "things way place home house room door car road street town city work job school food water money name "
        "word words life love hand head eye eyes face side part end go goes going went gone come comes came get "
        "gets got make makes made take takes took see sees saw seen look looks looked know knows knew think "
        "thinks thought say says said tell tells told ask asks asked want wants wanted need needs use used find "
        "found give gives gave works worked play plays put keep let seem feel try leave call called mean means "
        "move live believe hold bring happen write sit stand lose pay meet run turn start stop show hear heard "
        "talk read open close walk win buy send wait help mr mrs miss sir really maybe only even also well back "
        "like about because great little nice sure hard easy happy team add idea"
    ),
    "de": (
        "ich mich mir mein wir uns unser du dich dir dein ihr euch euer er ihn ihm sein sie ihnen ihre ihrer "
        "ihres ihrem ihren es man wer wen wem was wann wo warum wie welche bin bist ist sind seid war waren warst "
        "gewesen werde wird werden wurde habe hast hat haben hatte hatten kann kannst konnen konnte mag magst "
        "mochte mogen muss musst soll sollte will willst wollen darf durfen nicht nein ja hier da dort jetzt dann "
        "wieder immer nie oft bald noch nur sehr zu mehr meist viel viele wenig einige alle beide jeder andere "
        "ein eins zwei drei vier funf sechs sieben acht neun zehn erste letzte nachste alt neu gut schlecht gross "
        "klein lang kurz hoch fruh spat rechts links oben unten nach vor tag tage woche monat jahr zeit heute "
        "morgen gestern abend nacht montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar "
        "marz april mai juni juli august september oktober november dezember mann frau junge kind mutter vater "
        "mama papa oma opa bruder schwester sohn tochter freund leute ding sache weg ort haus zimmer tur auto "
        "strasse stadt arbeit schule essen wasser geld name wort leben liebe hand kopf auge seite teil ende gehe "
        "geht gehen ging komme kommt kam mache macht machen nehme nimmt sehe sieht sah weiss wissen denke denkt "
        "sage sagt sagen frage fragt brauche finde gebe gibt spiele halte lasse bleibe heisst lebe glaube bringe "
        "schreibe sitze stehe treffe laufe zeige hore rede lese kaufe warte helfe herr wirklich vielleicht auch "
        "schon mal doch eben genau klar toll ahne lehne reihe"
    ),
    "fr": (
        "je me moi mon ma mes nous notre tu te toi ton ta il lui son sa elle vous ils elles leur ce cet cette ces "
        "qui que quoi quand ou pourquoi comment suis es est sommes etes sont etais etait ete ai as a avons avez "
        "ont avait peux peut veux veut dois doit faut pas non oui ici la maintenant encore toujours jamais "
        "souvent bientot tres trop plus moins beaucoup peu tout tous toute chaque autre un une deux trois quatre "
        "cinq six sept huit neuf dix premier dernier vieux nouveau bon mauvais grand petit long court haut bas "
        "tot tard droite gauche apres avant jour semaine mois an annee heure temps matin soir nuit lundi mardi "
        "mercredi jeudi vendredi samedi dimanche janvier fevrier mars avril mai juin juillet aout septembre "
        "octobre novembre decembre homme femme enfant mere pere maman papa mari frere soeur fils fille ami gens "
        "chose lieu maison mer maire porte voiture route rue ville travail ecole eau argent nom mot vie amour "
        "main tete oeil yeux cote part fin vais va allez viens vient fais fait prends prend pris vois voit sais "
        "sait pense dis dit demande aime trouve donne joue mets tiens laisse parle lis attends aide merci "
        "vraiment peut-etre aussi bien"
    ),
    "es": (
        "yo me mi mis mio nosotros nos tu te ti el lo le su ella la usted ustedes ellos ellas este esta esto ese "
        "esa eso quien que cuando donde por como cual soy eres es somos son era fue sido estoy estas estan he has "
        "ha han habia puedo puede quiero quiere debo debe no si aqui ahi alli ahora luego otra vez siempre nunca "
        "pronto muy mas menos mucho poco todo todos toda cada otro un uno una dos tres cuatro cinco seis siete "
        "ocho nueve diez primero ultimo viejo nuevo bueno malo grande pequeno largo corto alto bajo tarde derecha "
        "izquierda despues antes dia semana mes ano hora tiempo hoy manana ayer noche lunes martes miercoles "
        "jueves viernes sabado domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre "
        "noviembre diciembre hombre mujer nino nina madre padre mama papa hermano hermana hijo hija amigo gente "
        "cosa lugar casa mar mero puerta coche calle ciudad trabajo escuela agua dinero nombre palabra vida amor "
        "mano cabeza ojo lado parte fin voy va vas vengo viene hago hace tomo veo ve se sabe creo digo dice pido "
        "gusta doy da juego pongo tengo tiene dejo hablo leo espero ayudo gracias quizas tambien bien nada mira "
        "auto novia novio aires"
    ),
}
"""Written with the fingers, and made longer by what was found on lists: it need not be whole."""
_WORD = re.compile(r"[^\W\d_]+")
_ROUND_A_NAME = (
    calling_words.OPENING,
    calling_words.CLOSING,
    calling_words.ABOUT_BEFORE,
    calling_words.ABOUT_AFTER,
    calling_words.ASKING,
    calling_words.SUBJECTS,
    calling_words.VERB_PARTICLES,
)


def is_common(word: str, language: str) -> bool:
    """Tell whether a folded word is an everyday one of a language (``de``, not ``de-AT``)."""
    return word in _common_words(language)


def is_commonest(word: str, language: str) -> bool:
    """Tell whether a folded word is one of the few hundred that everybody uses all the time."""
    return word in _commonest(language)


@cache
def _commonest(language: str) -> frozenset[str]:
    return frozenset(folded(word) for word in _COMMONEST.get(language, "").split())


@cache
def _common_words(language: str) -> frozenset[str]:
    import emoji as library  # 30 ms once for each language, which a room where nobody is nearly called need not pay

    if language in library.LANGUAGES:
        library.config.load_language(language)
    names = (data.get(language, "") for data in library.EMOJI_DATA.values())
    found = {folded(word) for name in names for word in _WORD.findall(name.replace("_", " "))}
    found |= _commonest(language)
    for table in _ROUND_A_NAME:
        found |= table.get(language, frozenset())
    ends = words_of(language)
    told = () if ends is None else (*ends.never, *ends.seldom, *ends.answers)
    return frozenset(found | {folded(word) for word in told})
