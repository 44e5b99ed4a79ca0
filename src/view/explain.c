// SPDX-License-Identifier: Apache-2.0
#include "view/explain.h"

#include <stdio.h>
#include <string.h>

static void because(struct json *j, const char *name, uint64_t n)
{
	char key[64];
	snprintf(key, sizeof key, "finding.count.%s", name);
	json_object(j, NULL);
	json_str(j, "count", name);
	json_u64(j, "n", n);
	json_str(j, "means", key);
	json_end(j, '}');
}

static bool has_tool(const struct finding *f)
{
	return f->tool && strcmp(f->tool, "none") != 0;
}

/* Which rule of "Confidence" in docs/findings.md gave the number. */
static const char *sure_by(const struct finding *f)
{
	switch (f->kind) {
	case FINDING_OWN_WATCH:
		return "finding.confidence.watch";
	case FINDING_OWN_SUSPECT:
		return "finding.confidence.suspect";
	case FINDING_SCAN_TYPE:
		return "finding.confidence.fixed";
	case FINDING_PORT_NEW:
	case FINDING_PORT_SURGE:
		return "finding.confidence.sources";
	default:
		return has_tool(f) ? "finding.confidence.tool" : "finding.confidence.doubling";
	}
}

static void key_of(struct json *j, const char *name, const char *what, const char *word)
{
	char key[96];
	snprintf(key, sizeof key, "finding.%s.%s", word, what);
	json_str(j, name, key);
}

void explain_json(struct json *j, const char *key, const struct finding *f)
{
	const char *kind = finding_kind_name(f->kind);
	char tool[64];
	json_object(j, key);
	key_of(j, "kind_means", "means", kind);
	key_of(j, "rule", "rule", kind);
	json_u64(j, "confidence", f->confidence);
	json_str(j, "confidence_means", sure_by(f));
	json_bool(j, "spoofable", f->spoofable);
	json_str(j, "spoofable_means", f->spoofable ? "finding.spoofable.yes" : "finding.spoofable.no");
	snprintf(tool, sizeof tool, "finding.tool.%s", f->tool ? f->tool : "");
	json_str(j, "tool_means", f->tool ? tool : NULL);
	json_array(j, "because");
	because(j, "packets", f->packets);
	if (f->has_targets)
		because(j, "targets", f->targets);
	if (f->has_ports)
		because(j, "ports", f->ports);
	if (f->has_destinations)
		because(j, "destinations", f->destinations);
	if (f->has_sources)
		because(j, "sources", f->sources);
	for (uint32_t i = 0; i < f->counts_n; i++)
		because(j, f->counts[i].name, f->counts[i].n);
	json_end(j, ']');
	json_end(j, '}');
}
