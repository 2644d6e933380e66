"""German."""

TEXTS = {
    "apology": "Entschuldigung, da ist etwas schiefgegangen. Bitte versuch es noch einmal.",
    "mute_apology": "Entschuldigung, meine Stimme ist ausgefallen. Du kannst meine Antwort im Chat lesen.",
    "filler_1": "Einen Moment.",
    "filler_2": "Ich sehe nach.",
    "filler_3": "Einen Augenblick.",
    "tool_wait": "Einen Moment.",
    "stt_down": (
        "Ich kann euch gerade nicht hören: Die Spracherkennung ist ausgefallen. Ich melde mich, wenn sie wieder da ist."
    ),
    "agent_down": (
        "Ich kann gerade nicht antworten: Der Agent ist ausgefallen. Ich melde mich, wenn er wieder da ist."
    ),
    "tts_down": (
        "Ich habe keine Stimme: Die Sprachausgabe ist ausgefallen. Bis sie wieder da ist, schreibe ich meine Antworten."
    ),
    "stt_back": "Ich kann euch wieder hören.",
    "agent_back": "Ich kann wieder antworten.",
    "tts_back": "Ich habe meine Stimme wieder.",
    "echo": (
        "Von {name} höre ich meine eigene Stimme: Ein Lautsprecher steht zu nah am offenen Mikrofon. Ich überhöre "
        "sie. Kopfhörer oder Push-to-Talk helfen."
    ),
    "no_pause": (
        "Ich höre {name} seit {seconds} s ohne Pause und kann nicht erkennen, wo eine Frage endet. Ich höre weiter "
        "zu und antworte auf das, was nach einer Pause gesagt wird."
    ),
    "floor_taken": "{name}, ich spreche gerade mit jemand anderem. Frag noch einmal, wenn wir fertig sind.",
    "deaf_to": (
        "Ich kann {name} gerade nicht hören: Bei mir ist ein Fehler aufgetreten. In {minutes} min versuche ich es "
        "wieder."
    ),
    "limit_member": (
        "{name}, du hast in kurzer Zeit viel gefragt. Gib mir {seconds} Sekunden, dann geht es mit dir weiter."
    ),
    "limit_server": "Ich bin in kurzer Zeit viel gefragt worden. Gebt mir {seconds} Sekunden, dann geht es weiter.",
    "limit_calls": "Ich habe heute so viel geantwortet, wie ich darf. Morgen geht es weiter.",
    "limit_spoken": "Ich habe heute so viel gesprochen, wie ich darf. Morgen geht es weiter.",
    "limit_quiet": "Hier ist Ruhezeit bis {time}: Ich antworte nicht und spreche nicht.",
    "muted": "Ich bin auf diesem Server stummgeschaltet, deshalb antworte ich schriftlich.",
    "deafened": "Mein Ton ist auf diesem Server ausgeschaltet, deshalb höre ich niemanden.",
    "audience": (
        "Ich sitze hier im Publikum, und niemand kann mich hören: Ladet mich ein zu sprechen. Bis dahin antworte ich "
        "schriftlich."
    ),
    "not_encrypted": (
        "Dieser Anruf ist nicht Ende-zu-Ende-verschlüsselt, deshalb darf ich hier weder zuhören noch sprechen."
    ),
    "name_join": "beitreten",
    "name_leave": "verlassen",
    "name_status": "status",
    "name_stop": "stopp",
    "name_say": "sagen",
    "name_ask": "fragen",
    "name_repeat": "wiederholen",
    "name_question": "frage",
    "name_help": "hilfe",
    "name_privacy": "privatsphäre",
    "name_hear_me": "hör-mich",
    "name_ignore_me": "hör-mich-nicht",
    "name_show": "zeigen",
    "name_delete": "löschen",
    "name_channel": "kanal",
    "name_text": "text",
    "name_agent": "agent",
    "name_voice": "stimme",
    "name_language": "sprache",
    "name_mode": "modus",
    "name_settings": "einstellungen",
    "name_reset": "zurücksetzen",
    "name_what": "was",
    "about_join": "In einen Sprachkanal kommen und zuhören",
    "about_join_channel": "Welcher Kanal; ohne Angabe deiner",
    "about_leave": "Den Sprachkanal verlassen",
    "about_status": "Zeigen, was läuft und was langsam oder ausgefallen ist",
    "about_stop": "Aufhören zu sprechen",
    "about_say": "Etwas im Sprachkanal laut sagen",
    "about_say_text": "Was gesagt werden soll",
    "about_ask": "Eine Frage tippen; die Antwort wird gesprochen und geschrieben",
    "about_ask_question": "Was gefragt wird",
    "about_repeat": "Die letzte Antwort noch einmal sagen, oder ihren ungehörten Rest",
    "about_help": "Zeigen, wie man mit mir spricht",
    "help": (
        "**{name} spricht mit euch in Sprachkanälen.**\n"
        "- **Holen:** geh in einen Sprachkanal und gib `/join` ein. `/leave` schickt mich weg.\n"
        "- **Sprechen:** bist du allein mit mir, sprich einfach. Sind andere da, nenn zuerst meinen Namen: „{name}, "
        "wie spät ist es?“\n"
        "- **Weiterreden:** gleich nach meiner Antwort an dich brauche ich keinen Namen.\n"
        "- **Unterbrechen:** sprich dazwischen, sag „Stopp“ oder gib `/stop` ein.\n"
        "- **Schriftlich:** `/ask` nimmt eine getippte Frage, `/repeat` sagt meine letzte Antwort noch einmal.\n"
        "- **Deine Stimme:** `/privacy show` sagt, ob ich dich höre; `/privacy ignore-me` und `/privacy delete` ändern "
        "es.\n"
        "- **Etwas geht nicht?** `/status` sagt, was langsam oder ausgefallen ist."
    ),
    "join_where": "Du bist in keinem Sprachkanal. Geh zuerst in einen, oder wähle ihn: `/join channel:`",
    "here_already": "Ich bin schon in {channel}.",
    "cannot_join": "Ich kann nicht in {channel} kommen: {why}.",
    "could_not_join": "Ich konnte nicht in {channel} kommen: {why}.",
    "joined": "Ich bin in {channel}. Sprich einfach.",
    "not_here": "Ich bin in keinem Sprachkanal.",
    "left": "Ich bin gegangen.",
    "stopped": "Ich höre auf.",
    "was_silent": "Ich habe gerade nichts gesagt.",
    "join_first": "Ich bin in keinem Sprachkanal. Nimm zuerst `/join`.",
    "said": "Gesagt.",
    "only_from_inside": (
        "Das nehme ich nur von Leuten in {channel} und von Moderatoren (Berechtigung Mitglieder verschieben)."
    ),
    "ask_nobody": "Hier antworte ich niemandem: Ich schreibe nur mit, was gesagt wird.",
    "nothing_to_repeat": "Ich habe nichts zu wiederholen.",
    "repeated": "Noch einmal gesagt.",
    "cannot_speak": "Ich kann gerade nicht sprechen.",
    "command_failed": "Da ist etwas schiefgegangen. Mehr steht im Protokoll des Dienstes.",
    "why_unseen": "den Kanal gibt es nicht, oder ich darf ihn nicht sehen",
    "why_stage": (
        "ein Stage-Kanal ist nicht Ende-zu-Ende-verschlüsselt, und dieser Bot kommt nur in verschlüsselte Anrufe"
    ),
    "why_permission": "mir fehlt in diesem Kanal die Berechtigung {permission}",
    "why_permissions": "mir fehlen in diesem Kanal die Berechtigungen {permission} und {other}",
    "why_more_permissions": "mir fehlen in diesem Kanal die Berechtigungen {permission}, {other} und {third}",
    "why_full": "der Kanal ist voll",
    "why_kicked": "jemand hat mich aus dem Kanal entfernt",
    "why_superseded": "inzwischen wurde etwas anderes verlangt",
    "why_unanswered": "Discord hat nicht geantwortet",
    "why_connection": "die Sprachverbindung kam nicht zustande",
    "why_closed": "Discords Sprachserver hat die Verbindung geschlossen (Code {code})",
    "why_offline": "ich bin nicht mit Discord verbunden",
    "permission_view": "Kanal anzeigen",
    "permission_connect": "Verbinden",
    "permission_speak": "Sprechen",
    "status_here": "Ich höre hier {count} Personen zu. {why} {stages} {health} {turns}",
    "status_away": "Ich bin hier in keinem Sprachkanal. {stages} {health}",
    "status_stages": "Spracherkennung {stt}, Agent {agent}, Sprachausgabe {tts}.",
    "status_turns": "Bisher: {answered} beantwortet, {interrupted} unterbrochen, {failed} fehlgeschlagen.",
    "status_no_turns": "Bisher wurde nichts gesagt.",
    "all_well": "Allen Servern geht es gut.",
    "not_all_asked": "Ich habe noch nicht alle Server gefragt, wie es ihnen geht.",
    "stage_stt": "Die Spracherkennung",
    "stage_agent": "Der Agent",
    "stage_tts": "Die Sprachausgabe",
    "stage_down": "{stage} ({kind}) ist seit {span} ausgefallen.",
    "stage_down_backup": "{stage} ({kind}) ist seit {span} ausgefallen; ein Ersatz ({backup}) ist eingesprungen.",
    "stage_failing": "{stage} ({kind}) macht seit {span} Fehler.",
    "stage_failing_backup": "{stage} ({kind}) macht seit {span} Fehler; ein Ersatz ({backup}) ist eingesprungen.",
    "slow_stt": (
        "Die Spracherkennung ist langsam: {took} s bis zum Text, wenn du fertig bist; es sollten {target} s sein."
    ),
    "slow_agent": "Der Agent ist langsam: {took} s bis zum ersten Wort; es sollten {target} s sein.",
    "slow_tts": "Die Sprachausgabe ist langsam: {took} s bis zum ersten Ton; es sollten {target} s sein.",
    "span_seconds": "{count} s",
    "span_minutes": "{count} min",
    "span_hours": "{count} Stunden",
    "listen_notice": (
        "Ich höre hier zu: was in diesem Kanal gesagt wird, wird zu Text und geht an einen KI-Agenten. "
        "`/privacy` zeigt dir, was das für dich heißt, und ändert es."
    ),
    "listen_notice_opt_in": (
        "Ich höre nur, wer zustimmt: was diejenigen in diesem Kanal sagen, wird zu Text und geht an einen "
        "KI-Agenten. Mit `/privacy hear-me` darf ich dich hören."
    ),
    "listen_spoken": (
        "Ich höre hier zu. Was gesagt wird, wird zu Text und geht an einen KI-Agenten. Mit dem Befehl privacy "
        "kannst du das ansehen und ändern."
    ),
    "sign_listening": "🔴 Ich höre hier zu",
    "here_always": "Ich bin immer hier.",
    "here_asked": "Jemand hat mich gerufen.",
    "here_follow": "Ich folge {user}.",
    "here_occupied": "Ich komme dahin, wo Leute sind.",
    "transcript_attached": "Was in diesem Gespräch gesagt wurde, als Datei.",
    "listen_notice_chat": "{told} Es wird auch in den Chat geschrieben, mit Namen.",
    "listen_notice_minutes": (
        "Ich schreibe mit, was in diesem Kanal gesagt wird, mit Namen. `/privacy` zeigt dir, was das für dich "
        "bedeutet, und ändert es."
    ),
    "listen_notice_minutes_opt_in": (
        "Ich schreibe mit, was in diesem Kanal gesagt wird, mit Namen, aber nur von denen, die zustimmen. Mit "
        "`/privacy hear-me` höre ich dich."
    ),
    "about_privacy": "Entscheiden, ob ich dich hören darf",
    "about_privacy_hear": "Mich dich auf diesem Server hören lassen",
    "about_privacy_ignore": "Mich dich auf diesem Server nicht hören lassen",
    "about_privacy_show": "Zeigen, ob ich dich höre und was ich von dir habe",
    "about_privacy_delete": "Löschen, was ich von dir habe",
    "privacy_agreed": "Ich höre dich in den Sprachkanälen dieses Servers: du hast zugestimmt.",
    "privacy_usual": "Ich höre dich in den Sprachkanälen dieses Servers, wie alle. `/privacy ignore-me` ändert das.",
    "privacy_objected": "Ich höre dich nicht: du hast Nein gesagt.",
    "privacy_not_asked": "Ich höre dich nicht: hier höre ich nur, wer zustimmt. `/privacy hear-me` ändert das.",
    "privacy_denied": "Ich höre dich nicht: der Betreiber hat dich ausgenommen.",
    "privacy_not_allowed": "Ich höre dich nicht: der Betreiber lässt mich nur bestimmte Mitglieder hören.",
    "privacy_unknown": "Ich höre dich gerade nicht, weil ich nicht nachsehen kann, ob ich darf.",
    "privacy_not_stored": "{told} Ich kann das gerade nicht speichern: es gilt, bis ich neu gestartet werde.",
    "privacy_has": "{told}\nWas ich hier von dir habe: {records}\n{elsewhere}",
    "privacy_deleted": "Ich habe deine Wahl und das hier gelöscht: {records}\n{elsewhere}",
    "privacy_deleted_but_no": (
        "Ich habe das hier gelöscht: {records} Dass ich dich nicht hören darf, behalte ich, denn sonst würde ich "
        "dich wieder hören.\n{elsewhere}"
    ),
    "privacy_not_all": "{told}\nNicht alles war zu erreichen: bitte sag es dem Betreiber.",
    "privacy_elsewhere": "Was an Sprachserver und an den Agenten ging, ist vielleicht noch dort: frag den Betreiber.",
    "records_agent": "Für den Agenten gemerkte Gespräche: {count}.",
    "records_threads": "Gespräche auf dem Server des Agenten: {count}.",
    "records_journal": "Gespräche im Journal: {count}.",
    "records_memory": "Gespräche im Speicher: {count}.",
    "records_minutes": "Zeilen in der Mitschrift dieses Gesprächs: {count}.",
    "rest_attached": "Der Rest meiner Antwort steht in dieser Datei.",
    # settings that are chosen in Discord
    "about_agent": "Wähle, wer antwortet, wenn niemand beim Namen gerufen wird",
    "about_agent_agent": "Wer; tippe, um zu suchen",
    "about_voice": "Wähle eine Stimme",
    "about_voice_voice": "Welche Stimme; tippe, um zu suchen",
    "about_voice_agent": "Wessen Stimme; ohne Angabe die von dem, der zuerst antwortet",
    "about_language": "Wähle die Sprache, die gesprochen wird",
    "about_language_language": "Welche Sprache; tippe, um zu suchen",
    "about_mode": "Wähle, wem ich antworte",
    "about_mode_mode": "Wem",
    "about_settings": "Zeige, was gewählt wurde, oder nimm es zurück",
    "about_settings_channel": "Nur für diesen Sprachkanal; ohne Angabe für den ganzen Server",
    "about_settings_show": "Zeige, was gilt und woher es kommt",
    "about_settings_show_channel": "Für welchen Sprachkanal; ohne Angabe für den ganzen Server",
    "about_settings_reset": "Nimm zurück, was gewählt wurde",
    "about_settings_reset_what": "Was; ohne Angabe alles",
    "about_settings_reset_channel": "Für welchen Sprachkanal; ohne Angabe überall",
    "mode_addressed": "wer mich beim Namen ruft",
    "mode_everyone": "allen",
    "mode_lock": "einem nach dem anderen: wer zuerst kam, bis Stille ist",
    "mode_queue": "allen, in der Reihenfolge der Fragen",
    "what_agent": "Wer antwortet",
    "what_voice": "Stimme",
    "what_voice_of": "Stimme von {profile}",
    "what_language": "Sprache",
    "what_mode": "Wem ich antworte",
    "settings_chosen": "{what}: {value}, ab jetzt.",
    "settings_in_channel": "{told} Nur in {channel}.",
    "settings_not_stored": "{told} Ich kann das gerade nicht speichern: Es gilt, bis ich neu gestartet werde.",
    "settings_role": "Das dürfen hier nur Mitglieder mit bestimmten Rollen ändern.",
    "settings_unknown": "Das gibt es hier nicht: {value}. Wähle etwas von dem, was ich beim Tippen anbiete.",
    "settings_reset": "Zurückgenommen: {count}.",
    "settings_none": "Hier wurde nichts gewählt.",
    "settings_list": "Das gilt hier:\n{rows}",
    "settings_brief": "Einstellungen:\n{rows}",
    "settings_row": "- {what}: {value}",
    "settings_from": "{row} ({origin})",
    "settings_row_of": "{row} (gewählt für {channel})",
    "settings_server_s_own": "die eigene des Sprachservers",
    "origin_file": "aus meiner Konfiguration",
    "origin_profile": "aus dem Profil",
    "origin_server": "für diesen Server gewählt",
    "origin_channel": "für diesen Kanal gewählt",
}
