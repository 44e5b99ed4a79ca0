// SPDX-License-Identifier: Apache-2.0
/* The row tables of the nouns that have one. A new field is a line here, one in the struct and one in a migration. */
#include "model/case.h"
#include "model/clock.h"
#include "model/decision.h"
#include "model/gap.h"
#include "model/hold.h"
#include "model/remark.h"
#include "model/sensor.h"
#include "model/sent.h"
#include "model/signal.h"
#include "model/user.h"

#define KIND(s, name, key, owner, meaning)                                                                             \
	{                                                                                                              \
		name, meaning, key, s##_fields, sizeof s##_fields / sizeof *s##_fields, sizeof(struct s), owner        \
	}

static const struct row_field sensor_fields[] = {
	ROW_FIELD(sensor, id, ROW_TEXT, NULL, "name of the sensor"),
	ROW_FIELD(sensor, tenant, ROW_TEXT, NULL, "whose it is"),
	ROW_FIELD(sensor, place, ROW_TEXT, NULL, "where it stands"),
	ROW_FIELD(sensor, dark, ROW_LIST, NULL, "dark prefixes by date: PREFIX FROM TO, `-` for open"),
	ROW_FIELD(sensor, clock_state, ROW_TEXT, NULL, "synchronised, unsynchronised, unknown or scenario"),
	ROW_FIELD(sensor, clock_offset_ns, ROW_I64, "ns", "estimated offset of its clock"),
};
const struct row_kind sensor_kind = KIND(sensor, "sensor", "id", ROW_OF_TENANT, "Who watches");

static const struct row_field gap_fields[] = {
	ROW_FIELD(gap, sensor, ROW_TEXT, NULL, "name of the sensor"),
	ROW_FIELD(gap, from_ns, ROW_TIME, "ns since 1970", "when it began"),
	ROW_FIELD(gap, to_ns, ROW_TIME, "ns since 1970", "when it ended"),
	ROW_FIELD(gap, reason, ROW_TEXT, NULL, "why nothing was seen or something was dropped"),
	ROW_FIELD(gap, dropped, ROW_U64, "packets", "how many were dropped; 0 when nobody could count them"),
};
const struct row_kind gap_kind =
	KIND(gap, "gap", "sensor, from_ns, reason", ROW_OF_SENSOR, "From when to when a sensor saw nothing or dropped");

static const struct row_field signal_fields[] = {
	ROW_FIELD(signal, at_ns, ROW_TIME, "ns since 1970", "time of the packet that crossed the threshold"),
	ROW_FIELD(signal, sensor, ROW_TEXT, NULL, "name of the sensor"),
	ROW_FIELD(signal, source, ROW_TEXT, NULL, "address of the source"),
	ROW_FIELD(signal, kind, ROW_TEXT, NULL, "kind of the finding it announces"),
	ROW_FIELD(signal, value, ROW_U64, NULL, "what was counted"),
	ROW_FIELD(signal, threshold, ROW_U64, NULL, "what it crossed"),
};
const struct row_kind signal_kind =
	KIND(signal, "signal", "at_ns, sensor, source, kind", ROW_OF_SENSOR, "A source crossed a threshold");

static const struct row_field case_record_fields[] = {
	ROW_FIELD(case_record, id, ROW_TEXT, NULL, "UUIDv7"),
	ROW_FIELD(case_record, tenant, ROW_TEXT, NULL, "whose case it is"),
	ROW_SUBSCRIBER(case_record, party, ROW_TEXT, NULL, "who has the infected or weak device"),
	ROW_SUBSCRIBER(case_record, devices, ROW_LIST, NULL, "ids of the devices"),
	ROW_FIELD(case_record, state, ROW_TEXT, NULL, "where it stands"),
	ROW_FIELD(case_record, opened_ns, ROW_TIME, "ns since 1970", "when it was opened"),
	ROW_FIELD(case_record, next_step, ROW_TEXT, NULL, "what has to be done next"),
	ROW_FIELD(case_record, due_ns, ROW_TIME, "ns since 1970", "until when"),
	ROW_FIELD(case_record, holder, ROW_TEXT, NULL, "by whom"),
	ROW_FIELD(case_record, findings, ROW_LIST, NULL, "ids of the findings it rests on"),
	ROW_FIELD(case_record, close_code, ROW_TEXT, NULL, "how it ended"),
};
const struct row_kind case_kind =
	KIND(case_record, "case", "id", ROW_OF_TENANT, "One infection or weakness at one party until verified clean");

static const struct row_field decision_fields[] = {
	ROW_FIELD(decision, id, ROW_TEXT, NULL, "UUIDv7"),
	ROW_FIELD(decision, tenant, ROW_TEXT, NULL, "whose decision it is"),
	ROW_SUBSCRIBER(decision, subject, ROW_TEXT, NULL, "what it acts on"),
	ROW_FIELD(decision, means, ROW_TEXT, NULL, "which response"),
	ROW_FIELD(decision, scope, ROW_TEXT, NULL, "where it applies"),
	ROW_FIELD(decision, basis, ROW_TEXT, NULL, "authority or consent it rests on"),
	ROW_FIELD(decision, evidence, ROW_LIST, NULL, "ids of findings"),
	ROW_FIELD(decision, reach, ROW_U64, "addresses", "how many it touches"),
	ROW_FIELD(decision, collateral, ROW_U64, "addresses", "of them, those that nothing is held against"),
	ROW_FIELD(decision, from_ns, ROW_TIME, "ns since 1970", "when it begins"),
	ROW_FIELD(decision, to_ns, ROW_TIME, "ns since 1970", "when it ends"),
	ROW_FIELD(decision, state, ROW_TEXT, NULL, "proposed, approved, active, ended or refused"),
	ROW_FIELD(decision, approvers, ROW_LIST, NULL, "users who approved"),
	ROW_FIELD(decision, signature, ROW_TEXT, NULL, "of the policy role, hex"),
};
const struct row_kind decision_kind =
	KIND(decision, "decision", "id", ROW_OF_TENANT, "What shall be done, and who approved it");

static const struct row_field hold_fields[] = {
	ROW_FIELD(hold, id, ROW_TEXT, NULL, "UUIDv7"),
	ROW_FIELD(hold, tenant, ROW_TEXT, NULL, "whose it is"),
	ROW_FIELD(hold, what, ROW_TEXT, NULL, "finding, case or range"),
	ROW_FIELD(hold, subject, ROW_TEXT, NULL, "id of the finding or case; range: the sensor, empty for all"),
	ROW_FIELD(hold, from_ns, ROW_TIME, "ns since 1970", "range: kept from this time on"),
	ROW_FIELD(hold, to_ns, ROW_TIME, "ns since 1970", "range: and before this one"),
	ROW_FIELD(hold, reason, ROW_TEXT, NULL, "file number or order"),
	ROW_FIELD(hold, who, ROW_TEXT, NULL, "who asked for it"),
	ROW_FIELD(hold, since_ns, ROW_TIME, "ns since 1970", "when it was put on"),
	ROW_FIELD(hold, until_ns, ROW_TIME, "ns since 1970", "when it was released or ends by itself"),
};
const struct row_kind hold_kind = KIND(hold, "hold", "id", ROW_OF_TENANT, "Records that retention must leave alone");

static const struct row_field sent_fields[] = {
	ROW_FIELD(sent, subject, ROW_TEXT, NULL, "id of the finding, or name of the alarm"),
	ROW_FIELD(sent, channel, ROW_TEXT, NULL, "name of the way out"),
	ROW_FIELD(sent, tenant, ROW_TEXT, NULL, "whose it is"),
	ROW_FIELD(sent, at_ns, ROW_TIME, "ns since 1970", "when it was tried last"),
	ROW_FIELD(sent, state, ROW_TEXT, NULL, "sent, failed, held or digest"),
	ROW_SUBSCRIBER(sent, text, ROW_TEXT, NULL, "what was told, or why it failed"),
};
const struct row_kind sent_kind =
	KIND(sent, "sent", "subject, channel", ROW_OF_TENANT, "An alert that left the program");

static const struct row_field clock_minute_fields[] = {
	ROW_FIELD(clock_minute, sensor, ROW_TEXT, NULL, "name of the sensor"),
	ROW_FIELD(clock_minute, minute, ROW_I64, "minutes since 1970", "the minute"),
	ROW_FIELD(clock_minute, state, ROW_TEXT, NULL, "synchronised, unsynchronised, unknown or scenario"),
	ROW_FIELD(clock_minute, offset_ns, ROW_I64, "ns", "estimated offset of its clock"),
	ROW_FIELD(clock_minute, source, ROW_TEXT, NULL, "who says so: adjtimex, scenario, sender"),
};
const struct row_kind clock_kind = KIND(clock_minute, "clock", "sensor, minute", ROW_OF_SENSOR,
	"How far a sensor's clock could be trusted in a minute");

static const struct row_field user_fields[] = {
	ROW_FIELD(user, name, ROW_TEXT, NULL, "with which he logs in"),
	ROW_FIELD(user, roles, ROW_LIST, NULL, "TENANT ROLE: viewer, analyst, approver or admin; tenant `*`: all"),
	ROW_FIELD(user, rights, ROW_LIST, NULL, "see-subscriber, see-dark"),
	ROW_FIELD(user, language, ROW_TEXT, NULL, "en or ja; empty: that of the browser"),
	ROW_FIELD(user, state, ROW_TEXT, NULL, "active or disabled"),
	ROW_FIELD(user, created_ns, ROW_TIME, "ns since 1970", "when he was added"),
	ROW_FIELD(user, changed_ns, ROW_TIME, "ns since 1970",
		"since when sessions and tokens hold; older ones are void"),
};
const struct row_kind user_kind =
	KIND(user, "user", "name", ROW_OF_ADMIN, "Who may see and do what in which tenant, in the console");

static const struct row_field token_fields[] = {
	ROW_FIELD(token, id, ROW_TEXT, NULL, "begins the token"),
	ROW_FIELD(token, user, ROW_TEXT, NULL, "whose it is: it never may more than he"),
	ROW_FIELD(token, label, ROW_TEXT, NULL, "what it is for"),
	ROW_FIELD(token, roles, ROW_LIST, NULL, "TENANT ROLE, as of a user"),
	ROW_FIELD(token, scope, ROW_LIST, NULL, "read, write or the first word of a path; empty: read"),
	ROW_FIELD(token, since_ns, ROW_TIME, "ns since 1970", "when it was made"),
	ROW_FIELD(token, until_ns, ROW_TIME, "ns since 1970", "when it ends or was revoked"),
};
const struct row_kind token_kind =
	KIND(token, "token", "id", ROW_OF_ADMIN, "A key by which a program asks the console's interface");

static const struct row_field remark_fields[] = {
	ROW_FIELD(remark, id, ROW_TEXT, NULL, "UUIDv7"),
	ROW_FIELD(remark, tenant, ROW_TEXT, NULL, "who may read it"),
	ROW_FIELD(remark, subject, ROW_TEXT, NULL, "id of a finding or case"),
	ROW_FIELD(remark, kind, ROW_TEXT, NULL, "comment, assign, mute or unmute"),
	ROW_FIELD(remark, text, ROW_TEXT, NULL, "what was said; assign: to whom; mute: why"),
	ROW_FIELD(remark, who, ROW_TEXT, NULL, "user who said it"),
	ROW_FIELD(remark, at_ns, ROW_TIME, "ns since 1970", "when"),
	ROW_FIELD(remark, until_ns, ROW_TIME, "ns since 1970", "mute: until then"),
};
const struct row_kind remark_kind =
	KIND(remark, "remark", "id", ROW_OF_TENANT, "What a person said of a finding or case");

/* Not among row_kinds: no one reads them but who checks a password. */
static const struct row_field credential_fields[] = {
	ROW_FIELD(credential, subject, ROW_TEXT, NULL, "user NAME or token ID"),
	ROW_FIELD(credential, hash, ROW_TEXT, NULL, "argon2id of a password, SHA-256 of a token"),
	ROW_FIELD(credential, since_ns, ROW_TIME, "ns since 1970", "when it was set"),
	ROW_FIELD(credential, once, ROW_BOOL, NULL, "good for one login"),
	ROW_FIELD(credential, until_ns, ROW_TIME, "ns since 1970", "good before then"),
};
const struct row_kind credential_kind =
	KIND(credential, "credential", "subject", ROW_OF_ADMIN, "What proves that somebody is who he says");

const struct row_kind *const row_kinds[] = { &sensor_kind, &gap_kind, &signal_kind, &case_kind, &decision_kind,
	&hold_kind, &sent_kind, &clock_kind, &user_kind, &token_kind, &remark_kind };
const size_t row_kinds_n = sizeof row_kinds / sizeof row_kinds[0];
