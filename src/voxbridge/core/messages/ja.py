"""Japanese."""
# ruff: noqa: RUF001 - full-width marks are the right ones

TEXTS = {
    "apology": "すみません、うまくいきませんでした。もう一度お願いします。",
    "mute_apology": "すみません、声が出せません。答えはチャットで読めます。",
    "filler_1": "少々お待ちください。",
    "filler_2": "確認しますね。",
    "filler_3": "ちょっと待ってください。",
    "tool_wait": "少々お待ちください。",
    "stt_down": "今、声を聞き取れません。音声認識が止まっています。直ったらお知らせします。",
    "agent_down": "今、お答えできません。エージェントが止まっています。直ったらお知らせします。",
    "tts_down": "声が出せません。音声合成が止まっています。直るまで答えを文字で書きます。",
    "stt_back": "また聞き取れるようになりました。",
    "agent_back": "またお答えできるようになりました。",
    "tts_back": "また声が出せるようになりました。",
    "echo": (
        "{name}さんのマイクから私の声が聞こえます。スピーカーが近すぎるようです。その音には応答しません。"
        "ヘッドホンかプッシュ・トゥ・トークをお試しください。"
    ),
    "no_pause": (
        "{name}さんの声が{seconds}秒間とぎれずに続いているため、質問の終わりがわかりません。このまま聞き続け、"
        "間があいた後の言葉にお答えします。"
    ),
    "floor_taken": "{name}さん、今は別の人と話しています。終わったらもう一度聞いてください。",
    "deaf_to": "今、{name}さんの声を聞き取れません。内部エラーが起きました。{minutes}分後にもう一度試します。",
    "limit_member": "{name}さん、短い間にたくさん質問をいただきました。{seconds}秒待ってください。その後また続けます。",
    "limit_server": "短い間にたくさん質問をいただきました。{seconds}秒待ってください。その後また続けます。",
    "limit_calls": "今日お答えできる分は終わりました。また明日お答えします。",
    "limit_spoken": "今日話せる分は終わりました。また明日話します。",
    "limit_quiet": "ここは{time}まで静かな時間です。お答えも発言もしません。",
    "muted": "このサーバーでミュートされているため、文字でお答えします。",
    "deafened": "このサーバーでスピーカーミュートされているため、誰の声も聞こえません。",
    "audience": (
        "今はオーディエンスにいるので、声が届きません。スピーカーに招待してください。それまでは文字でお答えします。"
    ),
    "not_encrypted": "この通話はエンドツーエンドで暗号化されていないため、聞くことも話すこともできません。",
    "name_join": "join",
    "name_leave": "leave",
    "name_status": "status",
    "name_stop": "stop",
    "name_say": "say",
    "name_ask": "ask",
    "name_repeat": "repeat",
    "name_question": "質問",
    "name_help": "help",
    "name_privacy": "privacy",
    "name_hear_me": "hear-me",
    "name_ignore_me": "ignore-me",
    "name_show": "show",
    "name_delete": "delete",
    "name_channel": "チャンネル",
    "name_text": "テキスト",
    "name_agent": "agent",
    "name_voice": "voice",
    "name_language": "language",
    "name_mode": "mode",
    "name_settings": "settings",
    "name_reset": "reset",
    "name_what": "what",
    "about_join": "ボイスチャンネルに入って話を聞く",
    "about_join_channel": "入るチャンネル（選ばなければあなたのいるチャンネル）",
    "about_leave": "ボイスチャンネルから出る",
    "about_status": "動いているもの、遅いもの、止まっているものを表示する",
    "about_stop": "話すのをやめる",
    "about_say": "ボイスチャンネルで声に出して言う",
    "about_say_text": "言う内容",
    "about_ask": "質問を入力する（答えは声と文字で返る）",
    "about_ask_question": "質問の内容",
    "about_repeat": "最後の答えをもう一度言う（途中なら残りを言う）",
    "about_help": "話しかけ方を表示する",
    "help": (
        "**{name}はボイスチャンネルで会話します。**\n"
        "- **呼ぶ：** ボイスチャンネルに入って`/join`と入力してください。`/leave`で退出します。\n"
        "- **話す：** 二人だけなら、そのまま話してください。ほかの人がいるときは、まず名前を呼んでください：「{name}、"
        "今何時？」\n"
        "- **続ける：** お答えした直後は、名前はいりません。\n"
        "- **止める：** 上から話すか、「ストップ」と言うか、`/stop`と入力してください。\n"
        "- **文字で：** `/ask`で質問を入力でき、`/repeat`で最後の答えをもう一度言います。\n"
        "- **あなたの声：** `/privacy show`で、聞いているかがわかります。`/privacy ignore-me`と`/privacy delete`で変え"
        "られます。\n"
        "- **うまくいかないとき：** `/status`で、遅いものや止まっているものがわかります。"
    ),
    "join_where": "あなたはボイスチャンネルにいません。先に入るか、チャンネルを選んでください：`/join channel:`",
    "here_already": "もう{channel}にいます。",
    "cannot_join": "{channel}に入れません：{why}。",
    "could_not_join": "{channel}に入れませんでした：{why}。",
    "joined": "{channel}に入りました。話しかけてください。",
    "not_here": "ボイスチャンネルに入っていません。",
    "left": "退出しました。",
    "stopped": "話すのをやめました。",
    "was_silent": "何も話していませんでした。",
    "join_first": "ボイスチャンネルに入っていません。先に`/join`を使ってください。",
    "said": "言いました。",
    "only_from_inside": "これは{channel}にいる人とモデレーター（メンバーを移動の権限）だけが使えます。",
    "ask_nobody": "ここでは誰にも答えず、話されたことを書きとめるだけです。",
    "nothing_to_repeat": "繰り返すことがありません。",
    "repeated": "もう一度言いました。",
    "cannot_speak": "今は話せません。",
    "command_failed": "うまくいきませんでした。くわしくはサービスのログを見てください。",
    "why_unseen": "チャンネルがないか、見る権限がありません",
    "why_stage": "ステージはエンドツーエンドで暗号化されておらず、このボットは暗号化された通話にだけ入ります",
    "why_permission": "このチャンネルで「{permission}」の権限が必要です",
    "why_permissions": "このチャンネルで「{permission}」と「{other}」の権限が必要です",
    "why_more_permissions": "このチャンネルで「{permission}」と「{other}」と「{third}」の権限が必要です",
    "why_full": "チャンネルが満員です",
    "why_kicked": "誰かにチャンネルから外されました",
    "why_superseded": "その間に別の指示がありました",
    "why_unanswered": "Discordから返事がありませんでした",
    "why_connection": "音声の接続ができませんでした",
    "why_closed": "Discordの音声サーバーが接続を閉じました（コード{code}）",
    "why_offline": "Discordに接続していません",
    "permission_view": "チャンネルを見る",
    "permission_connect": "接続",
    "permission_speak": "発言",
    "status_here": "ここで{count}人の話を聞いています。{why}{stages}{health}{turns}",
    "status_away": "ここのボイスチャンネルには入っていません。{stages}{health}",
    "status_stages": "音声認識：{stt}、エージェント：{agent}、音声合成：{tts}。",
    "status_turns": "これまで：回答{answered}、中断{interrupted}、失敗{failed}。",
    "status_no_turns": "まだ何も話されていません。",
    "all_well": "サーバーはすべて正常です。",
    "not_all_asked": "まだすべてのサーバーの状態を確認していません。",
    "stage_stt": "音声認識",
    "stage_agent": "エージェント",
    "stage_tts": "音声合成",
    "stage_down": "{stage}（{kind}）が{span}前から止まっています。",
    "stage_down_backup": "{stage}（{kind}）が{span}前から止まっていて、予備（{backup}）が代わりに動いています。",
    "stage_failing": "{stage}（{kind}）が{span}前から失敗しています。",
    "stage_failing_backup": "{stage}（{kind}）が{span}前から失敗していて、予備（{backup}）が代わりに動いています。",
    "slow_stt": "音声認識が遅れています：話し終わってから文字になるまで{took}秒（目標{target}秒）。",
    "slow_agent": "エージェントが遅れています：最初の言葉まで{took}秒（目標{target}秒）。",
    "slow_tts": "音声合成が遅れています：最初の音まで{took}秒（目標{target}秒）。",
    "span_seconds": "{count}秒",
    "span_minutes": "{count}分",
    "span_hours": "{count}時間",
    "listen_notice": (
        "ここで聞いています。このチャンネルで話されたことは文字になり、AIエージェントに送られます。`/privacy` で"
        "内容の確認と変更ができます。"
    ),
    "listen_notice_opt_in": (
        "同意した人の声だけを聞きます。その人がこのチャンネルで話したことは文字になり、AIエージェントに送られます"
        "。`/privacy hear-me` で聞けるようになります。"
    ),
    "listen_spoken": (
        "ここで聞いています。話されたことは文字になり、AIエージェントに送られます。プライバシーコマンドで確認と変"
        "更ができます。"
    ),
    "sign_listening": "🔴 ここで聞いています",
    "here_always": "いつもここにいます。",
    "here_asked": "呼ばれて来ました。",
    "here_follow": "{user}さんについて来ています。",
    "here_occupied": "人がいるところに来ます。",
    "transcript_attached": "この通話で話されたことのファイルです。",
    "listen_notice_chat": "{told}名前と一緒にチャットにも書きます。",
    "listen_notice_minutes": (
        "このチャンネルで話されたことを、名前と一緒に書きとめます。`/privacy` で内容の確認と変更ができます。"
    ),
    "listen_notice_minutes_opt_in": (
        "このチャンネルで話されたことを、同意した人の分だけ、名前と一緒に書きとめます。`/privacy hear-me` で聞けるよう"
        "になります。"
    ),
    "about_privacy": "声を聞いてよいかを決める",
    "about_privacy_hear": "このサーバーで声を聞いてよいことにする",
    "about_privacy_ignore": "このサーバーで声を聞かないようにする",
    "about_privacy_show": "声を聞いているか、何を持っているかを表示する",
    "about_privacy_delete": "あなたについて持っているものを削除する",
    "privacy_agreed": "このサーバーのボイスチャンネルであなたの声を聞きます。同意をいただいています。",
    "privacy_usual": (
        "このサーバーのボイスチャンネルで、皆さんと同じようにあなたの声を聞きます。`/privacy ignore-me` で変えら"
        "れます。"
    ),
    "privacy_objected": "あなたの声は聞きません。断られています。",
    "privacy_not_asked": (
        "あなたの声は聞きません。ここでは同意した人の声だけを聞きます。`/privacy hear-me` で変えられます。"
    ),
    "privacy_denied": "あなたの声は聞きません。運営者が対象から外しています。",
    "privacy_not_allowed": "あなたの声は聞きません。運営者が決めたメンバーの声だけを聞きます。",
    "privacy_unknown": "今はあなたの声を聞きません。聞いてよいかを確認できないためです。",
    "privacy_not_stored": "{told}今は保存できません。再起動されるまで有効です。",
    "privacy_has": "{told}\nここであなたについて持っているもの：{records}\n{elsewhere}",
    "privacy_deleted": "あなたの選択と次のものを削除しました：{records}\n{elsewhere}",
    "privacy_deleted_but_no": (
        "次のものを削除しました：{records}声を聞かないという選択は残します。消すとまた聞いてしまうためです。\n"
        "{elsewhere}"
    ),
    "privacy_not_all": "{told}\n一部に届きませんでした。運営者に伝えてください。",
    "privacy_elsewhere": (
        "音声サーバーやエージェントに送ったものは、そこに残っているかもしれません。運営者に聞いてください。"
    ),
    "records_agent": "エージェントのために覚えている会話：{count}件。",
    "records_threads": "エージェント側のサーバーにある会話：{count}件。",
    "records_journal": "記録にある会話：{count}件。",
    "records_memory": "メモリにある会話：{count}件。",
    "records_minutes": "この通話の書きとめにある行：{count}件。",
    "rest_attached": "答えの続きはこのファイルにあります。",
    # settings that are chosen in Discord
    "about_agent": "名前を呼ばれないときに誰が答えるかを選ぶ",
    "about_agent_agent": "誰か(入力して検索)",
    "about_voice": "声を選ぶ",
    "about_voice_voice": "どの声か(入力して検索)",
    "about_voice_agent": "誰の声か(選ばなければ最初に答える者)",
    "about_language": "話す言語を選ぶ",
    "about_language_language": "どの言語か(入力して検索)",
    "about_mode": "誰に答えるかを選ぶ",
    "about_mode_mode": "誰に",
    "about_settings": "選んだ設定を見る、または取り消す",
    "about_settings_channel": "このボイスチャンネルだけ(選ばなければサーバー全体)",
    "about_settings_show": "今の設定とその出どころを見る",
    "about_settings_show_channel": "どのボイスチャンネルか(選ばなければサーバー全体)",
    "about_settings_reset": "選んだ設定を取り消す",
    "about_settings_reset_what": "何を(選ばなければすべて)",
    "about_settings_reset_channel": "どのボイスチャンネルか(選ばなければすべて)",
    "mode_addressed": "名前を呼んだ人",
    "mode_everyone": "全員",
    "mode_lock": "最初に話した人(黙るまで)",
    "mode_queue": "全員(質問の順)",
    "what_agent": "答える者",
    "what_voice": "声",
    "what_voice_of": "{profile}の声",
    "what_language": "言語",
    "what_mode": "答える相手",
    "settings_chosen": "{what}: {value}(今から)",
    "settings_in_channel": "{told} {channel}だけです。",
    "settings_not_stored": "{told} 今は保存できません。再起動までの設定です。",
    "settings_role": "ここでは、決まったロールのメンバーだけが変更できます。",
    "settings_unknown": "ここにはありません: {value}。入力中に出る候補から選んでください。",
    "settings_reset": "取り消した設定: {count}件",
    "settings_none": "ここでは何も選ばれていません。",
    "settings_list": "今の設定:\n{rows}",
    "settings_brief": "設定:\n{rows}",
    "settings_row": "- {what}: {value}",
    "settings_from": "{row}({origin})",
    "settings_row_of": "{row}({channel}で選択)",
    "settings_server_s_own": "音声サーバーの標準",
    "origin_file": "設定ファイル",
    "origin_profile": "プロファイル",
    "origin_server": "このサーバーで選択",
    "origin_channel": "このチャンネルで選択",
}
