// SPDX-License-Identifier: Apache-2.0
/* telescope watch against real packets between two namespaces. usage: netns_watch PROGRAM LABEL FOLDER */
#include "rig.h"

#include "store/store.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *program, *label, *folder;
static int failures;

static void verdict(const char *name, const char *why)
{
	if (why)
		printf("not ok %s-%s: %s\n", label, name, why);
	else
		printf("ok %s-%s\n", label, name);
	fflush(stdout);
	failures += why != NULL;
}

static char why_text[512];
#define WHY(...) (snprintf(why_text, sizeof why_text, __VA_ARGS__), why_text)

static int64_t real_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_ms(int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* ---- what the program said ---- */

/* The last line that is an object of the kind, or NULL; to be freed. */
static char *object(const struct rig_program *p, const char *kind)
{
	char head[64];
	const char *last = NULL;
	snprintf(head, sizeof head, "{\"kind\":\"%s\"", kind);
	for (const char *at = p->text; (at = strstr(at, head)); at++)
		if ((at == p->text || at[-1] == '\n') && strchr(at, '\n'))
			last = at;
	return last ? strndup(last, (size_t)(strchr(last, '\n') - last)) : NULL;
}

/* Where the value of "classes.tcp_syn" begins; our objects have no name twice on the way there. */
static const char *value(const char *o, const char *path)
{
	char name[64], key[64];
	snprintf(name, sizeof name, "%s", path);
	for (char *rest = name, *part; o && (part = strsep(&rest, "."));) {
		snprintf(key, sizeof key, "\"%s\":", part);
		o = strstr(o, key);
		o = o ? o + strlen(key) : NULL;
	}
	return o;
}

/* -1 when it isn't there. */
static long long number(const char *o, const char *path)
{
	const char *v = o ? value(o, path) : NULL;
	return v ? atoll(v) : -1;
}

static bool is_text(const char *o, const char *path, const char *want)
{
	const char *v = value(o, path);
	size_t n = strlen(want);
	return v && v[0] == '"' && strncmp(v + 1, want, n) == 0 && v[n + 1] == '"';
}

static const char *words(const char *const *options, const char **argv)
{
	int n = 0;
	argv[n++] = program;
	argv[n++] = "--json";
	for (; *options && n < 28; options++)
		if (strcmp(*options, "--store") == 0) {
			argv[n++] = *options++;
			argv[n++] = *options;
		}
	return (argv[n++] = "telescope", argv[n++] = "watch", argv[n] = NULL, argv[0]);
}

/* Starts `program --json [--store DIR] telescope watch OPTIONS vb`. */
static int start(struct rig *r, struct rig_program *p, const char *const *options)
{
	const char *argv[32];
	int n = 0;
	words(options, argv);
	while (argv[n])
		n++;
	for (; *options && n < 30; options++) {
		if (strcmp(*options, "--store") == 0)
			options++;
		else
			argv[n++] = *options;
	}
	argv[n++] = "vb";
	argv[n] = NULL;
	if (rig_start(r, p, argv, "watching") == 0)
		return 0;
	WHY("did not start: %.300s", p->err_text);
	rig_finish(p, 0);
	return -1;
}

/* Interrupts, reads to the end and gives the totals; NULL with why_text. */
static char *totals(struct rig_program *p, int signo)
{
	if (signo)
		netns_signal(&p->process, signo);
	int code = rig_finish(p, 20000);
	char *o = object(p, "total");
	if (code == 0 && o)
		return o;
	WHY("exit %d, %s: %.300s", code, o ? "totals" : "no totals", p->err_text);
	free(o);
	return NULL;
}

/* ---- cases ---- */

#define EACH	300
#define SOURCES 50

struct expected {
	const char *path;
	unsigned kinds; /* in units of EACH frames */
};

/* 17 kinds without tags, three with: each EACH frames. */
static const struct expected counts[] = {
	{ "packets", RIG_KINDS },
	{ "kept", RIG_KINDS },
	{ "classes.tcp_syn", 5 },
	{ "classes.tcp_syn_ack", 1 },
	{ "classes.tcp_ack", 1 },
	{ "classes.tcp_fin", 1 },
	{ "classes.tcp_rst", 1 },
	{ "classes.tcp_push", 1 },
	{ "classes.tcp_other", 1 },
	{ "classes.udp", 1 },
	{ "classes.icmp", 1 },
	{ "classes.other", 1 },
	{ "classes.short", 1 },
	{ "classes.frag", 2 },
	{ "layers.ip4", 15 },
	{ "layers.ip6", 2 },
	{ "layers.arp", 1 },
	{ "layers.nonip", 1 },
	{ "layers.badip", 1 },
	{ "layers.frag6", 1 },
	{ "layers.vlan", 3 },
};

static const char *compare(char *o)
{
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		long long got = number(o, counts[i].path), want = (long long)counts[i].kinds * EACH;
		if (got != want)
			return WHY("%s is %lld, sent %lld", counts[i].path, got, want);
	}
	if (number(o, "drops") != 0 || number(o, "bad") != 0)
		return WHY("drops %lld, bad %lld", number(o, "drops"), number(o, "bad"));
	/* The same sources in all kinds, IPv4 and IPv6; a split source would count twice. */
	if (number(o, "sources") != 2 * SOURCES)
		return WHY("%lld sources, sent from %d", number(o, "sources"), 2 * SOURCES);
	return NULL;
}

/* Interrupted right after the last frame: what is in the ring counts. */
static const char *counts_all(const char *const *options)
{
	struct rig r;
	static struct rig_program p;
	struct err err;
	if (rig_open(&r, &err) < 0)
		return WHY("%s", err.text);
	const char *why = start(&r, &p, options) < 0 ? why_text : NULL;
	for (int k = 0; k < RIG_KINDS && !why; k++)
		if (rig_send(&r, (enum rig_kind)k, EACH, SOURCES, 100000) != EACH)
			why = WHY("kind %d could not be sent", k);
	char *o = why ? NULL : totals(&p, SIGINT);
	why = why ? why : o ? compare(o) : why_text;
	if (why)
		rig_finish(&p, 0);
	free(o);
	rig_close(&r);
	return why;
}

static const char *one_worker(void)
{
	return counts_all((const char *const[]){ NULL });
}

static const char *two_workers(void)
{
	return counts_all((const char *const[]){ "--workers", "2", NULL });
}

static const char *three_workers_snapped(void)
{
	return counts_all((const char *const[]){ "--workers", "3", "--snaplen", "96", "--ring", "8", NULL });
}

static const char *without_sandbox(void)
{
	return counts_all((const char *const[]){ "--no-sandbox", NULL });
}

/* A rig and a watch, then the case. */
static const char *with_watch(const char *const *options, const char *(*fn)(struct rig *, struct rig_program *))
{
	struct rig r;
	static struct rig_program p;
	struct err err;
	if (rig_open(&r, &err) < 0)
		return WHY("%s", err.text);
	const char *why = start(&r, &p, options) < 0 ? why_text : fn(&r, &p);
	if (p.process.pid) {
		netns_kill(&p.process);
		rig_finish(&p, 0);
	}
	rig_close(&r);
	return why;
}

static const char *overflow(struct rig *r, struct rig_program *p)
{
	netns_signal(&p->process, SIGSTOP);
	pause_ms(100);
	unsigned sent = rig_send(r, RIG_SYN, 30000, SOURCES, 0);
	netns_signal(&p->process, SIGCONT);
	sent += rig_send(r, RIG_UDP, 1000, SOURCES, 20000);
	char *o = totals(p, SIGTERM);
	if (!o)
		return why_text;
	long long packets = number(o, "packets"), drops = number(o, "drops");
	char *m = object(p, "minute");
	const char *why = packets + drops != sent     ? WHY("sent %u, counted %lld, dropped %lld", sent, packets, drops)
			  : drops == 0		      ? "nothing was dropped: the ring is larger than it should be"
			  : number(m, "packets") <= 0 ? "no minute was told"
						      : NULL;
	free(o);
	free(m);
	return why;
}

static const char *drops_are_told(void)
{
	return with_watch((const char *const[]){ "--ring", "2", NULL }, overflow);
}

static const char *drops_of_two(void)
{
	return with_watch((const char *const[]){ "--ring", "2", "--workers", "2", NULL }, overflow);
}

/* Five targets: the fifth packet is the signal. */
static const char *five_targets(struct rig *r, struct rig_program *p)
{
	int64_t worst = 0;
	if (rig_send(r, RIG_SYN, 4, 1, 0) != 4)
		return "could not send";
	if (rig_until(p, "\"signal\"", 300))
		return "told after four targets";
	for (int i = 0; i < 1; i++) {
		int64_t at = real_ns();
		if (rig_send(r, RIG_SYN, 5, 1, 0) != 5)
			return "could not send";
		if (!rig_until(p, "\"kind\":\"signal\"", 3000))
			return "no signal";
		worst = real_ns() - at;
	}
	char *o = object(p, "signal");
	const char *s = o ? value(o, "signal") : "";
	unsigned samples = 0;
	for (const char *at = s; (at = strstr(at, "\"head\":")); at++)
		samples++;
	const char *why = worst > 250000000			? WHY("told after %lld ms", (long long)worst / 1000000)
			  : samples != 3			? "not three samples"
			  : number(s, "value") != 5		? "not at five targets"
			  : !is_text(s, "source", "198.18.0.0") ? "another source"
								: NULL;
	free(o);
	return why;
}

static const char *signal_in_time(void)
{
	return with_watch((const char *const[]){ "--dark", "203.0.0.0/16", NULL }, five_targets);
}

static const char *not_dark(struct rig *r, struct rig_program *p)
{
	rig_send(r, RIG_SYN, 50, 1, 0);
	char *o = totals(p, SIGINT);
	const char *why = !o			       ? why_text
			  : number(o, "signals") != 0  ? "a signal without dark targets"
			  : number(o, "packets") != 50 ? "not all counted"
						       : NULL;
	free(o);
	return why;
}

static const char *only_dark_targets_signal(void)
{
	return with_watch((const char *const[]){ "--dark", "192.0.2.0/24", NULL }, not_dark);
}

/* Field of /proc/PID/status. */
static bool status_has(pid_t pid, const char *line)
{
	char path[64], text[8192];
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	return strstr(text, line) != NULL;
}

static const char *given_away(struct rig *r, struct rig_program *p)
{
	static const char *const lines[] = { "Uid:\t47001\t47001\t47001\t47001\n", "Gid:\t47001\t47001\t47001\t47001\n",
		"Groups:\t \n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
		"CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n" };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!status_has(p->process.pid, lines[i]))
			return WHY("status lacks %.40s", lines[i]);
	return NULL;
}

static const char *privileges_are_gone(void)
{
	return with_watch((const char *const[]){ NULL }, given_away);
}

static const char *goes_down(struct rig *r, struct rig_program *p)
{
	rig_send(r, RIG_SYN, 100, SOURCES, 0);
	if (iface_down(&r->b, "vb", NULL) < 0)
		return "can't set it down";
	int code = rig_finish(p, 10000);
	char *o = object(p, "total");
	const char *why = code != 3 ? WHY("exit %d", code) : number(o, "packets") != 100 ? "not all counted" : NULL;
	free(o);
	return why;
}

static const char *interface_goes_down(void)
{
	return with_watch((const char *const[]){ NULL }, goes_down);
}

static const char *own_packets(struct rig *r, struct rig_program *p)
{
	struct rig back = { .a = r->b, .b = r->a, .out = -1 };
	uint8_t frame[RIG_FRAME];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = 7777 };
	int fd = netns_socket(&r->b, AF_INET, SOCK_DGRAM, 0);
	struct addr here = addr_from4(0xc0000201), there = addr_from4(0xc0000202);
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	to.sin_addr.s_addr = htonl(0xc0000202);
	if (iface_address(&back.a, "vb", &here, 24, NULL) < 0 || iface_neighbour(&back.a, "vb", &there, mac, NULL) < 0)
		return "no address";
	for (int i = 0; i < 20; i++)
		if (sendto(fd, frame, 8, 0, (struct sockaddr *)&to, sizeof to) != 8)
			return WHY("sendto: %s", strerror(errno));
	close(fd);
	rig_send(r, RIG_SYN, 30, SOURCES, 0);
	char *o = totals(p, SIGINT);
	long long n = o ? number(o, "packets") : -1;
	free(o);
	return n == 30 ? NULL : n == 50 ? "own packets are counted" : WHY("%lld counted", n);
}

static const char *own_packets_are_ignored(void)
{
	return with_watch((const char *const[]){ NULL }, own_packets);
}

static const char *own_packets_of_two(void)
{
	return with_watch((const char *const[]){ "--workers", "2", NULL }, own_packets);
}

static const char *own_packets_when_asked(void)
{
	const char *why = with_watch((const char *const[]){ "--outgoing", NULL }, own_packets);
	return why && strcmp(why, "own packets are counted") == 0 ? NULL : why ? why : "own packets are not counted";
}

static const char *ends_by_itself(struct rig *r, struct rig_program *p)
{
	rig_send(r, RIG_SYN, 500, SOURCES, 0);
	char *o = totals(p, 0);
	long long n = o ? number(o, "packets") : -1;
	free(o);
	return o == NULL ? why_text : n == 500 ? NULL : WHY("%lld of 500 counted", n);
}

static const char *ends_after_a_count(void)
{
	return with_watch((const char *const[]){ "--count", "500", NULL }, ends_by_itself);
}

static const char *ends_after_a_time(void)
{
	return with_watch((const char *const[]){ "--duration", "1", NULL }, ends_by_itself);
}

/* ---- with a store: cmd/watchstore.c ---- */

struct found {
	unsigned stopped, killed, dropped, signals;
	uint64_t packets, sources;
	int64_t from_ns, to_ns;
};

static int on_gap(void *arg, const void *record)
{
	struct found *f = arg;
	const struct gap *g = record;
	f->stopped += strcmp(g->reason, "stopped") == 0;
	f->dropped += strcmp(g->reason, "kernel-drop") == 0;
	if (strcmp(g->reason, "killed") == 0) {
		f->killed++;
		f->from_ns = g->from_ns;
		f->to_ns = g->to_ns;
	}
	return 0;
}

static int on_flows(void *arg, const struct archive_header *h, const struct flow *flows, size_t n)
{
	struct found *f = arg;
	for (size_t i = 0; i < n; i++)
		f->packets += flows[i].packets;
	return 0;
}

static int on_source(void *arg, const char *sensor, const struct source *s)
{
	((struct found *)arg)->sources++;
	return 0;
}

static int on_signal(void *arg, const struct signal *s)
{
	((struct found *)arg)->signals++;
	return 0;
}

static const char *look(const char *dir, struct found *f)
{
	struct err err = { "" };
	*f = (struct found){ 0 };
	struct store *s = store_open(dir, STORE_READ, NULL, &err);
	if (!s)
		return WHY("%s", err.text);
	struct store_scan scan = { .from_ns = 0, .to_ns = INT64_MAX, .fn = on_flows, .arg = f };
	int r = store_each(s, &gap_kind, on_gap, f, &err) | store_scan_flows(s, &scan, &err) |
		store_each_source(s, 0, INT64_MAX, NULL, on_source, f) |
		store_each_signal(s, 0, INT64_MAX, on_signal, f);
	store_close(s);
	return r == 0 && scan.broken_n == 0
		       ? NULL
		       : WHY("store: %s, %llu broken", err.text, (unsigned long long)scan.broken_n);
}

static const char *run_with_store(struct rig *r, const char *dir, unsigned n, int signo)
{
	static struct rig_program p;
	if (start(r, &p, (const char *const[]){ "--store", dir, "--workers", "2", NULL }) < 0)
		return why_text;
	rig_send(r, RIG_SYN, n, SOURCES, 100000);
	if (signo != SIGKILL) {
		char *o = totals(&p, signo);
		free(o);
		return o ? NULL : why_text;
	}
	pause_ms(1500); /* the signals are committed by then */
	netns_kill(&p.process);
	rig_finish(&p, 0);
	pause_ms(500); /* the store's process sees the end of its pipe */
	return NULL;
}

static const char *after_first(const struct found *f)
{
	if (f->packets == 2000 && f->sources == SOURCES && f->stopped == 1 && f->killed == 0 && f->signals)
		return NULL;
	return WHY("first: %llu packets, %llu sources, %u stopped, %u killed, %u signals",
		(unsigned long long)f->packets, (unsigned long long)f->sources, f->stopped, f->killed, f->signals);
}

/* What the killed one had not committed is in the gap, unless a minute was closed meanwhile. */
static const char *after_last(const struct found *f, int64_t before, int64_t after)
{
	if (f->killed != 1 || f->stopped != 2)
		return WHY("%u killed, %u stopped gaps", f->killed, f->stopped);
	if (f->from_ns > after || f->from_ns < before - MINUTE_NS || f->to_ns < after)
		return "the gap of the kill does not cover it";
	return f->packets == 2500 || f->packets == 3500 ? NULL : WHY("%llu packets", (unsigned long long)f->packets);
}

/* Clean end, then killed, then clean: the flows of the clean ones, a gap for each time without a watch. */
static const char *store_steps(struct rig *r, const char *dir)
{
	struct found f;
	const char *why = run_with_store(r, dir, 2000, SIGINT);
	why = why ? why : look(dir, &f);
	why = why ? why : after_first(&f);
	int64_t before = real_ns();
	why = why ? why : run_with_store(r, dir, 1000, SIGKILL);
	int64_t after = real_ns();
	why = why ? why : run_with_store(r, dir, 500, SIGTERM);
	why = why ? why : look(dir, &f);
	return why ? why : after_last(&f, before, after);
}

static const char *store_and_gaps(void)
{
	char dir[256];
	struct rig r;
	struct err err;
	snprintf(dir, sizeof dir, "%s/store-%s", folder, label);
	if (rig_open(&r, &err) < 0)
		return WHY("%s", err.text);
	const char *why = store_steps(&r, dir);
	rig_close(&r);
	return why;
}

/* ---- nothing is left ---- */

struct left {
	pid_t watch;
	ino_t ns[2];
};

/* Does any process live in the namespace, other than by our own descriptors? */
static bool inhabited(ino_t ns)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;
	while (d && (e = readdir(d))) {
		char path[300];
		struct stat st;
		snprintf(path, sizeof path, "/proc/%s/ns/net", e->d_name);
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && stat(path, &st) == 0 && st.st_ino == ns)
			found = true;
	}
	closedir(d);
	return found;
}

static _Noreturn void parent_to_be_killed(int out, const char *dir)
{
	struct rig r;
	static struct rig_program p;
	struct left left = { 0 };
	struct stat st[2];
	if (rig_open(&r, NULL) < 0 ||
		start(&r, &p, (const char *const[]){ "--store", dir, "--workers", "2", NULL }) < 0)
		_exit(1);
	fstat(r.a.fd, &st[0]);
	fstat(r.b.fd, &st[1]);
	left = (struct left){ p.process.pid, { st[0].st_ino, st[1].st_ino } };
	if (write(out, &left, sizeof left) != sizeof left)
		_exit(1);
	for (;;)
		pause();
}

static const char *nothing_is_left(void)
{
	char dir[256];
	int fds[2];
	struct left left;
	snprintf(dir, sizeof dir, "%s/left-%s", folder, label);
	if (pipe(fds) != 0)
		return "no pipe";
	fflush(stdout);
	pid_t parent = fork();
	if (parent == 0) {
		close(fds[0]);
		parent_to_be_killed(fds[1], dir);
	}
	close(fds[1]);
	bool told = read(fds[0], &left, sizeof left) == sizeof left;
	close(fds[0]);
	bool lived = told && kill(left.watch, 0) == 0 && inhabited(left.ns[1]);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	if (!lived)
		return "the rig did not come up";
	for (int i = 0; i < 50; i++, pause_ms(100)) {
		if (kill(left.watch, 0) != 0 && errno == ESRCH && !inhabited(left.ns[0]) && !inhabited(left.ns[1]))
			return NULL;
	}
	return WHY("after five seconds: watch %s, namespaces %d %d", kill(left.watch, 0) == 0 ? "lives" : "ended",
		inhabited(left.ns[0]), inhabited(left.ns[1]));
}

static const struct {
	const char *name;
	const char *(*fn)(void);
} cases[] = {
	{ "counts-each-class", one_worker },
	{ "two-workers-count-the-same", two_workers },
	{ "three-workers-short-snaplen", three_workers_snapped },
	{ "without-sandbox", without_sandbox },
	{ "drops-are-told", drops_are_told },
	{ "drops-of-two-rings", drops_of_two },
	{ "signal-within-250-ms", signal_in_time },
	{ "only-dark-targets-signal", only_dark_targets_signal },
	{ "privileges-are-gone", privileges_are_gone },
	{ "interface-goes-down", interface_goes_down },
	{ "own-packets-are-ignored", own_packets_are_ignored },
	{ "own-packets-of-two-rings", own_packets_of_two },
	{ "own-packets-when-asked", own_packets_when_asked },
	{ "ends-after-a-count", ends_after_a_count },
	{ "ends-after-a-time", ends_after_a_time },
	{ "store-and-gaps", store_and_gaps },
	{ "nothing-is-left", nothing_is_left },
};

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	program = argv[1];
	label = argv[2];
	folder = argv[3];
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (argc < 5 || strcmp(argv[4], cases[i].name) == 0)
			verdict(cases[i].name, cases[i].fn());
	return failures ? 1 : 0;
}
