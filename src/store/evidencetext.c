// SPDX-License-Identifier: Apache-2.0
#include "store/evidencetext.h"

#include "base/zone.h"

#include <inttypes.h>
#include <string.h>

static const struct {
	const char *english, *japanese;
} kinds[FINDING_KIND_N] = {
	[FINDING_SCAN] = { "scan of addresses that nobody uses (darknet)", "ダークネットに対するスキャン" },
	[FINDING_SCAN_TYPE] = { "scan packets of one constant pattern", "固定パターンのスキャンパケット" },
	[FINDING_BACKSCATTER] = { "backscatter: replies of a host that gets packets with forged senders",
		"バックスキャッタ（送信元を詐称した攻撃に対する応答の跳ね返り）" },
	[FINDING_AMPLIFICATION] = { "traffic of a reflection (amplification) attack",
		"リフレクション（増幅）攻撃に関する通信" },
	[FINDING_ICMP_QUOTE] = { "ICMP errors that quote packets of this host",
		"当該ホストのパケットを引用したICMPエラー" },
	[FINDING_PORT_NEW] = { "a port that nobody sent to before", "これまで観測のなかったポート宛ての通信" },
	[FINDING_PORT_SURGE] = { "a surge of packets to a port", "特定ポート宛て通信の急増" },
	[FINDING_OWN_WATCH] = { "a host of one's own range sent to the darknet (to be watched)",
		"自組織のIPアドレスからダークネットへの通信（要観察）" },
	[FINDING_OWN_SUSPECT] = { "a host of one's own range behaves like an infected one",
		"自組織の機器におけるマルウェア感染の疑い" },
	[FINDING_OWN_ATTACKED] = { "a host of one's own range is under attack",
		"自組織のホストに対する攻撃（バックスキャッタによる検知）" },
};

/* A time in both zones; once when they are the same. */
static void time_line(FILE *out, const char *label, int64_t ns)
{
	char utc[TEXT_TIME_MAX], local[TEXT_TIME_MAX];
	fprintf(out, "%s%s", label, text_time(utc, ns));
	if (zone_offset_s(ns))
		fprintf(out, " (%s)", zone_text(local, ns));
	fputc('\n', out);
}

static void count_line(FILE *out, const char *label, bool known, uint64_t n)
{
	if (known)
		fprintf(out, "%s%" PRIu64 "\n", label, n);
}

/* "name n, name n": the counts that led to the conclusion. */
static void counts_line(FILE *out, const char *label, const struct finding *f)
{
	if (!f->counts_n)
		return;
	fputs(label, out);
	for (uint32_t i = 0; i < f->counts_n; i++)
		fprintf(out, "%s%s %" PRIu64, i ? ", " : "", f->counts[i].name, f->counts[i].n);
	fputc('\n', out);
}

void evidencetext_english(FILE *out, const struct evidencetext *t)
{
	const struct finding *f = t->f;
	fprintf(out, "FINDING %s\n\nWhat was seen:  %s (%s)\nSubject:        %s\nSensor:         %s\n", f->id,
		kinds[f->kind].english, finding_kind_name(f->kind), f->subject, f->sensor);
	time_line(out, "First packet:   ", f->first_ns);
	time_line(out, "Last packet:    ", f->last_ns);
	count_line(out, "Packets:        ", true, f->packets);
	count_line(out, "Targets:        ", f->has_targets, f->targets);
	count_line(out, "Ports:          ", f->has_ports, f->ports);
	count_line(out, "Sources:        ", f->has_sources, f->sources);
	if (f->tool)
		fprintf(out, "Tool:           %s\n", f->tool);
	if (f->detail[0])
		fprintf(out, "Detail:         %s\n", f->detail);
	counts_line(out, "Rests on:       ", f);
	fprintf(out, "Confidence:     %u of 100\nSeverity:       %s\n", f->confidence, f->severity ? f->severity : "-");
	fputs(f->spoofable ? "Spoofable:      YES. The sender's address could have been forged: these packets alone do "
			     "not "
			     "prove\n                who sent them.\n"
			   : "Spoofable:      no. What was seen can't be made with a forged sender's address.\n",
		out);
	fprintf(out, "Sensor's clock: %s%s\n", t->clock,
		strcmp(t->clock, "synchronised") ? "; the times above are only as good as that" : "");
	if (t->gaps)
		fprintf(out,
			"Gaps:           %" PRIu64 " in this time (%" PRIu64
			" packets known to be lost): counts are lower bounds, see gaps.json\n",
			t->gaps, t->dropped);
	else
		fputs("Gaps:           none recorded in this time\n", out);
	if (t->packets_file)
		fprintf(out, "Packets kept:   %" PRIu64 " in %s%s%s\n", t->found.packets, t->packets_file,
			t->found.limited ? "; there were more, the first are here" : "",
			t->found.packets < f->packets ? "; fewer than were counted" : "");
	else
		fprintf(out, "Packets kept:   none; %u samples in the finding's JSON\n", f->samples_n);
	fputc('\n', out);
}

static const char *severity_japanese(const char *severity)
{
	return !severity			 ? "-"
	       : strcmp(severity, "high") == 0	 ? "高"
	       : strcmp(severity, "medium") == 0 ? "中"
	       : strcmp(severity, "low") == 0	 ? "低"
						 : "参考情報";
}

void evidencetext_japanese(FILE *out, const struct evidencetext *t)
{
	const struct finding *f = t->f;
	fprintf(out, "検知ID: %s\n\n検知内容: %s（%s）\n対象: %s\nセンサ: %s\n", f->id, kinds[f->kind].japanese,
		finding_kind_name(f->kind), f->subject, f->sensor);
	time_line(out, "初回観測日時: ", f->first_ns);
	time_line(out, "最終観測日時: ", f->last_ns);
	count_line(out, "パケット数: ", true, f->packets);
	count_line(out, "宛先IPアドレス数: ", f->has_targets, f->targets);
	count_line(out, "宛先ポート数: ", f->has_ports, f->ports);
	count_line(out, "送信元IPアドレス数: ", f->has_sources, f->sources);
	if (f->tool)
		fprintf(out, "推定ツール: %s\n", f->tool);
	if (f->detail[0])
		fprintf(out, "詳細: %s\n", f->detail);
	counts_line(out, "判定根拠: ", f);
	fprintf(out, "確信度: %u（100点満点）\n深刻度: %s\n", f->confidence, severity_japanese(f->severity));
	fputs(f->spoofable
			? "送信元詐称の可能性: あり。送信元IPアドレスは詐称されている可能性があり、本パケットのみでは"
			  "送信者を特定できません。\n"
			: "送信元詐称の可能性: なし。送信元IPアドレスを詐称した場合には成立しない通信です。\n",
		out);
	fprintf(out, "センサの時刻同期: %s\n",
		strcmp(t->clock, "synchronised") == 0 ? "同期済み"
		: strcmp(t->clock, "unsynchronised") == 0 ? "未同期（上記の日時には誤差が含まれる可能性があります）"
		: strcmp(t->clock, "scenario") == 0 ? "シナリオ時刻（演習用）"
						    : "不明（上記の日時の精度は保証されません）");
	if (t->gaps)
		fprintf(out,
			"欠測: この期間に%" PRIu64 "件（判明している損失パケット数: %" PRIu64
			"）。上記の件数は下限値です。詳細はgaps.jsonを参照してください。\n",
			t->gaps, t->dropped);
	else
		fputs("欠測: この期間の記録はありません\n", out);
	if (t->packets_file)
		fprintf(out, "保全パケット: %" PRIu64 "個（%s）%s%s\n", t->found.packets, t->packets_file,
			t->found.limited ? "。上限に達したため、先頭部分のみを収録しています" : "",
			t->found.packets < f->packets ? "。観測数の一部です" : "");
	else
		fprintf(out, "保全パケット: なし（検知情報のJSONに含まれる代表パケット%u個のみ）\n", f->samples_n);
	fputc('\n', out);
}

#define OPENSSL                                                                                                        \
	"  openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in manifest.json \\\n"                             \
	"      -sigfile signature.ed25519\n"                                                                           \
	"  openssl pkey -pubin -in signer.pem -outform DER | sha256sum\n"                                              \
	"  sed -n 's/.*\"name\":\"\\([^\"]*\\)\".*\"sha256\":\"\\([0-9a-f]*\\)\".*/\\2  \\1/p' manifest.json | "       \
	"sha256sum -c\n"

void evidencetext_verify_english(FILE *out, const char *key)
{
	fprintf(out,
		"HOW TO VERIFY\n\nWith this program:\n\n  sakimori evidence verify FILE.tar\n\nWithout it, in a "
		"directory "
		"where the archive was unpacked:\n\n" OPENSSL
		"\nThe second command must print the fingerprint of the key that signed:\n\n  %s\n\nWhether that key "
		"is the signer's has to be asked from the signer by another way than this archive.\n",
		key);
}

void evidencetext_verify_japanese(FILE *out, const char *key)
{
	fprintf(out,
		"真正性の確認方法\n\n本プログラムによる確認:\n\n  sakimori evidence verify FILE.tar\n\n"
		"本プログラムを使用しない場合（アーカイブを展開したディレクトリで実行）:\n\n" OPENSSL
		"\n2番目のコマンドの出力が、署名鍵のフィンガープリントと一致することを確認してください:\n\n  %s\n\n"
		"この鍵が署名者本人のものであることは、本アーカイブ以外の手段で署名者に確認してください。\n",
		key);
}
