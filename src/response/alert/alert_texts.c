// SPDX-License-Identifier: Apache-2.0
/* size-ok: the table of sentences. A new kind is new rows; test_alerttext.c says which are missing. */
#include "response/alert/alert_text.h"

const struct alert_text_row alert_text_rows[] = {
	/* Titles of findings: what an operator sees in the list of mails. */
	{ "title.scan", "scan from {subject}", "{subject} からのスキャンを検知" },
	{ "title.scan-type", "stealth probe {subject}", "ステルススキャンを検知 ({subject})" },
	{ "title.backscatter", "{subject} is under attack elsewhere (backscatter)",
		"{subject} への攻撃の跳ね返り (バックスキャッタ) を観測" },
	{ "title.amplification", "amplification attack on {subject}", "{subject} へのリフレクション攻撃を検知" },
	{ "title.icmp-quote", "packets forged in our name went to {subject}",
		"当方のアドレスを騙るパケットが {subject} に送られた形跡" },
	{ "title.port-new", "port {subject}: many ask for it, nobody did before",
		"ポート {subject} への探索が新たに出現" },
	{ "title.port-surge", "port {subject}: surge of probes", "ポート {subject} への探索が急増" },
	{ "title.own-watch", "own address {subject} seen in dark space (watch)",
		"自網の {subject} からダーク空間への通信を観測 (要観察)" },
	{ "title.own-suspect", "own address {subject} may be infected", "自網の {subject} に感染の疑い" },
	{ "title.own-attacked", "own address {subject} is being attacked", "自網の {subject} が攻撃を受けている模様" },

	/* What it means, in a sentence. */
	{ "means.scan",
		"This source probed addresses that nobody uses: targets {targets}, ports {ports}, packets {packets}.",
		"この送信元は未使用アドレスを探索しました (宛先 {targets} 件、ポート {ports} 件、{packets} "
		"パケット)。" },
	{ "means.scan-type",
		"A TCP packet with flags that no system sends first: somebody looks for open ports unseen.",
		"通常の通信では最初に現れないフラグの TCP パケットです。気付かれずに開放ポートを探る手口です。" },
	{ "means.backscatter",
		"Answers nobody here asked for ({packets} packets): somebody attacks this address with forged senders, "
		"ours among them.",
		"こちらから要求していない応答が {packets} "
		"パケット届きました。この宛先が送信元詐称による攻撃を受けており、当方のアドレスも騙られています。" },
	{ "means.amplification",
		"{packets} packets from {sources} sources that were not asked for: reflectors are being misused "
		"against this address.",
		"要求していない応答が {sources} 件の送信元から {packets} パケット届きました。踏み台 (リフレクタ) "
		"を使ったこの宛先への攻撃です。" },
	{ "means.icmp-quote", "ICMP errors quote packets with our unused addresses as sender: somebody forged them.",
		"ICMP "
		"エラーに、当方の未使用アドレスを送信元とするパケットが引用されています。送信元が詐称されています。" },
	{ "means.port-new", "{sources} sources asked for this port within an hour, after a day without any.",
		"この 1 時間に {sources} 件の送信元がこのポートを探索しました。それまで 1 "
		"日間は探索がありませんでした。" },
	{ "means.port-surge", "{sources} sources in an hour, at least five times the mean of the day before.",
		"この 1 時間に {sources} 件の送信元がこのポートを探索しました。前日平均の 5 倍以上です。" },
	{ "means.own-watch", "One of your own addresses sent {packets} packets to addresses that nobody uses.",
		"自網のアドレスから未使用アドレス宛に {packets} パケットが送られました。" },
	{ "means.own-suspect",
		"One of your own addresses probes addresses that nobody uses ({packets} packets, {destinations} "
		"destinations), as an infected device does.",
		"自網のアドレスが未使用アドレスを探索しています ({packets} パケット、宛先 {destinations} "
		"件)。感染した機器に見られる挙動です。" },
	{ "means.own-attacked",
		"Answers of one of your own addresses arrive in dark space ({packets} packets): it is the victim of an "
		"attack with forged senders, not infected.",
		"自網のアドレスからの応答がダーク空間に届いています ({packets} "
		"パケット)。送信元詐称による攻撃の被害側であり、感染を示すものではありません。" },

	/* What to do next. */
	{ "next.scan", "Nothing urgent. Look whether the same source also reached live addresses of yours.",
		"急ぎの対応は不要です。同じ送信元が実運用中のアドレスにも届いていないか確認してください。" },
	{ "next.scan-type", "Nothing urgent. Look for the scan of the same source.",
		"急ぎの対応は不要です。同じ送信元のスキャンを確認してください。" },
	{ "next.backscatter", "Nothing to do here. If the victim is a partner, tell them.",
		"当方での対応は不要です。被害側が関係先であれば連絡を検討してください。" },
	{ "next.amplification",
		"If the address is yours: ask your upstream for filtering of the source port named above.",
		"宛先が自網の場合は、上流事業者に上記送信元ポートのフィルタを依頼してください。" },
	{ "next.icmp-quote", "Keep the evidence; answer complaints about our addresses with it.",
		"証跡を保存し、当方アドレスに関する苦情への回答に用いてください。" },
	{ "next.port-new", "Look which of your devices offer this port, and for news of a weakness behind it.",
		"自網でこのポートを開いている機器と、関連する脆弱性情報を確認してください。" },
	{ "next.port-surge", "Look which of your devices offer this port, and for news of a weakness behind it.",
		"自網でこのポートを開いている機器と、関連する脆弱性情報を確認してください。" },
	{ "next.own-watch", "Watch: these packets can be forged by anybody. No notice, no block on this alone.",
		"経過観察としてください。このパケットは誰にでも詐称できます。これだけで通知や遮断をしないでください"
		"。" },
	{ "next.own-suspect",
		"Find out who had the address at that time, and confirm with evidence that can't be forged (port and "
		"MAC, flow record from an edge that checks source addresses) before a notice or a block.",
		"当該時刻のアドレス利用者を特定し、詐称できない証拠 (収容ポートと MAC、送信元検証済みのフロー記録など) "
		"で確認してから通知や遮断を判断してください。" },
	{ "next.own-attacked", "Look at the load of this address; if service suffers, ask your upstream for help.",
		"対象アドレスの負荷を確認し、サービスに影響があれば上流事業者に相談してください。" },

	/* The body of a finding. */
	{ "label.severity", "Severity", "深刻度" },
	{ "label.confidence", "Confidence", "確信度" },
	{ "label.evidence", "Evidence", "証拠" },
	{ "label.sensor", "Sensor", "センサ" },
	{ "label.tenant", "Tenant", "テナント" },
	{ "label.first", "First", "最初の観測" },
	{ "label.last", "Last", "最後の観測" },
	{ "label.tool", "Tool", "ツール" },
	{ "label.place", "Network", "所属" },
	{ "label.detail", "Detail", "詳細" },
	{ "label.ports", "Ports", "ポート" },
	{ "label.next", "Next", "次の対応" },
	{ "label.id", "Finding", "検知 ID" },
	{ "text.confidence", "{n} of 100, given that the packets are genuine",
		"100 中 {n} (パケットが本物である場合)" },
	{ "text.spoofable",
		"can be forged: these packets alone do not prove their sender. Ground for a look, never for an "
		"automatic action",
		"送信元は詐称可能: "
		"このパケットだけでは送信元の証明になりません。調査の契機にとどめ、自動的な対処はしないでください" },
	{ "text.genuine", "not spoofable", "送信元の詐称は不可能" },
	{ "text.export", "The packets behind it:", "根拠となるパケットの取り出し:" },
	{ "severity.info", "info", "情報" },
	{ "severity.low", "low", "低" },
	{ "severity.medium", "medium", "中" },
	{ "severity.high", "high", "高" },

	/* Signals. */
	{ "signal.title", "signal: {kind} by {subject}", "速報: {subject} ({kind})" },
	{ "signal.means",
		"This source crossed a threshold just now ({value}, threshold {limit}). The finding follows when the "
		"analysis has seen more.",
		"この送信元がしきい値を超えました (値 {value}、しきい値 "
		"{limit})。分析が進み次第、検知として続報します。" },

	/* Events. */
	{ "event.new", "", "" },
	{ "event.update", "update: ", "続報: " },
	{ "event.raised", "", "" },
	{ "event.reminded", "still: ", "継続中: " },
	{ "event.cleared", "cleared: ", "復旧: " },

	/* Alarms: the title, and what to do. */
	{ "alarm.silent-sensor", "sensor {subject} is silent", "センサ {subject} が無応答" },
	{ "alarm.withdrawn-prefix", "dark prefix gone quiet: {subject}",
		"ダークプレフィックスへの到達が停止: {subject}" },
	{ "alarm.disk-low", "disk space is low on {subject}", "{subject} のディスク空きが減少" },
	{ "alarm.disk-full", "disk is full on {subject}", "{subject} のディスクが満杯" },
	{ "alarm.clock-unsynchronised", "clock of {subject} is not synchronised", "{subject} の時計が未同期" },
	{ "alarm.clock-offset", "clock of {subject} is off", "{subject} の時計にずれ" },
	{ "alarm.role-dying", "process {subject} dies again and again", "プロセス {subject} が異常終了を繰り返し" },
	{ "alarm.link-down", "link down: {subject}", "リンク断: {subject}" },
	{ "alarm.spool-full", "spool {subject} fills up", "スプール {subject} が逼迫" },
	{ "alarm.keeper-behind", "the store falls behind: {subject}", "ストアへの書き込みが遅延: {subject}" },
	{ "alarm.certificate-expiring", "certificate {subject} expires soon", "証明書 {subject} の期限切れが間近" },
	{ "do.silent-sensor",
		"No packet for {value} (limit {limit}). Look at the capture port, its cable and mirror session; until "
		"then there is no data, not no attack.",
		"{value} の間パケットがありません (しきい値 "
		"{limit})"
		"。キャプチャポート、配線、ミラー設定を確認してください。この間は攻撃なしではなく、データなしです。" },
	{ "do.withdrawn-prefix",
		"No packet for {value} (limit {limit}) while the rest of the sensor sees traffic. Look whether the "
		"route is still announced and not filtered.",
		"センサの他の範囲には届いている一方、{value} の間パケットがありません (しきい値 "
		"{limit})。経路広告とフィルタを確認してください。" },
	{ "do.disk-low", "{value} free (limit {limit}). Make room or shorten retention; capture goes on.",
		"空き {value} (しきい値 {limit})。容量を確保するか保存期間を短縮してください。観測は継続中です。" },
	{ "do.disk-full",
		"{value} free (limit {limit}). Records are being lost or will be within minutes: make room now.",
		"空き {value} (しきい値 {limit})。記録が失われつつあります。直ちに容量を確保してください。" },
	{ "do.clock-unsynchronised",
		"Times of this machine prove nothing until it is synchronised: look at NTP. Automatic actions are off "
		"meanwhile.",
		"同期が回復するまで時刻は証拠になりません。NTP "
		"を確認してください。この間、自動対処は停止しています。" },
	{ "do.clock-offset",
		"Off by {value} (limit {limit}). Look at NTP; whoever matches addresses with customers must know it.",
		"ずれ {value} (しきい値 {limit})。NTP "
		"を確認してください。加入者特定の際はこのずれを考慮してください。" },
	{ "do.role-dying",
		"{value} restarts (limit {limit}). Its log says why; if it reads packets, keep the capture for the "
		"report.",
		"再起動 {value} 回 (しきい値 "
		"{limit})"
		"。ログで原因を確認してください。パケットを扱うプロセスの場合は、報告用にキャプチャを保存してください"
		"。" },
	{ "do.link-down", "Down for {value}. Look at the cable and at the other end.",
		"{value} の間リンクが落ちています。配線と対向装置を確認してください。" },
	{ "do.spool-full",
		"{value} full (limit {limit}). The other end does not take what we send; when it is full the oldest is "
		"given up.",
		"使用率 {value} (しきい値 "
		"{limit})。送信先が受け取れていません。満杯になると古いものから破棄されます。" },
	{ "do.keeper-behind", "The last commit was {value} ago (limit {limit}). Look at the disk and at the keeper.",
		"最後のコミットから {value} 経過 (しきい値 {limit})。ディスクと keeper を確認してください。" },
	{ "do.certificate-expiring", "It ends at {value}. Renew it, or the connection that needs it fails then.",
		"有効期限は {value} です。更新しないと、この証明書を使う接続が失敗します。" },
	{ "alarm.since", "Since {since} ({local}).", "発生: {since} ({local})。" },
	{ "alarm.over", "It is over; it began at {since} ({local}).", "復旧しました。発生: {since} ({local})。" },

	/* Many in one message. */
	{ "many.digest", "{n} alerts (highest: {severity})", "アラート {n} 件 (最高: {severity})" },
	{ "many.limited", "{n} more alerts (highest: {severity})", "ほかアラート {n} 件 (最高: {severity})" },
	{ "many.quiet", "{n} alerts from the quiet hours (highest: {severity})",
		"静穏時間帯のアラート {n} 件 (最高: {severity})" },
	{ "many.intro.digest", "Collected:", "とりまとめ:" },
	{ "many.intro.limited", "More than the rate limit lets through one by one:",
		"送信数の上限を超えたためまとめてお知らせします:" },
	{ "many.intro.quiet", "Held back in the quiet hours:", "静穏時間帯に保留したもの:" },
	{ "many.rest", "... and {n} more: sakimori telescope events --from TIME",
		"... ほか {n} 件: sakimori telescope events --from 日時" },

	/* About the alerts themselves. */
	{ "notice.title", "alerts by way of {subject} fail", "通知経路 {subject} で送信失敗" },
	{ "notice.text",
		"A message could not be delivered by {subject} and was given up after {n} attempts. The last reason: "
		"{why}.",
		"{subject} へのメッセージを {n} 回試行しましたが送信できず、断念しました。最後の理由: {why}" },
	{ "notice.next", "What it told is in the store: sakimori telescope events --from TIME",
		"内容はストアで確認できます: sakimori telescope events --from 日時" },
	{ "test.title", "test message", "テスト送信" },
	{ "test.text", "This is a test of the channel {subject} of sakimori on {host}. Nothing happened.",
		"{host} の sakimori による通知経路 {subject} のテスト送信です。異常はありません。" },
	{ "foot", "sakimori on {host}", "sakimori ({host})" },

	/* Units. */
	{ "unit.s", "{n} s", "{n} 秒" },
	{ "unit.min", "{n} min", "{n} 分" },
	{ "unit.h", "{n} h", "{n} 時間" },
	{ "unit.d", "{n} days", "{n} 日" },
};
const size_t alert_text_rows_n = sizeof alert_text_rows / sizeof *alert_text_rows;
