"""English, the complete one: what is not here is said nowhere."""

TEXTS = {
    # spoken when something went wrong
    "apology": "Sorry, something went wrong. Please try again.",
    "mute_apology": "Sorry, my voice has failed. You can read my answer in the chat.",
    # spoken while an answer is late, if the operator wants that
    "filler_1": "One moment.",
    "filler_2": "Let me see.",
    "filler_3": "Just a second.",
    # spoken while the agent's tools work
    "tool_wait": "One moment.",
    # written when a stage goes down, and when it is back
    "stt_down": "I can't hear you at the moment: speech recognition is not working. I will write when it is back.",
    "agent_down": "I can't answer at the moment: the agent is not working. I will write when it is back.",
    "tts_down": "I have lost my voice: speech synthesis is not working. I will write my answers until it is back.",
    "stt_back": "I can hear you again.",
    "agent_back": "I can answer again.",
    "tts_back": "I have my voice back.",
    # written about one speaker
    "echo": (
        "I hear my own voice from {name}: a loudspeaker is too near to an open microphone. I pass it over. "
        "Headphones or push-to-talk help."
    ),
    "no_pause": (
        "I have heard {name} for {seconds} s without a pause, so I can't tell where a question ends. I keep "
        "listening, and answer what is said after a pause."
    ),
    "floor_taken": "{name}, I am talking with somebody else. Ask again when we have finished.",
    "deaf_to": "I can't hear {name} at the moment: I have an internal error. I will try again in {minutes} min.",
    # what the operator allows: said or written once, when it is reached
    "limit_member": "{name}, you have asked a lot in a short time. Give me {seconds} seconds, then I go on with you.",
    "limit_server": "I have been asked a lot in a short time. Give me {seconds} seconds, then I go on.",
    "limit_calls": "I have answered as much as I may for today. I go on tomorrow.",
    "limit_spoken": "I have spoken as much as I may for today. I go on tomorrow.",
    "limit_quiet": "It is quiet time here until {time}: I don't answer and don't speak.",
    # written about what moderators do, and what kind of call it is
    "muted": "I am muted on this server, so I answer in writing.",
    "deafened": "I am deafened on this server, so I hear nobody.",
    "audience": (
        "I am in the audience here and nobody can hear me: invite me to speak. Until then I answer in writing."
    ),
    "not_encrypted": "This call is not end-to-end encrypted, so I may neither listen nor speak here.",
    # the slash commands: their names and those of their options, as each language shows them
    "name_join": "join",
    "name_leave": "leave",
    "name_status": "status",
    "name_stop": "stop",
    "name_say": "say",
    "name_ask": "ask",
    "name_repeat": "repeat",
    "name_question": "question",
    "name_help": "help",
    "name_privacy": "privacy",
    "name_hear_me": "hear-me",
    "name_ignore_me": "ignore-me",
    "name_show": "show",
    "name_delete": "delete",
    "name_channel": "channel",
    "name_text": "text",
    "name_agent": "agent",
    "name_voice": "voice",
    "name_language": "language",
    "name_mode": "mode",
    "name_settings": "settings",
    "name_reset": "reset",
    "name_what": "what",
    # the slash commands: what they are for
    "about_join": "Come into a voice channel and listen",
    "about_join_channel": "Which channel; yours if you choose none",
    "about_leave": "Leave the voice channel",
    "about_status": "Show what runs and what is slow or down",
    "about_stop": "Stop speaking",
    "about_say": "Say something aloud in the voice channel",
    "about_say_text": "What to say",
    "about_ask": "Type a question; the answer is spoken and written",
    "about_ask_question": "What to ask",
    "about_repeat": "Say the last answer again, or its unheard rest",
    "about_help": "Show how to talk with me",
    # the slash commands: what they answer
    "help": (
        "**{name} talks with you in voice channels.**\n"
        "- **Bring me in:** go into a voice channel and type `/join`. `/leave` sends me away.\n"
        "- **Talk:** alone with me, just speak. With others there, say my name first: “{name}, how late is it?”\n"
        "- **Go on:** right after my answer to you I need no name.\n"
        "- **Stop me:** speak over me, say “stop”, or type `/stop`.\n"
        "- **In writing:** `/ask` takes a typed question, `/repeat` says my last answer again.\n"
        "- **Your voice:** `/privacy show` says whether I hear you; `/privacy ignore-me` and `/privacy delete` change "
        "it.\n"
        "- **Something wrong?** `/status` says what is slow or down."
    ),
    "join_where": "You are not in a voice channel. Join one first, or choose it: `/join channel:`",
    "here_already": "I am already in {channel}.",
    "cannot_join": "I can't join {channel}: {why}.",
    "could_not_join": "I could not join {channel}: {why}.",
    "joined": "I am in {channel}. Just speak.",
    "not_here": "I am not in a voice channel.",
    "left": "I have left.",
    "stopped": "Stopped.",
    "was_silent": "I was not saying anything.",
    "join_first": "I am not in a voice channel. Use `/join` first.",
    "said": "Said.",
    "only_from_inside": "I only take that from people in {channel}, and from moderators (permission Move Members).",
    "ask_nobody": "I answer nobody here: I only write down what is said.",
    "nothing_to_repeat": "I have nothing to repeat.",
    "repeated": "Said again.",
    "cannot_speak": "I can't speak at the moment.",
    "command_failed": "Something went wrong. The service's log says more.",
    # why a channel cannot be joined, at the end of a sentence
    "why_unseen": "the channel does not exist, or I am not allowed to see it",
    "why_stage": "a stage is not end-to-end encrypted, and this bot only joins encrypted calls",
    "why_permission": "I need the permission {permission} in this channel",
    "why_permissions": "I need the permissions {permission} and {other} in this channel",
    "why_more_permissions": "I need the permissions {permission}, {other} and {third} in this channel",
    "why_full": "the channel is full",
    "why_kicked": "somebody removed me from the channel",
    "why_superseded": "something else was asked for in the meantime",
    "why_unanswered": "Discord did not answer",
    "why_connection": "the voice connection could not be made",
    "why_closed": "Discord's voice server closed the connection (code {code})",
    "why_offline": "I am not connected to Discord",
    "permission_view": "View Channel",
    "permission_connect": "Connect",
    "permission_speak": "Speak",
    # /status
    "status_here": "Listening to {count} here. {why} {stages} {health} {turns}",
    "status_away": "Not in a voice channel here. {stages} {health}",
    "status_stages": "Speech recognition {stt}, agent {agent}, speech synthesis {tts}.",
    "status_turns": "So far: {answered} answered, {interrupted} interrupted, {failed} failed.",
    "status_no_turns": "Nothing has been said so far.",
    "all_well": "All servers are well.",
    "not_all_asked": "I have not yet asked all servers how they are.",
    "stage_stt": "Speech recognition",
    "stage_agent": "The agent",
    "stage_tts": "Speech synthesis",
    "stage_down": "{stage} ({kind}) has been down for {span}.",
    "stage_down_backup": "{stage} ({kind}) has been down for {span}; a backup ({backup}) has taken over.",
    "stage_failing": "{stage} ({kind}) has been failing for {span}.",
    "stage_failing_backup": "{stage} ({kind}) has been failing for {span}; a backup ({backup}) has taken over.",
    "slow_stt": "Speech recognition is slow: {took} s to the words after you have finished; it should be {target} s.",
    "slow_agent": "The agent is slow: {took} s to its first word; it should be {target} s.",
    "slow_tts": "Speech synthesis is slow: {took} s to its first sound; it should be {target} s.",
    "span_seconds": "{count} s",
    "span_minutes": "{count} min",
    "span_hours": "{count} hours",
    # that we listen, and why we are here
    "listen_notice": (
        "I am listening here: what is said in this channel is turned into text and sent to an AI agent. "
        "`/privacy` shows you what that means for you, and changes it."
    ),
    "listen_notice_opt_in": (
        "I only listen to those who agree: what they say in this channel is turned into text and sent to an AI "
        "agent. `/privacy hear-me` lets me hear you."
    ),
    "listen_spoken": (
        "I am listening here. What is said is turned into text and sent to an AI agent. Type slash privacy to "
        "see and change that."
    ),
    "sign_listening": "🔴 I am listening here",
    "here_always": "I am always here.",
    "here_asked": "Somebody asked me to come.",
    "here_follow": "I follow {user}.",
    "here_occupied": "I come where people are.",
    # the conversation in writing
    "transcript_attached": "What was said in this call, as a file.",
    "listen_notice_chat": "{told} It is also written into the chat, with names.",
    "listen_notice_minutes": (
        "I write down what is said in this channel, with names. `/privacy` shows you what that means for you, and "
        "changes it."
    ),
    "listen_notice_minutes_opt_in": (
        "I write down what is said in this channel, with names, but only of those who agree. `/privacy hear-me` lets "
        "me hear you."
    ),
    # who may be heard
    "about_privacy": "Decide whether I may hear you",
    "about_privacy_hear": "Let me hear you on this server",
    "about_privacy_ignore": "Don't let me hear you on this server",
    "about_privacy_show": "Show whether I hear you, and what I have of you",
    "about_privacy_delete": "Delete what I have of you",
    "privacy_agreed": "I hear you in this server's voice channels: you have agreed.",
    "privacy_usual": "I hear you in this server's voice channels, like everybody. `/privacy ignore-me` changes that.",
    "privacy_objected": "I do not hear you: you have said no.",
    "privacy_not_asked": "I do not hear you: here I only hear those who agree. `/privacy hear-me` changes that.",
    "privacy_denied": "I do not hear you: the operator has left you out.",
    "privacy_not_allowed": "I do not hear you: the operator lets me hear certain members only.",
    "privacy_unknown": "I do not hear you at the moment, since I can't look up whether I may.",
    "privacy_not_stored": "{told} I can't store that at the moment: it holds until I am restarted.",
    "privacy_has": "{told}\nWhat I have of you here: {records}\n{elsewhere}",
    "privacy_deleted": "I have deleted your choice and this: {records}\n{elsewhere}",
    "privacy_deleted_but_no": (
        "I have deleted this: {records} I keep that I may not hear you, since I would hear you again without "
        "it.\n{elsewhere}"
    ),
    "privacy_not_all": "{told}\nNot everything could be reached: please tell the operator.",
    "privacy_elsewhere": "What went to speech servers and to the agent may be kept there: ask the operator.",
    "records_agent": "Exchanges remembered for the agent: {count}.",
    "records_threads": "Conversations on the agent's own server: {count}.",
    "records_journal": "Turns in the journal: {count}.",
    "records_memory": "Turns in memory: {count}.",
    "records_minutes": "Lines in the transcript of this call: {count}.",
    # settings that are chosen in Discord
    "about_agent": "Choose who answers when nobody is called by name",
    "about_agent_agent": "Who; type to search",
    "about_voice": "Choose a voice",
    "about_voice_voice": "Which voice; type to search",
    "about_voice_agent": "Whose voice; of who answers first if you choose none",
    "about_language": "Choose the language that is spoken",
    "about_language_language": "Which language; type to search",
    "about_mode": "Choose whom I answer",
    "about_mode_mode": "Whom",
    "about_settings": "Show or reset what was chosen",
    "about_settings_channel": "Only for this voice channel; for the whole server if you choose none",
    "about_settings_show": "Show what holds and where it comes from",
    "about_settings_show_channel": "Of which voice channel; of the whole server if you choose none",
    "about_settings_reset": "Take back what was chosen",
    "about_settings_reset_what": "What; everything if you choose none",
    "about_settings_reset_channel": "For which voice channel; everywhere if you choose none",
    "mode_addressed": "whoever calls me by name",
    "mode_everyone": "everyone",
    "mode_lock": "one after the other: whoever came first, until they are silent",
    "mode_queue": "everyone, in the order of their questions",
    "what_agent": "Who answers",
    "what_voice": "Voice",
    "what_voice_of": "Voice of {profile}",
    "what_language": "Language",
    "what_mode": "Whom I answer",
    "settings_chosen": "{what}: {value}, from now on.",
    "settings_in_channel": "{told} Only in {channel}.",
    "settings_not_stored": "{told} I can't store that at the moment: it holds until I am restarted.",
    "settings_role": "Only members with certain roles may change that here.",
    "settings_unknown": "I do not have that here: {value}. Choose one of those that I offer while you type.",
    "settings_reset": "Choices taken back: {count}.",
    "settings_none": "Nothing has been chosen here.",
    "settings_list": "What holds here:\n{rows}",
    "settings_brief": "Settings:\n{rows}",
    "settings_row": "- {what}: {value}",
    "settings_from": "{row} ({origin})",
    "settings_row_of": "{row} (chosen for {channel})",
    "settings_server_s_own": "the server's own",
    "origin_file": "from my configuration",
    "origin_profile": "from the profile",
    "origin_server": "chosen for this server",
    "origin_channel": "chosen for this channel",
    # below the beginning of an answer that is written as a file
    "rest_attached": "The rest of my answer is in this file.",
}
