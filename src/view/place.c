// SPDX-License-Identifier: Apache-2.0
#include "view/place.h"

static const struct {
	const char *name;
	uint16_t tags;
} tools[PLACE_TOOLS] = { { "zmap", FLOW_ZMAP_ID | FLOW_ZMAP_SYN }, { "masscan", FLOW_MASSCAN }, { "mirai", FLOW_MIRAI },
	{ "nmap", FLOW_NMAP } };

static void text_or_null(struct json *j, const char *key, const char *text)
{
	json_str(j, key, text[0] ? text : NULL);
}

static void number_or_null(struct json *j, const char *key, bool known, double v)
{
	if (known)
		json_double(j, key, v);
	else
		json_null(j, key);
}

void place_json(const struct view_call *c, struct json *j, const struct addr *a)
{
	struct location l = { 0 };
	if (c->know)
		knowing_place(c->know, a, &l);
	if (!l.country[0] && !l.has_asn && !l.has_position && !l.city[0]) {
		json_null(j, "place");
		return;
	}
	json_object(j, "place");
	text_or_null(j, "country", l.country);
	if (l.has_asn)
		json_u64(j, "asn", l.asn);
	else
		json_null(j, "asn");
	text_or_null(j, "as_name", l.as_name);
	text_or_null(j, "city", l.city);
	number_or_null(j, "latitude", l.has_position, l.latitude);
	number_or_null(j, "longitude", l.has_position, l.longitude);
	json_end(j, '}');
}

void place_marks(uint32_t marks[PLACE_TOOLS], const struct flow *f)
{
	const unsigned any = FLOW_ZMAP_ID | FLOW_ZMAP_SYN | FLOW_MASSCAN | FLOW_MIRAI | FLOW_NMAP;
	if (!(f->tags & any))
		return;
	for (size_t i = 0; i < PLACE_TOOLS; i++)
		if (f->tags & tools[i].tags)
			marks[i] = f->packets > UINT32_MAX - marks[i] ? UINT32_MAX : marks[i] + (uint32_t)f->packets;
}

void place_tools(struct json *j, const uint32_t marks[PLACE_TOOLS], uint64_t packets)
{
	for (size_t i = 0; i < PLACE_TOOLS; i++)
		if (marks[i] >= 3 && (uint64_t)marks[i] * 2 >= packets)
			json_str(j, NULL, tools[i].name);
}

uint16_t place_tags(const char *word)
{
	for (size_t i = 0; i < PLACE_TOOLS; i++)
		if (strcmp(word, tools[i].name) == 0)
			return tools[i].tags;
	return 0;
}
