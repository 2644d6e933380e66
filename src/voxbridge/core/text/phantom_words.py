# ruff: noqa: E501, RUF001, SIM905 - patterns of many languages, one a line
"""What speech models were taught by subtitles: credits, and the farewells of video channels, by language.

Each is a pattern over plain words: small letters, Latin ones without accents, single spaces (see ``phantoms.plain``).
"""

from __future__ import annotations

CREDITS_ANYWHERE = (
    r"amara ?org|dimatorzok|authorwave|qtss|字幕由|字幕志愿者|字幕製作|請不吝點[贊讚]|请不吝点赞|明镜与点点"
    r"|한글자막 by|svensktextning se|otter ai\b|castingwords|bf watch tv|tv gelderland|zeoranger|[優优][優优][獨独]播[劇剧][場场]"
    r"|yoyo television series|napisy24|opensubtitles|subscene|red bee media|soustitreur|gettranscribed"
)
"""Nobody says these."""

CREDITS = (
    r"(?:subtitl(?:es|ed)|caption(?:s|ed)?|transcribed|transcription|transcript|translated) by\b",
    r"captioning sponsored",
    r"closed captioning",
    r"copyright (?:wdr|ndr|swr|br|zdf|orf|srf)\b",
    r"untertitel(?:ung)? (?:im auftrag|der|von|des|br|wdr|ndr|aufgrund)\b",
    r"mit untertiteln von",
    r"sous titr(?:es|age) (?:realises?|par|st|societe|fr)\b",
    r"subtitulos (?:realizados|por|creados|de)\b",
    r"legendas? (?:pela comunidade|por|de)\b",
    r"transcricao e legendas",
    r"sottotitoli (?:creati|e revisione|a cura|di)\b",
    r"ondertitel(?:d|s|ing)? (?:door|ingediend|tv)\b",
    r"napisy (?:stworzone|wykonal|by)\b",
    r"altyazi m ?k\b",
    r"altyazi ceviri",
    r"субтитры (?:сделал|создавал|подогнал|предоставил|и субтитры|добавил)",
    r"редактор субтитров",
    r"корректор а\b",
    r"продолжение следует",
    r"субтитри (?:зробив|створив)",
    r"редактор субтитрів",
    r"далі буде\Z",
    r"ترجمة نانسي",
    r"ترجمة وتدقيق",
    r"titulky vytvoril",
    r"teksting av",
    r"tekstitys\b",
    r"suomennos\b",
    r"legenda adriana zanotto",
    r"undertekster (?:af|av|fra)",
    r"undertexter (?:fran|av)",
    r"mbc 뉴스",
    r"kbs 뉴스",
    r"ytn",
    r"자막 제공",
    r"字幕 ?提供",
    r"字幕by",
    r"中文字幕",
    r"υποτιτλοι",
    r"feliratok",
    r"提供は",
)
"""Nobody begins a sentence to an agent with these."""

CHANNELS = (
    # English
    r"(?:and |so |ok(?:ay)? )?(?:thank you|thanks)(?: (?:so|very) much)?(?: (?:all|everyone|everybody|guys|again))? for (?:watching|viewing)(?: (?:this|the|my|our) videos?| guys| everyone| and .{0,60}| please .{0,40}| see .{0,40})?",
    r"(?:please |don t forget to |remember to |make sure to )?(?:like(?: (?:comment )?(?:share )?and)? )?subscribe(?: to (?:my|our|the|this) channel| for more(?: videos)?| and .{0,40})?",
    r"(?:i ll |i will |we ll )?see you (?:all |guys )?in the next (?:video|one|episode)",
    r"(?:please )?hit the (?:bell|like|subscribe).{0,40}",
    # German
    r"(?:vielen |herzlichen )?dank(?:e)?(?: schon)? (?:fur s|furs|fur das|fur eure?|fur ihre?) (?:zuschauen|zusehen|zuschaun|aufmerksamkeit)(?: und .{0,40})?",
    r"bis zum nachsten (?:video|mal im video)",
    r"(?:bitte )?abonnier(?:t|e|en sie) (?:meinen|unseren|den) kanal",
    r"vergesst nicht zu abonnieren",
    r"untertitel",
    # Spanish
    r"(?:muchas )?gracias por (?:ver|mirar|vernos|vuestra atencion|su atencion)(?: (?:el|este|mi|nuestro) video)?(?: y .{0,40})?",
    r"(?:no (?:te )?olvid(?:es|en) )?(?:de )?suscrib(?:ete|irte|anse|irse)(?: (?:al|a mi|a nuestro|a este) canal)?",
    r"nos vemos en el proximo video",
    r"dale (?:a )?like y suscribete",
    # Portuguese
    r"(?:muito )?obrigad[oa](?: a todos)? por (?:assistir(?:em)?|ver(?:em)?)(?: (?:o|ao|este|esse|a este|meu) video)?(?: e .{0,40})?",
    r"(?:nao (?:se )?esquec\w+ de )?(?:se )?inscrev(?:a|er|am)(?: se)?(?: (?:no|em meu|em nosso) canal)?",
    r"ate o proximo video",
    r"deixe o (?:seu )?like.{0,40}",
    # French
    r"merci(?: beaucoup)? (?:d avoir regarde|d avoir visionne|de nous avoir suivis|d avoir suivi)(?: (?:cette|la|ma) video)?(?: et .{0,40})?",
    r"(?:n oubliez pas de )?(?:vous )?abonne(?:z|r)(?: vous)?(?: a (?:la|ma|notre) chaine)?",
    r"(?:on se retrouve|a bientot) (?:dans|pour) (?:une|la) (?:prochaine|nouvelle) video",
    # Italian
    r"grazie(?: mille)? (?:per la visione|per aver guardato|per aver visto|a tutti per la visione)(?: (?:il|questo) video)?(?: e .{0,40})?",
    r"(?:non dimenticat\w+ di )?iscriv(?:etevi|iti|ervi)(?: al (?:mio |nostro )?canale)?",
    r"ci vediamo (?:al|nel) prossimo video",
    # others in Latin letters
    r"(?:heel erg )?bedankt (?:voor het|om te|en tot) kijken",
    r"vergeet niet te abonneren",
    r"abonneer(?: je)?(?: op .{0,30})?",
    r"dzi(?:ekuje|eki|ekujemy)(?: (?:wam|bardzo|panstwu))? za (?:ogladanie|obejrzenie|uwage i do zobaczenia)(?: filmu)?",
    r"(?:zapraszam do |nie zapomnij(?:cie)? )?(?:subskrypcji|subskrybowac|subskrybuj(?:cie)?)(?: (?:kanal\w*|naszego .{0,20}))?",
    r"(?:beni )?izlediginiz icin (?:cok )?tesekkur(?:ler|(?: ederim| ederiz)?)",
    r"abone olmayi unutmayin(?:iz)?",
    r"(?:kanalima|kanalimiza) abone olun?",
    r"tack for att (?:ni|du) (?:har )?tittat?(?:de)?",
    r"tack for mig och hejda",
    r"tak (?:fordi|for at) (?:du|i|de) (?:sa|kiggede|har set)(?: med)?",
    r"takk for at (?:du|dere) (?:sa|har sett) (?:pa|med)",
    r"kiitos(?: kun)? katso(?:misesta|itte|it)",
    r"dekuji za (?:sledovani|zhlednuti)",
    r"(?:sa )?va multumim pentru vizionare",
    r"multumesc pentru vizionare",
    r"koszonom hogy megnezt\w+(?: a videot)?",
    # Russian, Ukrainian
    r"(?:большое )?спасибо(?: (?:вам|всем|большое))? за (?:просмотр|внимание и до .{0,20})",
    r"(?:не забудьте )?подпи(?:сывайтесь|шитесь|сывайся|шись|саться)(?: на (?:мои |наш |мой |этот )?канал)?(?: и .{0,40})?",
    r"ставьте лаики(?: .{0,40})?",
    r"увидимся в следующем видео",
    r"(?:щиро )?дяку(?:ю|ємо|ем)(?: (?:вам|всім))? за перегляд",
    r"підписуи(?:тесь|теся|ся)(?: на .{0,20}канал)?",
    # Chinese
    r"(?:谢谢|感谢|多谢|謝謝|感謝)(?:大家|您|你们|你們|各位)?(?:的)?(?:观看|收看|收听|觀看|收看|收聽)(?:[ 本]*(?:视频|節目|节目|影片))?",
    r"(?:请|請)?(?:记得|記得)?(?:点赞|點讚|订阅|訂閱|转发|轉發|关注|關注)[ ]?(?:订阅|訂閱|转发|轉發|我的频道|我的頻道|打赏|本频道)?.{0,12}",
    r"(?:我们|我們)?下(?:期|集|个视频)(?:再见|再見)",
    # Japanese
    r"(?:最後まで|本日も|今日も)?ご(?:視聴|覧)(?:いただき|いたたき|頂き)?[ 、]?(?:誠に|本当に)?ありか[゙]?とうこ?[゙]?さ?[゙]?います?(?:ました|した)?",
    r"(?:最後まで|本日も)?ご?(?:視聴|覧)(?:いただき|頂き)?ありがとうございま(?:した|す)",
    r"チャンネル登録.{0,20}",
    r"(?:また)?次の動画でお会いしましょう",
    r"高評価.{0,20}",
    # Korean
    r"(?:오늘도 |끝까지 )?(?:영상을? )?(?:시청|봐)(?:해)? ?주셔서 (?:대단히 |정말 )?(?:감사|고맙)(?:합|습)니다",
    r"구독(?:과|하고)? ?(?:좋아요|알림 ?설정)?.{0,16}(?:부탁드립니다|부탁드려요|눌러주세요|해주세요)",
    r"다음 (?:영상|시간)에서? (?:만나요|뵙겠습니다|봐요)",
    # Vietnamese, Indonesian
    r"cam on (?:cac ban |ban |quy vi )?(?:[dđ]a )?(?:xem|theo doi|don xem)(?: video.{0,30})?",
    r"hay (?:[dđ]ang ky|subscribe).{0,80}",
    r"terima kasih (?:telah|sudah|karena telah|untuk) menonton.{0,20}",
    r"jangan lupa (?:like|subscribe|untuk subscribe).{0,40}",
    # Greek
    r"ευχαριστω (?:πολυ )?(?:που παρακολουθησατε|για την παρακολουθηση)",
)
"""The whole of a sentence; people who talk to an agent don't say these."""

CHANNELS_WRITTEN = frozenset({
    # Written with marks that are no letters, so these are compared as they are, without stops.
    "תודה על הצפייה",
    "תודה רבה על הצפייה",
    "תודה רבה שצפיתם",
    "תודה שצפיתם",
    "از تماشای شما متشکرم",
    "اشترك في القناة",
    "اشترك في القناة ليصلك كل جديد",
    "اشتركوا في القناة",
    "ترجمة نانسي قنقر",
    "دیکھنے کا شکریہ",
    "دیکھنے کے لئے شکریہ",
    "دیکھنے کے لیے شکریہ",
    "شكرا على المتابعة",
    "شكرا على المشاهدة",
    "شكرا لحسن استماعكم",
    "شكرا لكم على المشاهدة",
    "شكرا لكم للمشاهدة",
    "شكرا للمشاهدة",
    "شكرا لمشاهدتكم",
    "لا تنسوا الاشتراك",
    "لا تنسوا الاشتراك في القناة",
    "لا تنسى الاشتراك في القناة",
    "لائک اور سبسکرائب کریں",
    "ممنون که تماشا کردید",
    "میرے چینل کو سبسکرائب کریں",
    "ویڈیو دیکھنے کا شکریہ",
    "ویڈیو دیکھنے کے لیے شکریہ",
    "چینل کو سبسکرائب کریں",
    "ہمارے چینل کو سبسکرائب کریں",
    "अगले वीडियो में मिलते हैं",
    "कृपया सब्सक्राइब करें",
    "चैनल को सब्सक्राइब करें",
    "चैनल को सब्सक्राइब कीजिए",
    "देखने के लिए आपका धन्यवाद",
    "देखने के लिए धन्यवाद",
    "देखने के लिए शुक्रिया",
    "मेरे चैनल को सब्सक्राइब करें",
    "लाइक और सब्सक्राइब करें",
    "वीडियो देखने के लिए धन्यवाद",
    "हमारा वीडियो देखने के लिए धन्यवाद",
    "हमारे चैनल को सब्सक्राइब करें",
    "আমাদের চ্যানেল সাবস্ক্রাইব করুন",
    "চ্যানেলটি সাবস্ক্রাইব করুন",
    "দেখার জন্য আপনাকে ধন্যবাদ",
    "দেখার জন্য ধন্যবাদ",
    "ভিডিও দেখার জন্য ধন্যবাদ",
    "ভিডিওটি দেখার জন্য ধন্যবাদ",
    "সাবস্ক্রাইব করুন",
    "ขอบคุณที่รับชม",
    "ขอบคุณสำหรับการรับชม",
    "ስለተመለከታችሁ እናመሰግናለን",
    "ስለተከታተላችሁ እናመሰግናለን",
})  # fmt: skip

CHANNEL_WORDS = tuple(
    (frozenset(asked.split()), frozenset(of.split()))
    for asked, of in (
        ("सब्सक्राइब सब्स्क्राइब", "चैनल लाइक वीडियो शेयर"),
        ("سبسکرائب", "چینل لائک ویڈیو شیئر"),
        ("اشترك اشتركوا الاشتراك", "القناة قناتنا قناتي الجرس"),
        ("সাবস্ক্রাইব", "চ্যানেল চ্যানেলটি লাইক ভিডিও"),
    )
)
"""A short sentence with a word of each is one of those too, in whatever form."""

DOUBTFUL = frozenset({
    "you", "thank you", "thanks", "thank you very much", "thank you so much", "see you next time", "bye", "bye bye",
    "goodbye", "the", "um", "uh", "hmm", "mm", "i", "so", "and", "oh", "ah", "okay",
    "vielen dank", "danke", "danke schon", "bis zum nachsten mal", "tschuss", "das war s",
    "merci", "merci beaucoup", "a bientot", "gracias", "muchas gracias", "hasta la proxima",
    "grazie", "grazie a tutti", "obrigado", "obrigada", "tchau", "bedankt", "dziekuje", "dziekuje za uwage",
    "tesekkurler", "tesekkur ederim", "спасибо", "спасибо за внимание", "до новых встреч", "дякую",
    "谢谢", "謝謝", "谢谢大家", "ありがとうございました", "ありがとうございます", "감사합니다", "고맙습니다",
    "شكرا", "धन्यवाद", "شکریہ", "תודה", "አመሰግናለሁ",
})  # fmt: skip
"""These may be meant, so they are phantoms only in doubt."""

MEANT = frozenset(
    "no nein non nao nee nie net нет ні hayir yok لا لأ नहीं না いいえ いや 不 不要 아니 아니요 לא stop halt basta para dur стоп"
    " стій alto arrete stopp yes ja oui si sim да так evet نعم हाँ はい 是 对 네 예 כן wait warte espera attends hey hello"
    " hallo hola ha haha he hehe la na go help hilfe come please bitte".split()
)
"""People say these over and over, and mean it."""
