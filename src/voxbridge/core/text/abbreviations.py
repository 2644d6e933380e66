# ruff: noqa: RUF001, RUF002 - the letters of many languages
"""What stands before a full stop that ends no sentence, by language.

``never``: what follows belongs to it ("Dr. Müller"). ``number``: no end if a number follows ("Nr. 5"). ``may_end``: an
end only if a new sentence seems to begin ("usw. Dann", but not "300 руб. за"). ``starters``: words that open sentences;
where a capital proves nothing (behind an initial, or before a German noun), they do. ``articles``: a number with a full
stop behind one of these is an ordinal ("der 1. FC Köln"); only languages that write ordinals so have them.

All in small letters, without the last full stop. Two words ("p. ej.") are written as one ("p.ej").
"""

from __future__ import annotations

import attrs


def _words(text: str | frozenset[str]) -> frozenset[str]:
    return frozenset(text.split()) if isinstance(text, str) else text


@attrs.frozen
class Abbreviations:
    """Those of one language."""

    never: frozenset[str] = attrs.field(converter=_words, default="")
    number: frozenset[str] = attrs.field(converter=_words, default="")
    may_end: frozenset[str] = attrs.field(converter=_words, default="")
    starters: frozenset[str] = attrs.field(converter=_words, default="")
    titles: frozenset[str] = attrs.field(converter=_words, default="")
    """Like ``never``, with a capital only ("Gen. Lee")."""
    dates: frozenset[str] = attrs.field(converter=_words, default="")
    """Like ``may_end``, with a capital only ("Jan. 5th")."""
    months: frozenset[str] = attrs.field(converter=_words, default="")
    articles: frozenset[str] = attrs.field(converter=_words, default="")
    has_capital_nouns: bool = False
    dotted_ordinals: bool = True
    """A number with a full stop may be an ordinal in mid-sentence ("am 3. Mai", "Ludwig XIV. war")."""
    ordinals_before_capitals: bool = False
    """A number with a full stop before a capital is an ordinal unless a starter follows ("2. Dünya Savaşı")."""


_COMMON = "p.s p.p.s dr mr mrs ms prof st e.g eg i.e ie cf vs viz"

_ENGLISH = Abbreviations(
    dotted_ordinals=False,
    never="e.g eg i.e ie cf vs viz p.s p.p.s approx incl esp v",
    titles="dr mr mrs ms prof st mx mt ft gen col maj capt lt sgt cmdr adm sen rep gov pres rev fr hon messrs",
    number=(
        "no nos nr fig figs vol vols sec ch chap art op p pp ca ext tel para eq eqs ver pt pg c circa ft rm apt ste"
    ),
    may_end=(
        "etc al hrs hr min mins sec secs ft in lb lbs oz yd yds mi sq cu pt qt gal tsp tbsp deg pct doz qty pkg wt temp"
        " dept est max misc ave"
        " blvd rd"
        " ln hwy apt bldg"
    ),
    dates="jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun",
    starters=(
        "a after all also an and another any are as at because before both but by can could did do does each even every"
        " few finally first for from he her here hers his how however i if in is it its just last let like many maybe"
        " more most my next no not now of on once one or our over perhaps please she should so some such thank thanks"
        " that the their then there these they this those though to today try was we well were what when where which"
        " while who why will with would yes yet you your"
    ),
    months="january february march april may june july august september october november december",
)
_GERMAN = Abbreviations(
    never=(
        f"{_COMMON} hr hrn fr u med rer nat dipl ing z.b z.zt d.h u.u i.d.r z.t z.zt sog bzw ca ggf evtl vgl inkl exkl"
        " zzgl abzgl einschl allg bspw fa temp ca insb insbes gem lt geb gest verh jr verf hrsg bes zw max mind"
    ),
    number=(
        "nr nrn abs art s bd bde kap abb tab anm aufl ziff rn rz tel bl jg jh ab seit bis § §§ st stk anl buchst"
        " satz hs"
    ),
    may_end=(
        "usw etc u.a u.ä o.ä o.g u.v.m uvm usf ff f dgl v.chr n.chr mio mrd tsd std min sek str nr abk abt bhf"
        " hbf jh jhd"
        " jan feb mär apr jun jul aug sep sept okt nov dez engl frz lat dt stck zzt a.d i.r e.v"
        " pers pkt"
    ),
    dates="mo di mi do fr sa so",
    starters=(
        "der die das ein eine einen einem einer ich du er sie es wir ihr man mein dein sein unser euer dieser diese"
        " dieses jener wer was wo wann warum wie wieso welche welcher und aber oder denn doch jedoch dann danach dort"
        " hier heute gestern morgen jetzt nun da dabei dafür damit darum daher deshalb außerdem auch so wenn weil als"
        " ob nach vor in im am an auf bei mit von zu zum zur für aus über unter nein ja nicht kein keine bitte danke"
        " vielleicht natürlich alle alles viele manche beide zuerst zuletzt später früher insgesamt seitdem trotzdem"
        " mehr weiter noch schon nur leider gern gerne sehr gut lass hat hast haben ist sind war kann können soll"
    ),
    months=(
        "januar jänner februar feber märz april mai juni juli august september oktober november dezember jahrhundert"
        " jahrhunderts jh jhd jahrtausend klasse stock etage platz geburtstag weltkrieg spieltag lebensjahr semester"
    ),
    articles=(
        "der die das dem den des am im vom zum zur beim ins ein eine einen einem einer eines jeder jede jedes"
        " jeden jedem"
        " mein meine meinen meinem meiner dein deine deinen deinem sein seine seinen seinem seiner ihr ihre ihren ihrem"
        " ihrer unser unsere unseren unserem dieser diese dieses diesen diesem montag dienstag mittwoch donnerstag"
        " freitag samstag sonntag bis ab seit"
    ),
    has_capital_nouns=True,
)
_SPANISH = Abbreviations(
    dotted_ordinals=False,
    never=(
        "s av dr dra sr sra srta sres sras d dña prof profa lic ing arq gral cnel tte excmo excma ilmo mons fr sta sto"
        " ud uds vd vds cía cia c p.ej ej p.e ee cf vs aprox máx mín incl"
    ),
    number="pág págs pag art arts núm núms nro n.º vol vols cap caps fig figs tel tlf ext av avda p pp ed apdo km",
    may_end="etc uu ee.uu a.c d.c a.m p.m s.a s.l ltda hnos kg km cm min seg hrs izq dcha dpto c.p afmo",
    starters=(
        "el la los las un una yo tú él ella nosotros ellos es son está hay y pero o no sí si cuando donde como"
        " qué quién"
        " cuál cómo dónde cuándo por para en de con sin después luego entonces además también este esta esto ese esa mi"
        " tu su ahora hoy ayer mañana gracias"
    ),
)
_FRENCH = Abbreviations(
    dotted_ordinals=False,
    never="e.g i.e cf vs av bd mme mmes mlle mlles mgr ste st p.ex ex c.-à-d c.à.d env apr éd",
    titles="dr mr mrs ms prof m mm me pr cap cdt gén col lt sgt",
    number="art vol chap fig figs p pp n no nos tél tel bd av tome t ann par",
    may_end="etc j.-c min max sec hab bd janv févr avr juil sept oct nov déc lun mar mer jeu ven sam dim cie",
    starters=(
        "le la les un une des je tu il elle nous vous ils elles on c'est ce cette ces et mais ou donc or ni car"
        " si quand"
        " où comment pourquoi qui que quoi dans sur pour par avec sans après puis ensuite alors aussi ainsi enfin"
        " oui non"
        " merci aujourd'hui hier demain mon ton son notre votre leur"
    ),
)
_ITALIAN = Abbreviations(
    dotted_ordinals=False,
    never=(
        "dott dott.ssa sig sig.ra sig.na sigg prof prof.ssa ing avv arch geom rag on sen gen col ten egr gent spett"
        " ill s.e mons don p.es es ad.es cfr vs ca circa dr st"
    ),
    number="pag pagg art artt n nr num vol voll cap fig figg tel int p pp ed par lett",
    may_end="ecc etc a.c d.c s.p.a s.r.l min max sec gen feb mar apr mag giu lug ago sett ott nov dic kg km",
    starters=(
        "il lo la i gli le un uno una io tu lui lei noi voi loro è sono c'è e ma o no sì se quando dove come che"
        " chi cosa"
        " perché in di da con su per tra fra poi dopo quindi allora inoltre anche questo questa quello mio tuo suo oggi"
        " ieri domani grazie"
    ),
)
_PORTUGUESE = Abbreviations(
    dotted_ordinals=False,
    never=(
        "s av dr dra sr sra srta sres prof profa eng arq exmo exma ilmo d gen cel ten sto sta p.ex ex v.ex aprox"
        " máx mín cf vs"
    ),
    number="pág págs pag art arts n nº núm vol vols cap fig figs tel ramal av r p pp km séc inc",
    may_end="etc a.c d.c s.a ltda cia min seg hrs kg jan fev mar abr mai jun jul ago set out nov dez",
    starters=(
        "o a os as um uma eu tu ele ela nós eles elas você vocês é são está há e mas ou não sim se quando onde como que"
        " quem qual por para em de com sem depois então além também este esta isto esse essa meu teu seu agora"
        " hoje ontem"
        " amanhã obrigado obrigada"
    ),
)
_DUTCH = Abbreviations(
    dotted_ordinals=False,
    never=(
        f"{_COMMON} dhr mevr mw drs ir ing mr bijv bv d.w.z o.a m.b.t i.v.m t.a.v a.u.b i.p.v o.l.v t/m ca resp"
        " incl excl"
        " evt z.g zgn max jhr ds"
    ),
    number="blz pag nr nrs art lid hfst fig afb tel dl bd",
    may_end="enz etc e.d e.a n.v b.v v.chr n.chr str min sec jan feb mrt apr jun jul aug sept okt nov dec mln mld",
    starters=(
        "de het een ik jij je hij zij ze wij we jullie u dit dat deze die en maar of want als wanneer waar hoe wat wie"
        " waarom in op aan bij met van voor naar daarna dan toen nu vandaag gisteren morgen ook er hier daar ja"
        " nee niet"
        " mijn jouw zijn haar ons dank"
    ),
)
_POLISH = Abbreviations(
    never=(
        "dr prof mgr inż lek hab doc ks św gen płk mjr kpt por kpr np tzn tzw tj ur zm wyd tłum dot im m.in ul"
        " al pl os zob ok ds wg ww"
        " j.w red hr"
    ),
    number="nr str s art ust pkt poz rys tab t tel r w godz kl rozdz zał lok m",
    may_end="itd itp etc r w n.e p.n.e zł gr tys mln mld godz min sek ub br j.w pt sob niedz wt śr czw pon",
    starters=(
        "to ten ta te on ona ono oni ja ty my wy i a ale lub albo nie tak jeśli gdy kiedy gdzie jak co kto"
        " dlaczego w na"
        " z do od po przed za potem następnie więc również także teraz dziś wczoraj jutro proszę dziękuję mój twój jego"
    ),
)
_RUSSIAN = Abbreviations(
    dotted_ordinals=False,
    never=(
        "т.е т.к т.н т.о напр проф акад доц канд г-н г-жа гр тов св им ср см ген лейт ул пр просп пер пл наб бул"
        " ш обл р-н пос дер оз прибл ок род к.т.н д.т.н и.о в.ч"
    ),
    number="стр с рис табл гл п пп ст ч т тт № кв д корп оф эт тел доб разд подп изд вып",
    may_end=(
        "т.д т.п др пр г гг в вв н.э до.н.э руб коп тыс млн млрд трлн шт мин сек час ч кг м км см мм л янв февр апр авг"
        " сент окт нояб дек пн вт чт пт сб вс экз чел у.е л.с"
    ),
    starters=(
        "он она оно они я ты мы вы это этот эта эти тот та те и а но или если когда где как что кто почему в на с"
        " к от до"
        " по за из потом затем также ещё еще теперь сегодня вчера завтра да нет не мой твой его её их наш ваш спасибо"
        " пожалуйста там тут здесь все всё"
    ),
)
_UKRAINIAN = Abbreviations(
    dotted_ordinals=False,
    never=("т.зв напр проф акад доц канд п-н п-ні ім див пор св ген вул просп пров пл бул обл р-н смт бл род тобто"),
    number="стор с рис табл гл п пп ст ч т № кв буд корп оф тел розд вид",
    may_end=(
        "т.д т.п ін р рр ст н.е грн коп тис млн млрд шт хв сек год кг км см мм л січ лют бер квіт трав черв лип серп"
    ),
    starters=(
        "він вона воно вони я ти ми ви це цей ця ці той та ті і а але або якщо коли де як що хто чому в у на з до"
        " від по"
        " за потім також ще тепер сьогодні вчора завтра так ні не мій твій його її їх наш ваш дякую будь там тут"
        " усі все"
    ),
)
_TURKISH = Abbreviations(
    never="dr prof doç yrd av sn op uzm arş gör öğr alb gen yzb örn bkz krş çev haz yay hz st",
    number="s sf no cad sok mah apt tel kat d cilt c md",
    may_end="vb vs vd m.ö m.s a.ş ltd şti t.c sok cad mah dk sn sa yy",
    starters=(
        "bu şu o ve ama fakat ancak çünkü sonra ben sen biz siz onlar bir her ne evet hayır daha eğer nasıl neden"
        " nerede"
        " kim hangi şimdi bugün dün yarın teşekkürler lütfen benim senin onun burada orada var yok tamam"
    ),
    ordinals_before_capitals=True,
)
_HINDI = Abbreviations(
    dotted_ordinals=False, never="डॉ श्री प्रो पं सु कु मि मिस्टर", number="सं पृ रु क्र नं", may_end="इत्यादि कि.मी"
)
_URDU = Abbreviations(dotted_ordinals=False, never="ڈاکٹر", number="ص نمبر")
_ARABIC = Abbreviations(dotted_ordinals=False, never="د أ م أ.د", number="ص رقم هـ ق ت")
_HEBREW = Abbreviations(dotted_ordinals=False, never="ד פרופ גב מר", number="עמ מס טל")
_AMHARIC = Abbreviations(dotted_ordinals=False, never="ዶ ዶ.ር ፕሮፌ አቶ ወ.ሮ", number="ቁ ገጽ ቁጥር")
_NORDIC = Abbreviations(
    never=(
        f"{_COMMON} bl.a f.eks t.ex dvs d.v.s kl ca jf hr fru s.k f.d t.o.m fr.o.m m.a.o ev resp inkl exkl eks adj"
        " frk tlf pga p.g.a iht mht vedr fx"
    ),
    number="nr s kap fig tlf",
    may_end=(
        "osv o.s.v m.m m.fl m.v mv o.l kr mio mia mkr min sek tim st jan feb mar apr aug sep sept okt nov dec mån tis"
        " ons tors fre lör sön"
    ),
)
_CZECH = Abbreviations(
    never="dr prof mgr ing bc cca max min např tj tzv resp sv p pí ul nám tř mudr judr phdr rndr mvdr paeddr",
    number="č čís str s odst kap obr tel",
    may_end="atd apod aj tis mil mld hod min r stol",
)

_OTHER = attrs.evolve(_ENGLISH, dotted_ordinals=True)
_FINNISH = Abbreviations(
    never="esim ts ns ent nk mm n dr prof hra rva ks vrt", number="s nro", may_end="jne yms ym klo kpl"
)
_HUNGARIAN = Abbreviations(never="pl ill dr prof kb ún ld vö id özv ifj", number="sz", may_end="stb u kft rt bp")
_GREEK = Abbreviations(dotted_ordinals=False, never="π.χ κ κα κος δρ καθ βλ", number="αρ σελ", may_end="κ.λπ κ.ά κτλ")
_PERSIAN = Abbreviations(dotted_ordinals=False, never="دکتر", number="ص")
_LANGUAGES = {
    "fi": _FINNISH,
    "hu": _HUNGARIAN,
    "el": _GREEK,
    "fa": _PERSIAN,
    "en": _ENGLISH,
    "de": _GERMAN,
    "es": _SPANISH,
    "fr": _FRENCH,
    "it": _ITALIAN,
    "pt": _PORTUGUESE,
    "nl": _DUTCH,
    "pl": _POLISH,
    "ru": _RUSSIAN,
    "uk": _UKRAINIAN,
    "tr": _TURKISH,
    "hi": _HINDI,
    "ur": _URDU,
    "ar": _ARABIC,
    "he": _HEBREW,
    "am": _AMHARIC,
    "da": _NORDIC,
    "nb": _NORDIC,
    "no": _NORDIC,
    "sv": _NORDIC,
    "cs": _CZECH,
    "sk": _CZECH,
}


def abbreviations_of(language: str) -> Abbreviations:
    """Return those of a language (``de`` for ``de-AT``), of English for one that is not known."""
    return _LANGUAGES.get(language.lower().partition("-")[0], _OTHER)
