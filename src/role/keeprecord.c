// SPDX-License-Identifier: Apache-2.0
#include "role/keeprecord.h"

#include "base/mem.h"
#include "role/accounts.h"
#include "role/firstlogin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_OCTETS 200

struct record {
	char who[LINE_MAX_OCTETS], what[64], subject[LINE_MAX_OCTETS], kind[16];
	const struct row_kind *row;
	void *value;
};

/* 0, KEEPRECORD_UNREADABLE, -STORE_BAD. */
static int read_record(const struct message *m, struct record *r, struct err *err)
{
	struct message_reader in = { .in = m->body };
	message_get_text(&in, r->who, sizeof r->who);
	message_get_text(&in, r->what, sizeof r->what);
	message_get_text(&in, r->subject, sizeof r->subject);
	message_get_text(&in, r->kind, sizeof r->kind);
	if (in.bad)
		return KEEPRECORD_UNREADABLE;
	if (!accounts_text_is(r->who, false) || !accounts_text_is(r->what, false) ||
		!accounts_text_is(r->subject, true))
		return err_set(err, -STORE_BAD, "a line of the audit is one line of text");
	if (!r->kind[0])
		return message_whole(&in) ? 0 : KEEPRECORD_UNREADABLE;
	r->row = accounts_kind(r->kind);
	if (!r->row)
		return err_set(err, -STORE_BAD, "records of this kind are not taken");
	r->value = mem_new(r->row->size);
	message_get_row(&in, r->row, r->value);
	if (!message_whole(&in))
		return KEEPRECORD_UNREADABLE;
	return accounts_check(r->row, r->value, err) < 0 ? -STORE_BAD : 0;
}

int keeprecord_take(struct keeper *k, const char *commander, const struct message *m, struct err *err)
{
	char who[2 * LINE_MAX_OCTETS];
	struct record r = { "" };
	int code = read_record(m, &r, err);
	snprintf(who, sizeof who, "%s%s%s", r.who, commander ? ", " : "", commander ? commander : "");
	struct store_note note = { loop_clock_ns(), who, r.what, r.subject };
	if (code == 0)
		code = store_put_noted(k->store, r.row, r.value, &note, err);
	if (code == 0 && r.row == &credential_kind) {
		const struct credential *c = r.value;
		if (strncmp(c->subject, "user ", 5) == 0)
			firstlogin_over(member_store(k->m), c->subject + 5);
	}
	free(r.value);
	return code;
}
