// SPDX-License-Identifier: Apache-2.0
#include "console/sessionjson.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sessionjson_init(void)
{
	json_object_seed(0);
}

int sessionjson_parse(const char *json, size_t n, struct live_view *out)
{
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL), *v;
	size_t i;
	*out = (struct live_view){ 0 };
	json_t *sensors = json_object_get(root, "sensors");
	if (!json_is_array(sensors)) {
		json_decref(root);
		return -1;
	}
	out->sensors = calloc(LIVE_SENSORS, sizeof *out->sensors);
	json_array_foreach(sensors, i, v) if (json_is_string(v) && json_string_length(v) < sizeof out->sensors[0] &&
					      out->n < LIVE_SENSORS && out->sensors)
		snprintf(out->sensors[out->n++], sizeof out->sensors[0], "%s", json_string_value(v));
	json_array_foreach(json_object_get(root, "rights"), i,
		v) if (json_is_string(v) && strcmp(json_string_value(v), "see-subscriber") == 0) out->rights |=
		LIVE_SEE_SUBSCRIBER;
	/* Whoever is for all tenants sees sensors that are new, too. */
	json_array_foreach(json_object_get(root, "tenants"), i, v)
	{
		const char *tenant = json_string_value(json_object_get(v, "tenant"));
		out->all = out->all || (tenant && strcmp(tenant, "*") == 0);
	}
	json_decref(root);
	return 0;
}
