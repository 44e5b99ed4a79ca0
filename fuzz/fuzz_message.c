// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies of messages: rows of every kind, signals, findings. The first octet says which. What was read whole is built
 * and read again: the same comes out, and built once more it is the same octets.
 */
#include "base/err.h"
#include "base/mem.h"
#include "model/message.h"
#include <stdlib.h>

static size_t size_of(size_t which)
{
	return which < row_kinds_n    ? row_kinds[which]->size
	       : which == row_kinds_n ? sizeof(struct signal)
				      : sizeof(struct finding);
}

static void get(size_t which, struct message_reader *r, void *to)
{
	if (which < row_kinds_n)
		message_get_row(r, row_kinds[which], to);
	else if (which == row_kinds_n)
		message_get_signal(r, to);
	else
		message_get_finding(r, to);
}

static void put(size_t which, struct message_buf *b, const void *from)
{
	if (which < row_kinds_n)
		message_row(b, row_kinds[which], from);
	else if (which == row_kinds_n)
		message_signal(b, from);
	else
		message_finding(b, from);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t which = data[0] % (row_kinds_n + 2);
	void *record = mem_new(size_of(which)), *again = mem_new(size_of(which));
	struct message_reader r = { .in = { data + 1, size - 1 } };
	get(which, &r, record);
	if (message_whole(&r)) {
		struct message_buf one = { 0 }, two = { 0 };
		put(which, &one, record);
		ENSURE(one.n == size - 1);
		struct message_reader back = { .in = { one.p, one.n } };
		get(which, &back, again);
		ENSURE(message_whole(&back));
		put(which, &two, again);
		ENSURE(two.n == one.n && (one.n == 0 || memcmp(one.p, two.p, one.n) == 0));
		free(one.p);
		free(two.p);
	}
	free(record);
	free(again);
	return 0;
}
