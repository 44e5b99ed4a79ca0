// SPDX-License-Identifier: Apache-2.0
#include "response/alert/alert_compose.h"

#include "response/alert/alert_text.h"

#include <inttypes.h>
#include <string.h>

#define TITLE_PREFIX "[sakimori] "

const char *alert_compose_kind(const struct alert_thing *t)
{
	if (t->finding)
		return finding_kind_name(t->finding->kind);
	if (t->signal)
		return t->signal->kind;
	if (t->alarm)
		return alert_alarm_name(t->alarm->kind);
	return t->notice ? "delivery-failed" : "test";
}

static const char *type_of(const struct alert_thing *t)
{
	return t->finding ? "finding" : t->signal ? "signal" : t->alarm ? "alarm" : t->notice ? "notice" : "test";
}

static const char *subject_of(const struct alert_thing *t)
{
	return t->finding  ? t->finding->subject
	       : t->signal ? t->signal->source
	       : t->alarm  ? t->alarm->subject
	       : t->notice ? t->notice
			   : t->test;
}

static FILE *open_text(char **text, size_t *n)
{
	FILE *out = open_memstream(text, n);
	ENSURE(out != NULL);
	return out;
}

char *alert_compose_title(const struct alert_thing *t, enum alert_language language)
{
	char *title = NULL, subject[512], kind[64];
	size_t n;
	FILE *out = open_text(&title, &n);
	alert_text_clean(subject, sizeof subject, subject_of(t));
	alert_text_clean(kind, sizeof kind, alert_compose_kind(t));
	struct alert_text_value v[] = { { "subject", subject }, { "kind", kind } };
	fprintf(out, TITLE_PREFIX "%s: ", alert_text2(language, "severity", alert_severity_name(t->severity)));
	if (t->event < ALERT_TEST)
		fputs(alert_text2(language, "event", alert_event_name(t->event)), out);
	const char *sentence = t->finding  ? alert_text2(language, "title", kind)
			       : t->signal ? alert_text(language, "signal.title")
			       : t->alarm  ? alert_text2(language, "alarm", kind)
			       : t->notice ? alert_text(language, "notice.title")
					   : alert_text(language, "test.title");
	alert_text_put(out, sentence, v, 2);
	ENSURE(fclose(out) == 0);
	return title;
}

static void label(FILE *out, enum alert_language l, const char *key, const char *text)
{
	fprintf(out, "%s: %s\n", alert_text2(l, "label", key), text);
}

static void time_line(FILE *out, const struct alert_view *v, const char *key, int64_t ns)
{
	char utc[TEXT_TIME_MAX], local[TEXT_TIME_MAX], both[2 * TEXT_TIME_MAX + 8];
	if (v->offset_s == 0) {
		label(out, v->language, key, alert_text_time(utc, ns, NULL));
		return;
	}
	snprintf(
		both, sizeof both, "%s (%s)", alert_text_time(utc, ns, NULL), alert_text_time(local, ns, &v->offset_s));
	label(out, v->language, key, both);
}

static void outside(FILE *out, enum alert_language l, const char *key, const char *text)
{
	char safe[1024];
	if (text && *text)
		label(out, l, key, alert_text_clean(safe, sizeof safe, text));
}

static void finding_means(FILE *out, const struct finding *f, enum alert_language l)
{
	char number[5][32];
	struct alert_text_value v[] = { { "packets", alert_text_number(number[0], f->packets) },
		{ "targets", alert_text_number(number[1], f->targets) },
		{ "ports", alert_text_number(number[2], f->ports) },
		{ "destinations", alert_text_number(number[3], f->destinations) },
		{ "sources", alert_text_number(number[4], f->sources) } };
	alert_text_put(out, alert_text2(l, "means", finding_kind_name(f->kind)), v, sizeof v / sizeof *v);
	fputs("\n\n", out);
}

static void finding_ports(FILE *out, const struct finding *f, enum alert_language l)
{
	char list[FINDING_TOP * 8] = "";
	size_t n = 0;
	for (uint32_t i = 0; i < f->top_ports_n && i < 8; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%.5s", i ? ", " : "", f->top_ports[i].name);
	outside(out, l, "ports", list);
}

static void finding_facts(FILE *out, const struct alert_thing *t, const struct alert_view *v)
{
	const struct finding *f = t->finding;
	enum alert_language l = v->language;
	char number[32], place[192];
	struct alert_text_value n = { "n", alert_text_number(number, f->confidence) };
	label(out, l, "severity", alert_text2(l, "severity", alert_severity_name(t->severity)));
	fprintf(out, "%s: ", alert_text(l, "label.confidence"));
	alert_text_put(out, alert_text(l, "text.confidence"), &n, 1);
	fputc('\n', out);
	label(out, l, "evidence", alert_text(l, f->spoofable ? "text.spoofable" : "text.genuine"));
	outside(out, l, "sensor", f->sensor);
	outside(out, l, "tenant", t->tenant);
	time_line(out, v, "first", f->first_ns);
	time_line(out, v, "last", f->last_ns);
	finding_ports(out, f, l);
	if (f->tool && strcmp(f->tool, "none") != 0)
		outside(out, l, "tool", f->tool);
	if (f->place.has_asn) {
		snprintf(place, sizeof place, "AS%" PRIu32 " %s %s", f->place.asn, f->place.as_name, f->place.country);
		outside(out, l, "place", place);
	} else {
		outside(out, l, "place", f->place.country);
	}
	outside(out, l, "detail", f->detail);
}

static void finding_text(FILE *out, const struct alert_thing *t, const struct alert_view *v)
{
	const struct finding *f = t->finding;
	enum alert_language l = v->language;
	finding_means(out, f, l);
	finding_facts(out, t, v);
	fprintf(out, "%s: %s\n\n%s\n  sakimori evidence export %.32s\n", alert_text(l, "label.next"),
		alert_text2(l, "next", finding_kind_name(f->kind)), alert_text(l, "text.export"), f->id);
	if (v->console_url)
		fprintf(out, "  %s/findings/%.32s\n", v->console_url, f->id);
	fputc('\n', out);
	label(out, l, "id", f->id);
}

static void signal_text(FILE *out, const struct alert_thing *t, const struct alert_view *v)
{
	const struct signal *s = t->signal;
	char value[32], limit[32];
	struct alert_text_value values[] = { { "value", alert_text_number(value, s->value) },
		{ "limit", alert_text_number(limit, s->threshold) } };
	alert_text_put(out, alert_text(v->language, "signal.means"), values, 2);
	fputs("\n\n", out);
	label(out, v->language, "evidence", alert_text(v->language, "text.spoofable"));
	outside(out, v->language, "sensor", s->sensor);
	outside(out, v->language, "tenant", t->tenant);
	time_line(out, v, "first", s->at_ns);
}

static void alarm_text(FILE *out, const struct alert_thing *t, const struct alert_view *v)
{
	const struct alert_alarm *a = t->alarm;
	char value[64], limit[64], since[TEXT_TIME_MAX], local[TEXT_TIME_MAX];
	enum alert_unit unit = alert_alarm_unit(a->kind);
	struct alert_text_value values[] = { { "value", alert_text_unit(value, v->language, unit, a->value) },
		{ "limit", alert_text_unit(limit, v->language, unit, a->limit) },
		{ "since", alert_text_time(since, a->since_ns, NULL) },
		{ "local", alert_text_time(local, a->since_ns, &v->offset_s) } };
	if (a->event == ALERT_CLEARED) {
		alert_text_put(out, alert_text(v->language, "alarm.over"), values, 4);
	} else {
		alert_text_put(out, alert_text2(v->language, "do", alert_alarm_name(a->kind)), values, 4);
		fputc('\n', out);
		alert_text_put(out, alert_text(v->language, "alarm.since"), values, 4);
	}
	fputc('\n', out);
}

static void own_text(FILE *out, const struct alert_thing *t, const struct alert_view *v)
{
	char subject[128], why[512], number[32];
	alert_text_clean(subject, sizeof subject, subject_of(t));
	alert_text_clean(why, sizeof why, t->why ? t->why : "");
	struct alert_text_value values[] = { { "subject", subject }, { "why", why },
		{ "n", alert_text_number(number, t->attempts) }, { "host", v->host } };
	alert_text_put(out, alert_text(v->language, t->notice ? "notice.text" : "test.text"), values, 4);
	fputc('\n', out);
	if (t->notice)
		fprintf(out, "%s\n", alert_text(v->language, "notice.next"));
}

static void foot(FILE *out, const struct alert_view *v)
{
	struct alert_text_value value = { "host", v->host };
	fputs("\n-- \n", out);
	alert_text_put(out, alert_text(v->language, "foot"), &value, 1);
	fputc('\n', out);
}

char *alert_compose_text(const struct alert_thing *t, const struct alert_view *v)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_text(&text, &n);
	if (t->finding)
		finding_text(out, t, v);
	else if (t->signal)
		signal_text(out, t, v);
	else if (t->alarm)
		alarm_text(out, t, v);
	else
		own_text(out, t, v);
	foot(out, v);
	ENSURE(fclose(out) == 0);
	return text;
}

static void json_head(struct json *j, const char *type, const char *message_id, const char *title)
{
	json_object(j, NULL);
	json_u64(j, "version", 1);
	json_str(j, "type", type);
	json_str(j, "message", message_id);
	json_str(j, "title", title);
}

static void json_nullable_time(struct json *j, const char *key, int64_t ns)
{
	if (ns)
		json_time(j, key, ns);
	else
		json_null(j, key);
}

static void json_finding(struct json *j, const struct alert_thing *t)
{
	const struct finding *f = t->finding;
	if (f) {
		json_u64(j, "confidence", f->confidence);
		json_bool(j, "spoofable", f->spoofable);
		json_str(j, "sensor", f->sensor);
		json_str(j, "tool", f->tool);
		json_str(j, "detail", f->detail[0] ? f->detail : NULL);
		json_u64(j, "packets", f->packets);
		json_time(j, "first", f->first_ns);
		json_time(j, "last", f->last_ns);
		return;
	}
	json_null(j, "confidence");
	json_bool(j, "spoofable", t->signal != NULL);
	json_str(j, "sensor", t->signal ? t->signal->sensor : NULL);
	json_nullable_time(j, "first", t->since_ns);
	json_nullable_time(j, "last", t->at_ns);
}

char *alert_compose_json(const struct alert_thing *t, const struct alert_view *v, const char *title, const char *text)
{
	char *bytes = NULL, url[512];
	size_t n;
	struct json j;
	FILE *out = open_text(&bytes, &n);
	json_init(&j, out);
	json_head(&j, type_of(t), t->message_id, title);
	json_str(&j, "event", alert_event_name(t->event));
	json_str(&j, "kind", alert_compose_kind(t));
	json_str(&j, "id", t->id);
	json_str(&j, "subject", subject_of(t));
	json_str(&j, "severity", alert_severity_name(t->severity));
	json_str(&j, "tenant", t->tenant);
	json_finding(&j, t);
	if (t->alarm) {
		json_i64(&j, "value", t->alarm->value);
		json_i64(&j, "limit", t->alarm->limit);
	}
	json_time(&j, "at", t->at_ns);
	json_str(&j, "text", text);
	snprintf(url, sizeof url, "%s/findings/%s", v->console_url ? v->console_url : "", t->id);
	json_str(&j, "url", v->console_url && t->finding ? url : NULL);
	json_end(&j, '}');
	ENSURE(fclose(out) == 0);
	return bytes;
}

static const char *const reason_names[] = { "digest", "quiet", "limited" };

char *alert_compose_many_title(const struct alert_many *m, enum alert_language language)
{
	char *title = NULL, number[32];
	size_t n;
	FILE *out = open_text(&title, &n);
	struct alert_text_value v[] = { { "n", alert_text_number(number, m->n) },
		{ "severity", alert_text2(language, "severity", alert_severity_name(m->severity)) } };
	fputs(TITLE_PREFIX, out);
	alert_text_put(out, alert_text2(language, "many", reason_names[m->reason]), v, 2);
	ENSURE(fclose(out) == 0);
	return title;
}

char *alert_compose_many_text(const struct alert_many *m, const struct alert_view *v)
{
	char *text = NULL, local[TEXT_TIME_MAX], number[32], *title;
	size_t n, prefix = strlen(TITLE_PREFIX);
	FILE *out = open_text(&text, &n);
	fprintf(out, "%s\n\n", alert_text2(v->language, "many.intro", reason_names[m->reason]));
	for (size_t i = 0; i < m->n && i < ALERT_LINES_SHOWN; i++) {
		const struct alert_line *l = &m->lines[i];
		title = l->title;
		fprintf(out, "%s  %s\n", alert_text_time(local, l->since_ns, &v->offset_s),
			strlen(title) > prefix ? title + prefix : title);
	}
	if (m->n > ALERT_LINES_SHOWN) {
		struct alert_text_value value = { "n", alert_text_number(number, m->n - ALERT_LINES_SHOWN) };
		alert_text_put(out, alert_text(v->language, "many.rest"), &value, 1);
		fputc('\n', out);
	}
	foot(out, v);
	ENSURE(fclose(out) == 0);
	return text;
}

char *alert_compose_many_json(const struct alert_many *m, const char *title, const char *text)
{
	char *bytes = NULL;
	size_t n;
	struct json j;
	FILE *out = open_text(&bytes, &n);
	json_init(&j, out);
	json_head(&j, "collection", m->message_id, title);
	json_str(&j, "kind", reason_names[m->reason]);
	json_str(&j, "severity", alert_severity_name(m->severity));
	json_time(&j, "at", m->at_ns);
	json_str(&j, "text", text);
	json_array(&j, "items");
	for (size_t i = 0; i < m->n && i < ALERT_LINES_SHOWN; i++) {
		const struct alert_line *l = &m->lines[i];
		json_object(&j, NULL);
		json_str(&j, "id", l->subject);
		json_str(&j, "kind", l->kind);
		json_str(&j, "event", alert_event_name(l->event));
		json_str(&j, "severity", alert_severity_name(l->severity));
		json_time(&j, "since", l->since_ns);
		json_str(&j, "title", l->title);
		json_end(&j, '}');
	}
	json_end(&j, ']');
	json_u64(&j, "more", m->n > ALERT_LINES_SHOWN ? m->n - ALERT_LINES_SHOWN : 0);
	json_end(&j, '}');
	ENSURE(fclose(out) == 0);
	return bytes;
}
