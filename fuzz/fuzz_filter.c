// SPDX-License-Identifier: Apache-2.0
/* The query of a question over flows: whatever it says is refused with a reason, or a filter that answers. */
#include "view/filter.h"

static int nothing(struct view_call *c, struct err *err)
{
	return 0;
}

static const struct view_param params[] = { FILTER_PARAMS };
static const struct view thing = { "GET", "/things", VIEW_VIEWER, "Things", params, sizeof params / sizeof *params,
	"{a: text}", nothing };
static const struct view *const extra[] = { &thing, NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view_who who = { .principal = { .rights = size % 2 ? PRINCIPAL_SEE_DARK : 0 } };
	struct view_call c = { .now_ns = INT64_C(1700000000000000000), .who = &who };
	struct filter f = { 0 };
	struct err err = { "" };
	struct flow flow = { .src = addr_from4(0xcb007101),
		.dst = addr_from4(0xc6120001),
		.proto = PROTO_TCP,
		.dport = 23,
		.packets = 1 };
	int rc = view_find(&c, extra, &(struct view_ask){ "GET", "/things", { data, size }, { 0 } }, &err);
	if (rc == 0) {
		rc = filter_init(&f, &c, &err);
		ENSURE(rc || f.from_ns < f.to_ns);
		if (rc == 0) {
			bool first = filter_flow(&f, &flow);
			ENSURE(first == filter_flow(&f, &flow) && (!f.open || first));
		}
		filter_fini(&f);
	}
	ENSURE(rc == 0 || ((rc == VIEW_BAD || rc == VIEW_REFUSED) && err.text[0]));
	view_done(&c);
	return 0;
}
