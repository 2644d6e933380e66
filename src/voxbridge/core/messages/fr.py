"""French."""

TEXTS = {
    "apology": "Désolé, quelque chose s'est mal passé. Réessaie, s'il te plaît.",
    "mute_apology": "Désolé, je n'ai plus de voix. Tu peux lire ma réponse dans le chat.",
    "filler_1": "Un instant.",
    "filler_2": "Je regarde.",
    "filler_3": "Une seconde.",
    "tool_wait": "Un instant.",
    "stt_down": (
        "Je ne vous entends plus : la reconnaissance vocale est en panne. Je vous écrirai quand elle sera rétablie."
    ),
    "agent_down": "Je ne peux pas répondre : l'agent est en panne. Je vous écrirai quand il sera rétabli.",
    "tts_down": "Je n'ai plus de voix : la synthèse vocale est en panne. En attendant, j'écris mes réponses.",
    "stt_back": "Je vous entends à nouveau.",
    "agent_back": "Je peux à nouveau répondre.",
    "tts_back": "J'ai retrouvé ma voix.",
    "echo": (
        "J'entends ma propre voix chez {name} : un haut-parleur est trop près d'un micro ouvert. Je l'ignore. Un "
        "casque ou le mode appuyer-pour-parler aident."
    ),
    "no_pause": (
        "J'entends {name} depuis {seconds} s sans pause, et je ne sais pas où une question se termine. Je continue "
        "d'écouter et je répondrai à ce qui sera dit après une pause."
    ),
    "floor_taken": "{name}, je parle avec quelqu'un d'autre. Redemande quand nous aurons fini.",
    "deaf_to": "Je n'entends pas {name} : j'ai une erreur interne. Je réessaierai dans {minutes} min.",
    "limit_member": (
        "{name}, tu as beaucoup demandé en peu de temps. Donne-moi {seconds} secondes, puis je continue avec toi."
    ),
    "limit_server": "On m'a beaucoup demandé en peu de temps. Donnez-moi {seconds} secondes, puis je continue.",
    "limit_calls": "J'ai répondu autant que je le peux pour aujourd'hui. Je continue demain.",
    "limit_spoken": "J'ai parlé autant que je le peux pour aujourd'hui. Je continue demain.",
    "limit_quiet": "C'est l'heure calme ici jusqu'à {time} : je ne réponds pas et je ne parle pas.",
    "muted": "Mon micro est coupé sur ce serveur, je réponds donc par écrit.",
    "deafened": "Mon casque est coupé sur ce serveur, je n'entends donc personne.",
    "audience": (
        "Je suis dans le public et personne ne peut m'entendre : invitez-moi à parler. En attendant, je réponds par "
        "écrit."
    ),
    "not_encrypted": "Cet appel n'est pas chiffré de bout en bout, je ne peux donc ni écouter ni parler ici.",
    "name_join": "rejoindre",
    "name_leave": "quitter",
    "name_status": "état",
    "name_stop": "stop",
    "name_say": "dire",
    "name_ask": "demander",
    "name_repeat": "répéter",
    "name_question": "question",
    "name_help": "aide",
    "name_privacy": "confidentialité",
    "name_hear_me": "écoute-moi",
    "name_ignore_me": "ignore-moi",
    "name_show": "montrer",
    "name_delete": "supprimer",
    "name_channel": "salon",
    "name_text": "texte",
    "name_agent": "agent",
    "name_voice": "voix",
    "name_language": "langue",
    "name_mode": "mode",
    "name_settings": "réglages",
    "name_reset": "réinitialiser",
    "name_what": "quoi",
    "about_join": "Venir dans un salon vocal et écouter",
    "about_join_channel": "Quel salon ; le tien si tu n'en choisis aucun",
    "about_leave": "Quitter le salon vocal",
    "about_status": "Montrer ce qui marche, ce qui est lent ou en panne",
    "about_stop": "Arrêter de parler",
    "about_say": "Dire quelque chose à voix haute dans le salon vocal",
    "about_say_text": "Ce qu'il faut dire",
    "about_ask": "Taper une question ; la réponse est dite et écrite",
    "about_ask_question": "Ce qu'il faut demander",
    "about_repeat": "Redire la dernière réponse, ou la partie non entendue",
    "about_help": "Montrer comment me parler",
    "help": (
        "**{name} parle avec vous dans les salons vocaux.**\n"
        "- **M'appeler :** rejoins un salon vocal et tape `/join`. `/leave` me fait partir.\n"
        "- **Parler :** seul avec moi, parle simplement. S'il y a du monde, dis d'abord mon nom : « {name}, quelle "
        "heure est-il ? »\n"
        "- **Continuer :** juste après ma réponse, pas besoin de mon nom.\n"
        "- **M'arrêter :** parle par-dessus moi, dis « stop » ou tape `/stop`.\n"
        "- **Par écrit :** `/ask` prend une question tapée, `/repeat` redit ma dernière réponse.\n"
        "- **Ta voix :** `/privacy show` dit si je t'entends ; `/privacy ignore-me` et `/privacy delete` changent "
        "cela.\n"
        "- **Un problème ?** `/status` dit ce qui est lent ou en panne."
    ),
    "join_where": "Tu n'es dans aucun salon vocal. Rejoins-en un d'abord, ou choisis-le : `/join channel:`",
    "here_already": "Je suis déjà dans {channel}.",
    "cannot_join": "Je ne peux pas rejoindre {channel} : {why}.",
    "could_not_join": "Je n'ai pas pu rejoindre {channel} : {why}.",
    "joined": "Je suis dans {channel}. Tu peux parler.",
    "not_here": "Je ne suis dans aucun salon vocal.",
    "left": "Je suis parti.",
    "stopped": "Je m'arrête.",
    "was_silent": "Je ne disais rien.",
    "join_first": "Je ne suis dans aucun salon vocal. Utilise d'abord `/join`.",
    "said": "C'est dit.",
    "only_from_inside": (
        "Je n'accepte cela que des personnes dans {channel} et des modérateurs (permission Déplacer des membres)."
    ),
    "ask_nobody": "Je ne réponds à personne ici : j'écris seulement ce qui est dit.",
    "nothing_to_repeat": "Je n'ai rien à répéter.",
    "repeated": "C'est redit.",
    "cannot_speak": "Je ne peux pas parler pour le moment.",
    "command_failed": "Quelque chose s'est mal passé. Le journal du service en dit plus.",
    "why_unseen": "ce salon n'existe pas, ou je n'ai pas le droit de le voir",
    "why_stage": "une conférence n'est pas chiffrée de bout en bout, et ce bot ne rejoint que des appels chiffrés",
    "why_permission": "il me faut la permission {permission} dans ce salon",
    "why_permissions": "il me faut les permissions {permission} et {other} dans ce salon",
    "why_more_permissions": "il me faut les permissions {permission}, {other} et {third} dans ce salon",
    "why_full": "le salon est plein",
    "why_kicked": "quelqu'un m'a retiré du salon",
    "why_superseded": "autre chose a été demandé entre-temps",
    "why_unanswered": "Discord n'a pas répondu",
    "why_connection": "la connexion vocale n'a pas pu être établie",
    "why_closed": "le serveur vocal de Discord a fermé la connexion (code {code})",
    "why_offline": "je ne suis pas connecté à Discord",
    "permission_view": "Voir le salon",
    "permission_connect": "Se connecter",
    "permission_speak": "Parler",
    "status_here": "Personnes écoutées ici : {count}. {why} {stages} {health} {turns}",
    "status_away": "Je ne suis dans aucun salon vocal ici. {stages} {health}",
    "status_stages": "Reconnaissance vocale {stt}, agent {agent}, synthèse vocale {tts}.",
    "status_turns": "Jusqu'ici : {answered} réponses, {interrupted} interruptions, {failed} échecs.",
    "status_no_turns": "Rien n'a été dit jusqu'ici.",
    "all_well": "Tous les serveurs vont bien.",
    "not_all_asked": "Je n'ai pas encore demandé à tous les serveurs comment ils vont.",
    "stage_stt": "La reconnaissance vocale",
    "stage_agent": "L'agent",
    "stage_tts": "La synthèse vocale",
    "stage_down": "{stage} ({kind}) est en panne depuis {span}.",
    "stage_down_backup": "{stage} ({kind}) est en panne depuis {span} ; un remplaçant ({backup}) a pris le relais.",
    "stage_failing": "{stage} ({kind}) échoue depuis {span}.",
    "stage_failing_backup": "{stage} ({kind}) échoue depuis {span} ; un remplaçant ({backup}) a pris le relais.",
    "slow_stt": (
        "La reconnaissance vocale est lente : {took} s jusqu'au texte quand tu as fini ; il en faudrait {target}."
    ),
    "slow_agent": "L'agent est lent : {took} s jusqu'au premier mot ; il en faudrait {target}.",
    "slow_tts": "La synthèse vocale est lente : {took} s jusqu'au premier son ; il en faudrait {target}.",
    "span_seconds": "{count} s",
    "span_minutes": "{count} min",
    "span_hours": "{count} heures",
    "listen_notice": (
        "J'écoute ici : ce qui est dit dans ce salon est transcrit et envoyé à un agent d'IA. `/privacy` te "
        "montre ce que cela signifie pour toi, et permet de le changer."
    ),
    "listen_notice_opt_in": (
        "Je n'écoute que ceux qui acceptent : ce qu'ils disent dans ce salon est transcrit et envoyé à un agent "
        "d'IA. `/privacy hear-me` me permet de t'entendre."
    ),
    "listen_spoken": (
        "J'écoute ici. Ce qui est dit est transcrit et envoyé à un agent d'IA. La commande privacy permet de le "
        "voir et de le changer."
    ),
    "sign_listening": "🔴 J'écoute ici",
    "here_always": "Je suis toujours ici.",
    "here_asked": "Quelqu'un m'a demandé de venir.",
    "here_follow": "Je suis {user} de salon en salon.",
    "here_occupied": "Je viens là où il y a du monde.",
    "transcript_attached": "Ce qui a été dit pendant cet appel, dans un fichier.",
    "listen_notice_chat": "{told} C'est aussi écrit dans le chat, avec les noms.",
    "listen_notice_minutes": (
        "J'écris ce qui est dit dans ce salon, avec les noms. `/privacy` te montre ce que cela signifie pour toi, et "
        "permet de le changer."
    ),
    "listen_notice_minutes_opt_in": (
        "J'écris ce qui est dit dans ce salon, avec les noms, mais seulement de ceux qui acceptent. `/privacy hear-me` "
        "me permet de t'entendre."
    ),
    "about_privacy": "Décider si je peux t'entendre",
    "about_privacy_hear": "Me laisser t'entendre sur ce serveur",
    "about_privacy_ignore": "Ne pas me laisser t'entendre sur ce serveur",
    "about_privacy_show": "Montrer si je t'entends et ce que j'ai de toi",
    "about_privacy_delete": "Supprimer ce que j'ai de toi",
    "privacy_agreed": "Je t'entends dans les salons vocaux de ce serveur : tu as accepté.",
    "privacy_usual": (
        "Je t'entends dans les salons vocaux de ce serveur, comme tout le monde. `/privacy ignore-me` change cela."
    ),
    "privacy_objected": "Je ne t'entends pas : tu as dit non.",
    "privacy_not_asked": (
        "Je ne t'entends pas : ici, je n'entends que ceux qui acceptent. `/privacy hear-me` change cela."
    ),
    "privacy_denied": "Je ne t'entends pas : l'exploitant du bot t'a exclu.",
    "privacy_not_allowed": "Je ne t'entends pas : l'exploitant du bot ne me laisse entendre que certains membres.",
    "privacy_unknown": "Je ne t'entends pas pour le moment, car je ne peux pas vérifier si j'en ai le droit.",
    "privacy_not_stored": "{told} Je ne peux pas l'enregistrer pour le moment : c'est valable jusqu'à mon redémarrage.",
    "privacy_has": "{told}\nCe que j'ai de toi ici : {records}\n{elsewhere}",
    "privacy_deleted": "J'ai supprimé ton choix et ceci : {records}\n{elsewhere}",
    "privacy_deleted_but_no": (
        "J'ai supprimé ceci : {records} Je garde que je ne dois pas t'entendre, car sinon je t'entendrais de "
        "nouveau.\n{elsewhere}"
    ),
    "privacy_not_all": "{told}\nTout n'a pas pu être atteint : préviens l'exploitant du bot.",
    "privacy_elsewhere": (
        "Ce qui est allé aux serveurs vocaux et à l'agent y est peut-être encore : demande à l'exploitant du bot."
    ),
    "records_agent": "Échanges retenus pour l'agent : {count}.",
    "records_threads": "Conversations sur le serveur de l'agent : {count}.",
    "records_journal": "Échanges dans le journal : {count}.",
    "records_memory": "Échanges en mémoire : {count}.",
    "records_minutes": "Lignes dans la transcription de cet appel : {count}.",
    "rest_attached": "La suite de ma réponse est dans ce fichier.",
    # settings that are chosen in Discord
    "about_agent": "Choisis qui répond quand personne n'est appelé par son nom",
    "about_agent_agent": "Qui ; tape pour chercher",
    "about_voice": "Choisis une voix",
    "about_voice_voice": "Quelle voix ; tape pour chercher",
    "about_voice_agent": "La voix de qui ; sans choix, de celui qui répond en premier",
    "about_language": "Choisis la langue parlée",
    "about_language_language": "Quelle langue ; tape pour chercher",
    "about_mode": "Choisis à qui je réponds",
    "about_mode_mode": "À qui",
    "about_settings": "Montre ou annule ce qui a été choisi",
    "about_settings_channel": "Seulement pour ce salon vocal ; sinon pour tout le serveur",
    "about_settings_show": "Montre ce qui vaut et d'où cela vient",
    "about_settings_show_channel": "De quel salon vocal ; sinon de tout le serveur",
    "about_settings_reset": "Annule ce qui a été choisi",
    "about_settings_reset_what": "Quoi ; sans choix, tout",
    "about_settings_reset_channel": "Pour quel salon vocal ; sans choix, partout",
    "mode_addressed": "à qui m'appelle par mon nom",
    "mode_everyone": "à tout le monde",
    "mode_lock": "l'un après l'autre : au premier venu, jusqu'à son silence",
    "mode_queue": "à tout le monde, dans l'ordre des questions",
    "what_agent": "Qui répond",
    "what_voice": "Voix",
    "what_voice_of": "Voix de {profile}",
    "what_language": "Langue",
    "what_mode": "À qui je réponds",
    "settings_chosen": "{what} : {value}, dès maintenant.",
    "settings_in_channel": "{told} Seulement dans {channel}.",
    "settings_not_stored": "{told} Je ne peux pas l'enregistrer pour le moment : cela vaut jusqu'à mon redémarrage.",
    "settings_role": "Ici, seuls les membres qui ont certains rôles peuvent changer cela.",
    "settings_unknown": "Je n'ai pas cela ici : {value}. Choisis parmi ce que je propose pendant que tu tapes.",
    "settings_reset": "Choix annulés : {count}.",
    "settings_none": "Rien n'a été choisi ici.",
    "settings_list": "Ce qui vaut ici :\n{rows}",
    "settings_brief": "Réglages :\n{rows}",
    "settings_row": "- {what} : {value}",
    "settings_from": "{row} ({origin})",
    "settings_row_of": "{row} (choisi pour {channel})",
    "settings_server_s_own": "celle du serveur vocal",
    "origin_file": "de ma configuration",
    "origin_profile": "du profil",
    "origin_server": "choisi pour ce serveur",
    "origin_channel": "choisi pour ce salon",
}
