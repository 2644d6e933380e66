"""Spanish."""

TEXTS = {
    "apology": "Lo siento, algo ha salido mal. Inténtalo de nuevo, por favor.",
    "mute_apology": "Lo siento, me he quedado sin voz. Puedes leer mi respuesta en el chat.",
    "filler_1": "Un momento.",
    "filler_2": "Déjame ver.",
    "filler_3": "Un segundo.",
    "stt_down": "Ahora mismo no os oigo: el reconocimiento de voz no funciona. Escribiré cuando vuelva a funcionar.",
    "agent_down": "Ahora mismo no puedo responder: el agente no funciona. Escribiré cuando vuelva a funcionar.",
    "tts_down": "Me he quedado sin voz: la síntesis de voz no funciona. Hasta que vuelva, escribiré mis respuestas.",
    "stt_back": "Ya os oigo otra vez.",
    "agent_back": "Ya puedo responder otra vez.",
    "tts_back": "He recuperado la voz.",
    "echo": (
        "Oigo mi propia voz desde el micrófono de {name}: hay un altavoz demasiado cerca. La ignoro. Unos auriculares "
        "o pulsar para hablar lo evitan."
    ),
    "no_pause": (
        "Llevo {seconds} s oyendo a {name} sin una pausa, así que no sé dónde termina una pregunta. Sigo escuchando "
        "y responderé a lo que se diga después de una pausa."
    ),
    "floor_taken": "{name}, estoy hablando con otra persona. Pregunta otra vez cuando terminemos.",
    "deaf_to": "Ahora mismo no oigo a {name}: tengo un error interno. Lo intentaré de nuevo en {minutes} min.",
    "limit_member": ("{name}, has preguntado mucho en poco tiempo. Dame {seconds} segundos y sigo contigo."),
    "limit_server": "Me han preguntado mucho en poco tiempo. Dadme {seconds} segundos y sigo.",
    "limit_calls": "Por hoy he respondido todo lo que puedo. Mañana sigo.",
    "limit_spoken": "Por hoy he hablado todo lo que puedo. Mañana sigo.",
    "limit_quiet": "Aquí es hora de silencio hasta las {time}: no respondo ni hablo.",
    "muted": "Estoy silenciado en este servidor, así que respondo por escrito.",
    "deafened": "Estoy ensordecido en este servidor, así que no oigo a nadie.",
    "audience": (
        "Estoy entre el público y nadie puede oírme: invitadme a hablar. Mientras tanto respondo por escrito."
    ),
    "not_encrypted": "Esta llamada no está cifrada de extremo a extremo, así que aquí no puedo escuchar ni hablar.",
    "name_join": "unirse",
    "name_leave": "salir",
    "name_status": "estado",
    "name_stop": "parar",
    "name_say": "decir",
    "name_help": "ayuda",
    "name_privacy": "privacidad",
    "name_hear_me": "óyeme",
    "name_ignore_me": "no-me-oigas",
    "name_show": "mostrar",
    "name_delete": "borrar",
    "name_channel": "canal",
    "name_text": "texto",
    "about_join": "Entrar en un canal de voz y escuchar",
    "about_join_channel": "Qué canal; el tuyo si no eliges ninguno",
    "about_leave": "Salir del canal de voz",
    "about_status": "Mostrar qué funciona y qué va lento o está caído",
    "about_stop": "Dejar de hablar",
    "about_say": "Decir algo en voz alta en el canal de voz",
    "about_say_text": "Qué decir",
    "about_help": "Mostrar cómo hablar conmigo",
    "help": (
        "**{name} habla con vosotros en los canales de voz.**\n"
        "- **Traerme:** entra en un canal de voz y escribe `/join`. `/leave` hace que me vaya.\n"
        "- **Hablar:** si estás a solas conmigo, habla sin más. Si hay más gente, di primero mi nombre: «{name}, ¿qué "
        "hora es?»\n"
        "- **Seguir:** justo después de responderte no hace falta mi nombre.\n"
        "- **Pararme:** habla por encima, di «para» o escribe `/stop`.\n"
        "- **Tu voz:** `/privacy show` dice si te oigo; `/privacy ignore-me` y `/privacy delete` lo cambian.\n"
        "- **¿Algo va mal?** `/status` dice qué va lento o no funciona."
    ),
    "join_where": "No estás en ningún canal de voz. Entra primero en uno, o elígelo: `/join channel:`",
    "here_already": "Ya estoy en {channel}.",
    "cannot_join": "No puedo entrar en {channel}: {why}.",
    "could_not_join": "No he podido entrar en {channel}: {why}.",
    "joined": "Estoy en {channel}. Habla cuando quieras.",
    "not_here": "No estoy en ningún canal de voz.",
    "left": "He salido.",
    "stopped": "Ya me callo.",
    "was_silent": "No estaba diciendo nada.",
    "join_first": "No estoy en ningún canal de voz. Usa primero `/join`.",
    "said": "Dicho.",
    "cannot_speak": "Ahora mismo no puedo hablar.",
    "command_failed": "Algo ha salido mal. El registro del servicio dice más.",
    "why_unseen": "el canal no existe, o no se me permite verlo",
    "why_stage": "un escenario no está cifrado de extremo a extremo, y este bot solo entra en llamadas cifradas",
    "why_permission": "necesito el permiso {permission} en este canal",
    "why_permissions": "necesito los permisos {permission} y {other} en este canal",
    "why_more_permissions": "necesito los permisos {permission}, {other} y {third} en este canal",
    "why_full": "el canal está lleno",
    "why_kicked": "alguien me ha sacado del canal",
    "why_superseded": "mientras tanto se ha pedido otra cosa",
    "why_unanswered": "Discord no ha respondido",
    "why_connection": "no se ha podido establecer la conexión de voz",
    "why_closed": "el servidor de voz de Discord ha cerrado la conexión (código {code})",
    "why_offline": "no tengo conexión con Discord",
    "permission_view": "Ver canal",
    "permission_connect": "Conectar",
    "permission_speak": "Hablar",
    "status_here": "Personas a las que escucho aquí: {count}. {why} {stages} {health} {turns}",
    "status_away": "No estoy en ningún canal de voz aquí. {stages} {health}",
    "status_stages": "Reconocimiento de voz {stt}, agente {agent}, síntesis de voz {tts}.",
    "status_turns": "Hasta ahora: {answered} respuestas, {interrupted} interrupciones, {failed} fallos.",
    "status_no_turns": "Hasta ahora no se ha dicho nada.",
    "all_well": "Todos los servidores están bien.",
    "not_all_asked": "Aún no he preguntado a todos los servidores cómo están.",
    "stage_stt": "El reconocimiento de voz",
    "stage_agent": "El agente",
    "stage_tts": "La síntesis de voz",
    "stage_down": "{stage} ({kind}) lleva {span} sin funcionar.",
    "stage_down_backup": "{stage} ({kind}) lleva {span} sin funcionar; lo sustituye una reserva ({backup}).",
    "stage_failing": "{stage} ({kind}) lleva {span} fallando.",
    "stage_failing_backup": "{stage} ({kind}) lleva {span} fallando; lo sustituye una reserva ({backup}).",
    "slow_stt": (
        "El reconocimiento de voz va lento: {took} s hasta el texto cuando terminas; deberían ser {target} s."
    ),
    "slow_agent": "El agente va lento: {took} s hasta la primera palabra; deberían ser {target} s.",
    "slow_tts": "La síntesis de voz va lenta: {took} s hasta el primer sonido; deberían ser {target} s.",
    "span_seconds": "{count} s",
    "span_minutes": "{count} min",
    "span_hours": "{count} horas",
    "listen_notice": (
        "Estoy escuchando: lo que se dice en este canal se convierte en texto y se envía a un agente de IA. "
        "`/privacy` te muestra qué significa para ti y lo cambia."
    ),
    "listen_notice_opt_in": (
        "Solo escucho a quien acepta: lo que dice en este canal se convierte en texto y se envía a un agente de "
        "IA. Con `/privacy hear-me` puedo oírte."
    ),
    "listen_spoken": (
        "Estoy escuchando. Lo que se dice se convierte en texto y se envía a un agente de IA. Con el comando "
        "privacy puedes verlo y cambiarlo."
    ),
    "here_always": "Siempre estoy aquí.",
    "here_asked": "Alguien me pidió que viniera.",
    "here_follow": "Sigo a {user}.",
    "here_occupied": "Vengo donde hay gente.",
    "transcript_attached": "Lo que se ha dicho en esta llamada, en un archivo.",
    "listen_notice_chat": "{told} También se escribe en el chat, con nombres.",
    "listen_notice_minutes": (
        "Escribo lo que se dice en este canal, con nombres. `/privacy` te muestra qué significa para ti y permite "
        "cambiarlo."
    ),
    "listen_notice_minutes_opt_in": (
        "Escribo lo que se dice en este canal, con nombres, pero solo de quienes aceptan. `/privacy hear-me` me deja "
        "oírte."
    ),
    "about_privacy": "Decidir si puedo oírte",
    "about_privacy_hear": "Dejar que te oiga en este servidor",
    "about_privacy_ignore": "No dejar que te oiga en este servidor",
    "about_privacy_show": "Mostrar si te oigo y qué tengo de ti",
    "about_privacy_delete": "Borrar lo que tengo de ti",
    "privacy_agreed": "Te oigo en los canales de voz de este servidor: has aceptado.",
    "privacy_usual": "Te oigo en los canales de voz de este servidor, como a todos. `/privacy ignore-me` lo cambia.",
    "privacy_objected": "No te oigo: has dicho que no.",
    "privacy_not_asked": "No te oigo: aquí solo oigo a quien acepta. `/privacy hear-me` lo cambia.",
    "privacy_denied": "No te oigo: quien administra el bot te ha excluido.",
    "privacy_not_allowed": "No te oigo: quien administra el bot solo me deja oír a ciertos miembros.",
    "privacy_unknown": "Ahora mismo no te oigo, porque no puedo comprobar si debo.",
    "privacy_not_stored": "{told} Ahora mismo no puedo guardarlo: vale hasta que me reinicien.",
    "privacy_has": "{told}\nLo que tengo de ti aquí: {records}\n{elsewhere}",
    "privacy_deleted": "He borrado tu elección y esto: {records}\n{elsewhere}",
    "privacy_deleted_but_no": (
        "He borrado esto: {records} Conservo que no debo oírte, porque si no volvería a oírte.\n{elsewhere}"
    ),
    "privacy_not_all": "{told}\nNo he podido llegar a todo: avisa a quien administra el bot.",
    "privacy_elsewhere": (
        "Lo que fue a los servidores de voz y al agente puede seguir allí: pregunta a quien administra el bot."
    ),
    "records_agent": "Turnos recordados para el agente: {count}.",
    "records_journal": "Turnos en el diario: {count}.",
    "records_memory": "Turnos en memoria: {count}.",
    "records_minutes": "Líneas en la transcripción de esta llamada: {count}.",
    "rest_attached": "El resto de mi respuesta está en este archivo.",
}
