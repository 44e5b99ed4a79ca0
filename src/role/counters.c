// SPDX-License-Identifier: Apache-2.0
#include "role/counters.h"

#include "base/text.h"
#include "role/users.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct counters nowhere;
struct counters *counters = &nowhere;

#define CAP  (1u << ROLE_CAPTURE)
#define KEEP (1u << ROLE_KEEPER)
#define ANA  (1u << ROLE_ANALYSIS)
#define FWD  (1u << ROLE_FORWARD)
#define COL  (1u << ROLE_COLLECT)
#define ALE  (1u << ROLE_ALERT)
#define QUE  (1u << ROLE_QUERY)
#define MET  (1u << ROLE_METRICS)
#define DSK  (1u << ROLE_DESK)
#define CON  (1u << ROLE_CONSOLE)
#define ALL  (CAP | KEEP | ANA | FWD | COL | ALE | QUE | MET | DSK | CON)

const struct counter_row counter_rows[COUNTER_N] = {
	[COUNTER_PACKETS] = { "packets", false, CAP, "Packets read" },
	[COUNTER_BYTES] = { "packet_bytes", false, CAP, "Octets of packets as they were on the wire" },
	[COUNTER_DROPPED] = { "kernel_dropped_packets", false, CAP, "Packets that found the capture ring full" },
	[COUNTER_FLOWS] = { "flows", false, CAP | ANA, "Flows of closed minutes" },
	[COUNTER_SOURCES] = { "sources", false, CAP | ANA, "Sources of closed minutes" },
	[COUNTER_LATE] = { "late_packets", false, CAP, "Packets of a minute that was closed" },
	[COUNTER_FOLDED] = { "folded_packets", false, CAP, "Packets of flows that found the table full" },
	[COUNTER_SIGNALS] = { "signals", false, CAP, "Sources that crossed a threshold" },
	[COUNTER_SIGNALS_LOST] = { "lost_signals", false, CAP, "Signals that were too many at once" },
	[COUNTER_LAST_PACKET] = { "last_packet_timestamp_seconds", true, CAP, "When the last packet came" },
	[COUNTER_LAST_MINUTE] = { "last_minute_timestamp_seconds", true, CAP | ANA, "Start of the last closed minute" },
	[COUNTER_CLOCK_STATE] = { "clock_state", true, CAP,
		"0 unknown, 1 synchronised, 2 not synchronised, 3 scenario" },
	[COUNTER_CLOCK_OFFSET] = { "clock_offset_nanoseconds", true, CAP, "Estimated error of the clock" },
	[COUNTER_BATCHES] = { "batches", false, CAP | ANA | FWD, "Batches handed over" },
	[COUNTER_WAITING] = { "waiting_bytes", true, CAP | ANA | FWD,
		"Octets of batches that nobody has acknowledged" },
	[COUNTER_WAITING_MAX] = { "waiting_max_bytes", true, CAP | ANA | FWD, "The most there were" },
	[COUNTER_BATCHES_LOST] = { "lost_batches", false, CAP | ANA | FWD, "Batches that found no room to wait" },
	[COUNTER_FLOWS_LOST] = { "lost_packets", false, CAP, "Packets of the flows in them" },
	[COUNTER_RING_PACKETS] = { "ring_packets", false, CAP, "Packets written to the packet ring" },
	[COUNTER_RING_BYTES] = { "ring_bytes", true, CAP | KEEP, "Octets of the packet ring" },
	[COUNTER_RING_LOST] = { "ring_lost_packets", false, CAP, "Packets that the packet ring could not take" },
	[COUNTER_GLIMPSES] = { "glimpses", false, CAP, "Glimpses given to the live map" },
	[COUNTER_GLIMPSES_LOST] = { "lost_glimpses", false, CAP | CON,
		"Glimpses that the live map did not take in time" },
	[COUNTER_PINS] = { "pinned_findings", false, KEEP, "Findings whose packets were copied out of the ring" },
	[COUNTER_PINS_LOST] = { "lost_pins", false, KEEP, "Findings whose packets found no room to wait for that" },
	[COUNTER_COMMITS] = { "commits", false, KEEP, "Batches made safe" },
	[COUNTER_REPEATED] = { "repeated_batches", false, KEEP, "Batches that were there already" },
	[COUNTER_COMMIT_NS] = { "commit_nanoseconds", false, KEEP, "Time in commits" },
	[COUNTER_COMMIT_MAX] = { "commit_max_nanoseconds", true, KEEP, "The longest commit" },
	[COUNTER_LAST_COMMIT] = { "last_commit_timestamp_seconds", true, KEEP, "When the last batch was made safe" },
	[COUNTER_STORED_FLOWS] = { "stored_flows", false, KEEP, "Flows made safe" },
	[COUNTER_STORED_FINDINGS] = { "stored_findings", false, KEEP, "Findings made safe, repeated ones included" },
	[COUNTER_STORED_SIGNALS] = { "stored_signals", false, KEEP, "Signals made safe" },
	[COUNTER_GAPS] = { "gaps", false, KEEP, "Times in which something was not seen or not kept" },
	[COUNTER_STORE_FAILED] = { "failed_commits", false, KEEP, "Commits that failed: full disk and the like" },
	[COUNTER_UNKEPT] = { "unkept_batches", true, KEEP, "Batches that the store can't take for now" },
	[COUNTER_DISK_FREE] = { "disk_free_bytes", true, KEEP | FWD, "Room on the disk of the store" },
	[COUNTER_DISK_TOTAL] = { "disk_total_bytes", true, KEEP | FWD, "Size of that disk" },
	[COUNTER_ARCHIVE_BYTES] = { "archive_bytes", true, KEEP, "Octets of the flow archive" },
	[COUNTER_RETIRED] = { "retired_records", false, KEEP, "What retention took away" },
	[COUNTER_HELD] = { "held_records", true, KEEP, "What a legal hold kept from it" },
	[COUNTER_SPOOL_BYTES] = { "spool_bytes", true, FWD, "Octets that wait for the link" },
	[COUNTER_SPOOL_LOST] = { "spool_lost_batches", false, FWD, "Batches that found the spool full" },
	[COUNTER_LINK] = { "link_up", true, FWD, "1 while the peer is connected" },
	[COUNTER_LINK_LOST] = { "link_losses", false, FWD, "How often the link broke" },
	[COUNTER_PEERS] = { "peers", true, COL, "Sensors that are connected" },
	[COUNTER_PEERS_REFUSED] = { "refused_peers", false, COL,
		"Connections without a valid certificate, or that broke the rules" },
	[COUNTER_ALERTS_SENT] = { "alerts_sent", false, ALE, "Alerts delivered" },
	[COUNTER_ALERTS_FAILED] = { "alerts_failed", false, ALE, "Alerts given up" },
	[COUNTER_ALERTS_DROPPED] = { "alerts_dropped", false, ALE, "Alerts that found the queue full" },
	[COUNTER_ALERTS_WAITING] = { "alerts_waiting", true, ALE, "Alerts that wait" },
	[COUNTER_ALARMS] = { "alarms", true, ALE, "Alarms that are raised now" },
	[COUNTER_EVENTS] = { "events", false, ANA, "Findings made or changed" },
	[COUNTER_EVENTS_REFUSED] = { "refused_events", true, ANA, "What found no room in the analysis" },
	[COUNTER_QUERIES] = { "queries", false, QUE, "Questions answered" },
	[COUNTER_QUERIES_CUT] = { "cut_queries", false, QUE, "Questions that met a limit or were cancelled" },
	[COUNTER_REQUESTS] = { "requests", false, MET | CON, "HTTP requests answered" },
	[COUNTER_CALLS] = { "calls", false, DSK, "Calls of the console" },
	[COUNTER_CALLS_BUSY] = { "busy_calls", false, DSK, "Calls that found no room" },
	[COUNTER_CALLS_CUT] = { "cut_calls", false, DSK, "Answers that met a limit or that nobody took" },
	[COUNTER_LOGINS] = { "logins", false, DSK, "Users who logged in" },
	[COUNTER_LOGINS_FAILED] = { "failed_logins", false, DSK, "Passwords that were wrong, or came too often" },
	[COUNTER_SESSIONS] = { "sessions", true, DSK, "Sessions that are open" },
	[COUNTER_ALIVE] = { "alive_timestamp_seconds", true, ALL, "When the role last turned to its peers" },
	[COUNTER_MESSAGES_IN] = { "received_messages", false, ALL, "Messages of other roles" },
	[COUNTER_MESSAGES_OUT] = { "sent_messages", false, ALL, "Messages to other roles" },
	[COUNTER_REFUSED] = { "refused_messages", false, ALL, "Messages that a role may not send" },
	[COUNTER_QUEUE_FULL] = { "full_queues", false, ALL, "Messages that found the queue to another role full" },
};

const char *role_state_name(unsigned s)
{
	static const char *const names[STATE_N] = { "stopped", "starting", "running", "waiting", "done" };
	return s < STATE_N ? names[s] : "unknown";
}

void counters_begin(struct counters *c, const char *name)
{
	c->magic = COUNTERS_MAGIC;
	c->size = sizeof *c;
	snprintf(c->name, sizeof c->name, "%s", name);
	snprintf(c->build, sizeof c->build, "%s", SAKIMORI_VERSION);
	atomic_store(&c->refused_call, -1);
	c->note[0] = '\0';
}

int counters_make(struct counters **out, const char *dir, const char *name, struct err *err)
{
	char path[4200];
	snprintf(path, sizeof path, "%s/run/%s.counters", dir, name);
	unlink(path); /* readers of an earlier run keep theirs */
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	/* With blocks of its own: a page of a hole could not be written once the disk is full, and that is a SIGBUS. */
	int r = fd >= 0 ? posix_fallocate(fd, 0, sizeof(struct counters)) : errno;
	errno = r;
	if (r)
		goto failed;
	if (geteuid() == 0 && fchown(fd, 0, users_readers()) != 0)
		goto failed;
	struct counters *c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		goto failed;
	counters_begin(c, name);
	*out = c;
	return fd;
failed:
	err_set(err, -1, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void counters_clear(const char *dir)
{
	char path[4200];
	struct dirent *e;
	snprintf(path, sizeof path, "%s/run", dir);
	DIR *d = opendir(path);
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		if (n > 9 && strcmp(e->d_name + n - 9, ".counters") == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

struct counters *counters_map(int fd, bool write)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || st.st_size != sizeof(struct counters))
		return NULL;
	struct counters *c = mmap(NULL, sizeof *c, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		return NULL;
	if (c->magic == COUNTERS_MAGIC && c->size == sizeof *c)
		return c;
	munmap(c, sizeof *c);
	return NULL;
}

static void tame(char *text, size_t size)
{
	char safe[256];
	text[size - 1] = '\0';
	text_escape(safe, size < sizeof safe ? size : sizeof safe, text, strlen(text));
	memcpy(text, safe, strlen(safe) + 1);
}

void counters_copy(struct counters *out, const struct counters *page)
{
	memcpy(out, page, sizeof *out);
	tame(out->build, sizeof out->build);
	tame(out->name, sizeof out->name);
	tame(out->last_end, sizeof out->last_end);
	tame(out->note, sizeof out->note);
	tame(out->config, sizeof out->config);
	out->prefixes_n = out->prefixes_n > COUNTERS_PREFIXES ? COUNTERS_PREFIXES : out->prefixes_n;
	for (size_t i = 0; i < COUNTERS_PREFIXES; i++)
		tame(out->prefix[i], sizeof out->prefix[i]);
}

void counters_unmap(struct counters *c)
{
	if (c)
		munmap(c, sizeof *c);
}
