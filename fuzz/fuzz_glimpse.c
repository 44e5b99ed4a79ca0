// SPDX-License-Identifier: Apache-2.0
/*
 * What a capture role says to the live map. A glimpse that is read whole is built and read again the same; the event
 * made of it ends, has no control character and no more arcs than there may be.
 */
#include "base/err.h"
#include "console/livemap.h"
#include <stdlib.h>
#include <string.h>

static void show(const struct glimpse *g)
{
	const char *name = g->sensor;
	struct livemap_params p = { .sensors = &name, .n = 1, .seed = 1 };
	struct livemap *lm = livemap_new(&p);
	struct message_buf json = { 0 };
	for (int i = 0; i < 2; i++)
		ENSURE(livemap_add(lm, 0, g) == 0);
	if (livemap_turn(lm)) {
		ENSURE(livemap_event(lm, 1, &json));
		ENSURE(json.n > 2 && json.p[0] == '{' && json.p[json.n - 1] == '}');
		for (size_t i = 0; i < json.n; i++)
			ENSURE(json.p[i] >= ' ');
		ENSURE(livemap_counts(lm).arcs <= LIVEMAP_ARCS);
	}
	free(json.p);
	livemap_free(lm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct glimpse g, again;
	struct message_buf b = { 0 };
	if (glimpse_parse((struct bytes){ data, size }, &g) < 0)
		return 0;
	glimpse_build(&b, &g);
	ENSURE(glimpse_parse((struct bytes){ b.p, b.n }, &again) == 0);
	ENSURE(memcmp(&g, &again, sizeof g) == 0);
	show(&g);
	free(b.p);
	return 0;
}
