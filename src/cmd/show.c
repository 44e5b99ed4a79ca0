// SPDX-License-Identifier: Apache-2.0
#include "cmd/show.h"

#include "base/random.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void show_finding(FILE *out, const struct finding *f)
{
	static const char *const shapes[] = { "", "horizontal", "vertical", "block" };
	char time[TEXT_TIME_MAX], detail[512];
	text_time(time, f->first_ns);
	fprintf(out, "%.19sZ  %-12s %-24s", time, finding_kind_name(f->kind), f->subject);
	if (f->tool)
		fprintf(out, " %-12s", f->tool);
	if (f->shape)
		fprintf(out, " %-10s", shapes[f->shape]);
	fprintf(out, " %8" PRIu64 " packets", f->packets);
	if (f->has_targets)
		fprintf(out, " %7" PRIu64 " targets", f->targets);
	else if (f->has_sources)
		fprintf(out, " %7" PRIu64 " sources", f->sources);
	else if (f->has_destinations)
		fprintf(out, " %7" PRIu64 " destinations", f->destinations);
	fputs("  ports ", out);
	for (uint32_t i = 0; i < f->top_ports_n && i < 4; i++)
		fprintf(out, "%s%s", i ? "," : "", f->top_ports[i].name);
	fprintf(out, "  %u%%%s  %s\n", f->confidence, f->spoofable ? " spoofable" : "",
		text_escape(detail, sizeof detail, f->detail, strlen(f->detail)));
}

unsigned show_unwrap(const struct cli_list *words)
{
	unsigned bits = 0;
	for (size_t i = 0; i < words->n; i++) {
		const char *w = words->v[i];
		while (*w) {
			size_t n = strcspn(w, ",");
			if (n == 3 && strncmp(w, "gre", 3) == 0)
				bits |= UNWRAP_GRE;
			else if (n == 4 && strncmp(w, "ipip", 4) == 0)
				bits |= UNWRAP_IPIP;
			else
				fprintf(stderr, "sakimori: --unwrap knows gre and ipip, not '%.*s'\n", (int)n, w);
			w += n + (w[n] == ',');
		}
	}
	return bits;
}

uint64_t show_sender(char **paths, int n, const char *sensor)
{
	uint64_t h = 1;
	uint8_t head[4096];
	struct stat st;
	for (const char *c = sensor ? sensor : "local"; *c; c++)
		h = random_mix(h ^ (uint8_t)*c);
	for (int i = 0; i < n; i++) {
		/* Looked at before it is opened: a pipe that is opened and closed here would lose its writer. */
		int fd = stat(paths[i], &st) == 0 && S_ISREG(st.st_mode) ? open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
		ssize_t got = 0;
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			got = pread(fd, head, sizeof head, 0);
			h = random_mix(h ^ (uint64_t)st.st_size);
		} else {
			h ^= random_key(); /* a pipe is new each time */
		}
		for (ssize_t k = 0; k < got; k++)
			h = (h ^ head[k]) * 0x100000001b3u;
		if (fd >= 0)
			close(fd);
		h = random_mix(h);
	}
	h &= INT64_MAX;
	return h ? h : 1;
}
