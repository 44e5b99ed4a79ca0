// SPDX-License-Identifier: Apache-2.0
/*
 * The desk and a keeper in processes of their own, and the test in the console's place: logins, sessions, users,
 * tokens, and a console that was taken over. What is tried are the parts of the desk together: deskanswer, deskaudit,
 * deskgate, deskqueue, deskrecord, deskusers; and keeprecord, which takes what the desk wants kept.
 */
#include "deskdrive.h"
#include "model/user.h"
#include "store/principal.h"
#include "store/query.h"

/* ---- calls ---- */

static struct answer {
	int status; /* 0: cut off or none */
	char type[64], session[128], name[96];
	size_t n;
	char text[1 << 20];
} got;

static void send_body(enum message_kind kind, uint64_t sequence, const void *p, size_t n)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct message m = { .kind = (uint16_t)kind, .count = 1, .sequence = sequence };
	message_header_build(buffer, &m);
	if (n)
		memcpy(buffer + MESSAGE_HEADER, p, n);
	assert_int_equal(send(console, buffer, MESSAGE_HEADER + n, MSG_NOSIGNAL), MESSAGE_HEADER + n);
}

static uint64_t send_call(const struct call *c)
{
	struct message_buf b = { 0 };
	call_build(&b, c);
	send_body(MESSAGE_CALL, ++number, b.p, b.n);
	free(b.p);
	return number;
}

static void give_credit(uint64_t sequence, size_t octets)
{
	uint8_t body[4] = { (uint8_t)octets, (uint8_t)(octets >> 8), (uint8_t)(octets >> 16), (uint8_t)(octets >> 24) };
	send_body(MESSAGE_CREDIT, sequence, body, sizeof body);
}

/* Into `got`. Replies to others are passed over. */
static int wait_for(uint64_t sequence)
{
	struct message m;
	struct reply r;
	bool first = true;
	got.n = 0;
	got.status = 0;
	for (;;) {
		if (receive(console, &m, 30000) != 1)
			return -1;
		assert_int_equal(m.kind, MESSAGE_REPLY);
		if (m.sequence != sequence)
			continue;
		assert_int_equal(reply_parse(m.body, &r), 0);
		assert_true(first == (r.status != 0));
		assert_true(got.n + r.octets.n < sizeof got.text);
		memcpy(got.text + got.n, r.octets.p, r.octets.n);
		got.n += r.octets.n;
		got.text[got.n] = '\0';
		if (first) {
			got.status = r.status;
			memcpy(got.type, r.type, sizeof r.type);
			memcpy(got.session, r.session, sizeof r.session);
			memcpy(got.name, r.name, sizeof r.name);
		}
		if (r.last) {
			if (!first && !r.octets.n)
				got.status = 0;
			return got.status;
		}
		first = false;
		give_credit(sequence, r.octets.n);
	}
}

static struct {
	char token[128], csrf[64];
	enum call_proof proof;
} who;

static const char *peer = "192.0.2.1";

static struct call make(const char *method, const char *path, const char *text)
{
	struct bytes t = { (const uint8_t *)text, strlen(text) };
	struct call c = { .proof = who.proof, .same_site = true, .language = "ja" };
	bool get = strcmp(method, "GET") == 0;
	snprintf(c.method, sizeof c.method, "%s", method);
	snprintf(c.path, sizeof c.path, "%s", path);
	snprintf(c.token, sizeof c.token, "%s", who.token);
	snprintf(c.csrf, sizeof c.csrf, "%s", who.csrf);
	snprintf(c.peer, sizeof c.peer, "%s", peer);
	c.query = get ? t : (struct bytes){ 0 };
	c.body = get ? (struct bytes){ 0 } : t;
	return c;
}

static int ask(const char *method, const char *path, const char *text)
{
	struct call c = make(method, path, text);
	return wait_for(send_call(&c));
}

/* A text of the answer. */
static const char *field(const char *name)
{
	static char out[256];
	char key[64];
	snprintf(key, sizeof key, "\"%s\":\"", name);
	const char *at = strstr(got.text, key);
	if (!at)
		return "";
	at += strlen(key);
	snprintf(out, sizeof out, "%.*s", (int)strcspn(at, "\""), at);
	return out;
}

static void nobody(void)
{
	memset(&who, 0, sizeof who);
}

static int log_in(const char *user, const char *password)
{
	char form[512];
	nobody();
	snprintf(form, sizeof form, "user=%s&password=%s", user, password);
	int status = ask("POST", "/login", form);
	if (status == 200) {
		snprintf(who.token, sizeof who.token, "%s", got.session);
		snprintf(who.csrf, sizeof who.csrf, "%.63s", field("csrf"));
		who.proof = CALL_COOKIE;
	}
	return status;
}

/* ---- tests, in this order ---- */

static void read_first(char out[64])
{
	char path[64];
	snprintf(path, sizeof path, "%s/first-login", dir);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(out, 64, f));
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
	assert_int_equal(strcspn(out, "\n"), 23);
	out[23] = '\0';
}

static bool first_is_there(void)
{
	char path[64];
	snprintf(path, sizeof path, "%s/first-login", dir);
	return access(path, F_OK) == 0;
}

#define ADMIN "correct+horse+battery"

static void first_login(void **state)
{
	char once[64];
	if (isatty(2))
		skip();
	read_first(once);
	assert_int_equal(ask("GET", "/session", ""), 401);
	assert_int_equal(log_in("admin", "wrong"), 401);
	assert_int_equal(log_in("admin", once), 200);
	assert_non_null(strstr(got.text, "\"must_change\":true"));
	assert_non_null(strstr(got.text, "\"level\":\"admin\""));
	assert_string_equal(field("language"), "ja");
	assert_false(first_is_there());
	/* Reading is allowed, commands are not. */
	assert_int_equal(ask("GET", "/users", ""), 200);
	assert_null(strstr(got.text, "argon2"));
	assert_int_equal(ask("POST", "/users", "name=x"), 403);
	assert_string_equal(field("code"), "must-change-password");
	assert_int_equal(ask("POST", "/password", "new=short"), 400);
	assert_string_equal(field("parameter"), "new");
	assert_int_equal(ask("POST", "/password", "new=" ADMIN), 200);
	assert_non_null(strstr(got.text, "\"must_change\":false"));
	assert_int_equal(ask("GET", "/session", ""), 200);
	assert_int_equal(log_in("admin", once), 401);
	assert_int_equal(log_in("admin", ADMIN), 200);
}

static void forged(void **state)
{
	struct call c = make("POST", "/users", "name=forged&roles=*+admin");
	snprintf(c.csrf, sizeof c.csrf, "%s", "AAAA");
	assert_int_equal(wait_for(send_call(&c)), 403);
	c.csrf[0] = '\0';
	assert_int_equal(wait_for(send_call(&c)), 403);
	c = make("POST", "/users", "name=forged&roles=*+admin");
	c.same_site = false;
	assert_int_equal(wait_for(send_call(&c)), 403);
	c = make("GET", "/users", "");
	c.token[5] = c.token[5] == 'a' ? 'b' : 'a';
	assert_int_equal(wait_for(send_call(&c)), 401);
	assert_string_equal(got.session, "-");
	c = make("POST", "/login", "user=admin&password=" ADMIN);
	c.same_site = false;
	assert_int_equal(wait_for(send_call(&c)), 403);
	c = make("POST", "/users", "");
	c.query = (struct bytes){ (const uint8_t *)"name=inquery", 12 };
	assert_int_equal(wait_for(send_call(&c)), 400);
	assert_int_equal(ask("DELETE", "/users", ""), 405);
	assert_int_equal(ask("GET", "/nowhere", ""), 404);
	assert_int_equal(ask("GET", "/users", "x=1"), 400);
	assert_string_equal(field("parameter"), "x");
}

static void users(void **state)
{
	char once[64];
	assert_int_equal(ask("POST", "/users", "name=bad+name"), 400);
	assert_int_equal(ask("POST", "/users", "name=bad%0Aname"), 400);
	assert_int_equal(ask("POST", "/users", "name=../x&roles=west+viewer"), 400);
	assert_int_equal(ask("POST", "/users", "name=eve&roles=west+king"), 400);
	assert_string_equal(field("parameter"), "roles");
	assert_int_equal(ask("POST", "/users", "name=eve&roles=west+viewer,default+analyst&rights=see-dark"), 200);
	snprintf(once, sizeof once, "%.63s", field("password"));
	assert_int_equal(strlen(once), 23);
	assert_int_equal(ask("POST", "/users", "name=eve"), 409);
	assert_int_equal(ask("POST", "/users/admin", "state=disabled"), 409);
	assert_int_equal(ask("POST", "/users/admin", "roles=west+viewer"), 409);
	assert_int_equal(ask("POST", "/users/nobody", "state=disabled"), 404);
	assert_int_equal(log_in("eve", once), 200);
	assert_int_equal(ask("POST", "/password", "new=eve+has+a+password"), 200);
	assert_int_equal(ask("GET", "/users", ""), 403);
	assert_int_equal(ask("GET", "/audit", "") == 200, false);
	assert_int_equal(ask("POST", "/users/eve", "roles=*+admin"), 403);
	assert_int_equal(ask("GET", "/session", ""), 200);
	assert_non_null(strstr(got.text, "{\"tenant\":\"west\",\"level\":\"viewer\"}"));
	assert_non_null(strstr(got.text, "\"level\":\"analyst\""));
	assert_int_equal(ask("GET", "/status", ""), 200);
	assert_null(strstr(got.text, "capture:"));
}

static void passwords(void **state)
{
	char other[128];
	assert_int_equal(log_in("eve", "eve+has+a+password"), 200);
	snprintf(other, sizeof other, "%s", who.token);
	assert_int_equal(log_in("eve", "eve+has+a+password"), 200);
	assert_int_equal(ask("POST", "/password", "old=wrong&new=eve+has+another+one"), 403);
	assert_int_equal(ask("POST", "/password", "new=eve+has+another+one"), 403);
	assert_int_equal(ask("POST", "/password", "old=eve+has+a+password&new=password1234"), 400);
	assert_int_equal(ask("POST", "/password", "old=eve+has+a+password&new=eve+has+another+one"), 200);
	assert_int_equal(ask("GET", "/session", ""), 200);
	struct call c = make("GET", "/session", "");
	snprintf(c.token, sizeof c.token, "%s", other);
	assert_int_equal(wait_for(send_call(&c)), 401);
	assert_int_equal(ask("POST", "/logout", ""), 200);
	assert_string_equal(got.session, "-");
	assert_int_equal(ask("GET", "/session", ""), 401);
}

static void tokens(void **state)
{
	char secret[128], id[32], weak[128];
	assert_int_equal(log_in("admin", ADMIN), 200);
	assert_int_equal(ask("POST", "/tokens", "label=a+script&roles=*+admin&scope=read,write"), 200);
	snprintf(secret, sizeof secret, "%.127s", field("secret"));
	snprintf(id, sizeof id, "%.31s", field("id"));
	assert_int_equal(strlen(secret), 64);
	assert_int_equal(ask("POST", "/tokens", "label=a+reader&roles=west+viewer&scope=status"), 200);
	snprintf(weak, sizeof weak, "%.127s", field("secret"));
	assert_int_equal(ask("POST", "/tokens", "label=x&until=2001-01-01"), 400);
	assert_int_equal(ask("GET", "/tokens", ""), 200);
	assert_null(strstr(got.text, secret + 21));
	nobody();
	who.proof = CALL_BEARER;
	snprintf(who.token, sizeof who.token, "%s", secret);
	assert_int_equal(ask("GET", "/users", ""), 200);
	/* A program makes itself no other key. */
	assert_int_equal(ask("POST", "/tokens", "label=more"), 403);
	assert_int_equal(ask("POST", "/users", "name=more"), 403);
	who.token[63] = who.token[63] == 'a' ? 'b' : 'a';
	assert_int_equal(ask("GET", "/users", ""), 401);
	snprintf(who.token, sizeof who.token, "%s", weak);
	assert_int_equal(ask("GET", "/status", ""), 200);
	assert_int_equal(ask("GET", "/users", ""), 403);
	assert_int_equal(ask("GET", "/tokens", ""), 403);
	assert_int_equal(log_in("admin", ADMIN), 200);
	char path[80];
	snprintf(path, sizeof path, "/tokens/%s/revoke", id);
	assert_int_equal(ask("POST", path, ""), 200);
	nobody();
	who.proof = CALL_BEARER;
	snprintf(who.token, sizeof who.token, "%s", secret);
	assert_int_equal(ask("GET", "/users", ""), 401);
}

/* A user who is disabled is out at once, whatever he has. */
static void disabled(void **state)
{
	char eve[128];
	assert_int_equal(log_in("eve", "eve+has+another+one"), 200);
	snprintf(eve, sizeof eve, "%s", who.token);
	assert_int_equal(log_in("admin", ADMIN), 200);
	assert_int_equal(ask("POST", "/users/eve", "state=disabled"), 200);
	struct call c = make("GET", "/session", "");
	snprintf(c.token, sizeof c.token, "%s", eve);
	assert_int_equal(wait_for(send_call(&c)), 401);
	assert_int_equal(log_in("eve", "eve+has+another+one"), 401);
}

static double login_ms(const char *user)
{
	struct timespec a, b;
	double best = 1e9;
	for (int i = 0; i < 3; i++) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		assert_int_equal(log_in(user, "wrong"), 401);
		clock_gettime(CLOCK_MONOTONIC, &b);
		double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
		best = ms < best ? ms : best;
	}
	return best;
}

/* Whether there is such a user is told by neither answer nor time. */
static void unknown_user(void **state)
{
	char text[256];
	peer = "192.0.2.77";
	double known = login_ms("admin");
	snprintf(text, sizeof text, "%.200s", got.text);
	peer = "192.0.2.78";
	double unknown = login_ms("no-such-user");
	assert_string_equal(got.text, text);
	assert_true(unknown > known / 2 && known > unknown / 2);
	assert_true(known > 2);
}

static void throttled(void **state)
{
	peer = "192.0.2.99";
	for (int i = 0; i < 5; i++)
		assert_int_equal(log_in("admin", "wrong"), 401);
	assert_int_equal(log_in("admin", ADMIN), 429);
	assert_non_null(strstr(got.text, "\"retry_after_s\":1"));
	peer = "192.0.2.1";
	assert_int_equal(log_in("admin", ADMIN), 200);
}

static void hostile_body(void **state)
{
	static uint8_t octets[MESSAGE_BODY];
	struct call c = make("GET", "/session", "");
	struct message_buf b = { 0 };
	call_build(&b, &c);
	/* Cut anywhere: refused, and the next one is answered. */
	for (size_t n = 0; n < b.n; n += 3)
		send_body(MESSAGE_CALL, ++number, b.p, n);
	free(b.p);
	memset(octets, 0xff, sizeof octets);
	send_body(MESSAGE_CALL, ++number, octets, sizeof octets);
	send_body(MESSAGE_CALL, 0, octets, 10);
	send_body(MESSAGE_CREDIT, 12345, octets, 4);
	send_body(MESSAGE_CREDIT, 12345, octets, 3);
	send_body(MESSAGE_CANCEL, 12345, octets, 0);
	assert_int_equal(ask("GET", "/session", ""), 200);
}

static void same_number(void **state)
{
	struct call c = make("GET", "/users", "");
	struct message_buf b = { 0 };
	call_build(&b, &c);
	number++;
	for (int i = 0; i < 3; i++)
		send_body(MESSAGE_CALL, number, b.p, b.n);
	free(b.p);
	assert_int_equal(wait_for(number), 200);
	assert_int_equal(ask("GET", "/session", ""), 200);
}

/* More than there is room for: all are answered, some with 503. */
static void flood(void **state)
{
	struct message m;
	struct reply r;
	unsigned busy = 0, done = 0;
	struct call c = make("GET", "/users", "");
	for (int i = 0; i < 300; i++)
		send_call(&c);
	while (done < 300) {
		assert_int_equal(receive(console, &m, 20000), 1);
		assert_int_equal(reply_parse(m.body, &r), 0);
		busy += r.status == 503;
		done += r.last;
	}
	assert_true(busy > 0 && busy < 300);
	assert_int_equal(ask("GET", "/session", ""), 200);
}

static void console_gone(void **state)
{
	struct call c = make("GET", "/users", "");
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 20; i++)
			send_call(&c);
		join_console();
	}
	/* A kind that the edge doesn't carry ends it. */
	send_body(MESSAGE_RECORD, 1, "", 0);
	struct message m;
	while (receive(console, &m, 5000) == 1)
		;
	join_console();
	assert_int_equal(ask("GET", "/session", ""), 200);
}

static void keeper_away(void **state)
{
	stop(&keeper);
	assert_int_equal(ask("GET", "/session", ""), 200);
	assert_int_equal(ask("POST", "/users", "name=late"), 503);
	assert_string_equal(field("code"), "unavailable");
	/* Whoever knows his password gets in, and the line comes later. */
	assert_int_equal(log_in("admin", ADMIN), 200);
	start(&keeper);
	join_keeper();
	assert_int_equal(ask("POST", "/users", "name=late"), 200);
	assert_false(first_is_there());
}

/* The description of all that can be asked; a shape that isn't one would end the desk. */
static void described(void **state)
{
	assert_int_equal(ask("GET", "/openapi.json", ""), 200);
	static const char *const paths[] = { "/login", "/session", "/users/{name}/password", "/tokens/{id}/revoke" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_non_null(strstr(got.text, paths[i]));
}

/* ---- a desk that was taken over, before the keeper ---- */

static int planted = -1;

static void send_record(uint64_t sequence, const char *name, const char *line, const char *kind, size_t cut)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct message_buf b = { 0 };
	struct user u = { .state = "active", .roles = "* admin" };
	snprintf(u.name, sizeof u.name, "%s", name);
	message_text(&b, "eve");
	message_text(&b, line);
	message_text(&b, "x");
	message_text(&b, kind);
	if (kind[0])
		message_row(&b, &user_kind, &u);
	size_t n = b.n > cut ? b.n - cut : 0;
	message_header_build(buffer, &(struct message){ .kind = MESSAGE_RECORD, .count = 1, .sequence = sequence });
	memcpy(buffer + MESSAGE_HEADER, b.p, n);
	assert_int_equal(send(planted, buffer, MESSAGE_HEADER + n, MSG_NOSIGNAL), MESSAGE_HEADER + n);
	free(b.p);
}

static void plant(void)
{
	int pair[2];
	if (planted >= 0)
		close(planted);
	assert_int_equal(channel_pair(pair), 0);
	give_edge(&keeper, ROLE_DESK, pair[0]);
	planted = pair[1];
}

static void taken_over(void **state)
{
	static const struct {
		const char *name, *line, *kind;
		unsigned want;
	} cases[] = { { "planted", "user-add", "user", MESSAGE_ACK }, { "", "a line alone", "", MESSAGE_ACK },
		{ "pl\x1b[2J", "user-add", "user", MESSAGE_REFUSE },
		{ "pl\nanted", "user-add", "user", MESSAGE_REFUSE }, { "../../x", "user-add", "user", MESSAGE_REFUSE },
		{ "planted", "two\nlines", "user", MESSAGE_REFUSE }, { "planted", "", "user", MESSAGE_REFUSE },
		{ "planted", "x", "sensor", MESSAGE_REFUSE }, { "planted", "x", "finding", MESSAGE_REFUSE },
		{ "planted", "x", "audit", MESSAGE_REFUSE } };
	struct message m;
	plant();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		send_record(i + 1, cases[i].name, cases[i].line, cases[i].kind, 0);
		assert_int_equal(receive(planted, &m, 10000), 1);
		if (m.kind != cases[i].want || m.sequence != i + 1)
			fail_msg("case %zu: %s", i, message_kind_name(m.kind));
	}
	/* Cut anywhere: it is sent away. */
	for (size_t cut = 1; cut < 80; cut += 7) {
		plant();
		send_record(1, "planted", "user-add", "user", cut);
		assert_int_equal(receive(planted, &m, 10000), 0);
	}
	/* As an answer, a batch, or another's: as well. */
	plant();
	static uint8_t octets[MESSAGE_HEADER];
	message_header_build(octets, &(struct message){ .kind = MESSAGE_HOLD, .sequence = 1 });
	send(planted, octets, sizeof octets, MSG_NOSIGNAL);
	assert_int_equal(receive(planted, &m, 10000), 0);
	close(planted);
	planted = -1;
	join_keeper();
	assert_int_equal(ask("POST", "/users", "name=after"), 200);
}

/* Users enough for an answer beyond the window. */
static void add_many(void)
{
	static uint8_t buffer[MESSAGE_MAX];
	struct message m;
	plant();
	for (unsigned i = 0; i < 400; i++) {
		struct message_buf b = { 0 };
		struct user u = { .state = "active" };
		snprintf(u.name, sizeof u.name, "user%u", i);
		for (int k = 0; k < 60; k++)
			snprintf(u.roles + strlen(u.roles), 32, "%stenant-%03d viewer", k ? "\n" : "", k);
		message_text(&b, "eve");
		message_text(&b, "user-add");
		message_text(&b, u.name);
		message_text(&b, "user");
		message_row(&b, &user_kind, &u);
		message_header_build(
			buffer, &(struct message){ .kind = MESSAGE_RECORD, .count = 1, .sequence = i + 1 });
		memcpy(buffer + MESSAGE_HEADER, b.p, b.n);
		assert_int_equal(send(planted, buffer, MESSAGE_HEADER + b.n, MSG_NOSIGNAL), MESSAGE_HEADER + b.n);
		free(b.p);
		assert_int_equal(receive(planted, &m, 10000), 1);
		assert_int_equal(m.kind, MESSAGE_ACK);
	}
	close(planted);
	planted = -1;
	join_keeper();
}

/* Octets that come without any credit. */
static size_t take_uncredited(uint64_t sequence, bool *last)
{
	struct message m;
	struct reply r;
	size_t n = 0;
	*last = false;
	while (receive(console, &m, 300) == 1) {
		assert_int_equal(m.sequence, sequence);
		assert_int_equal(reply_parse(m.body, &r), 0);
		n += r.octets.n;
		*last = r.last;
	}
	return n;
}

/* A console that takes nothing holds up a thread, not the desk; one that lost its reader says so. */
static void window(void **state)
{
	bool last;
	add_many();
	assert_int_equal(ask("GET", "/users", ""), 200);
	size_t whole = got.n;
	assert_true(whole > 2 * REPLY_WINDOW && got.text[whole - 1] == '\n');
	struct call c = make("GET", "/users", "");
	uint64_t one = send_call(&c);
	size_t n = take_uncredited(one, &last);
	assert_true(n == REPLY_WINDOW && !last);
	/* Three that wait: the user's calls wait, too, others go on. */
	uint64_t two = send_call(&c), three = send_call(&c);
	struct message m;
	for (size_t k = 0; k < 2 * REPLY_WINDOW / REPLY_OCTETS; k++)
		assert_int_equal(receive(console, &m, 5000), 1);
	struct call other = make("GET", "/session", "");
	other.proof = CALL_NOBODY;
	assert_int_equal(wait_for(send_call(&other)), 401);
	send_body(MESSAGE_CANCEL, one, "", 0);
	send_body(MESSAGE_CANCEL, two, "", 0);
	send_body(MESSAGE_CANCEL, three, "", 0);
	assert_int_equal(ask("GET", "/session", ""), 200);
	assert_int_equal(ask("GET", "/users", ""), 200);
	assert_int_equal(got.n, whole);
	/* More credit than there is room for doesn't open the window further. */
	one = send_call(&c);
	for (int i = 0; i < 100; i++)
		give_credit(one, 0xffffffff);
	n = take_uncredited(one, &last);
	assert_true(last ? n == whole : n <= 102 * (size_t)REPLY_WINDOW);
	send_body(MESSAGE_CANCEL, one, "", 0);
	assert_int_equal(ask("GET", "/session", ""), 200);
}

/* Two users whose readers take nothing have all threads: who comes then gets one all the same, and soon. */
static void slow_readers(void **state)
{
	uint64_t held[4];
	struct call c = make("GET", "/users", "");
	assert_int_equal(ask("POST", "/users", "name=helper&password=a+helper+of+the+admin&roles=*+admin"), 200);
	for (int i = 0; i < 3; i++)
		held[i] = send_call(&c);
	assert_int_equal(log_in("helper", "a helper of the admin"), 200);
	c = make("GET", "/users", "");
	held[3] = send_call(&c);
	struct message m;
	while (receive(console, &m, 500) == 1)
		assert_true(m.sequence == held[3] || m.sequence <= held[2]);
	nobody();
	int64_t begun = loop_now_ns();
	assert_int_equal(ask("GET", "/session", ""), 401);
	assert_true(loop_now_ns() - begun < 8 * INT64_C(1000000000));
	for (int i = 0; i < 4; i++)
		send_body(MESSAGE_CANCEL, held[i], "", 0);
	assert_int_equal(ask("GET", "/session", ""), 401);
}

static int look(void *arg, const char *const *names, const struct store_value *v, size_t n)
{
	if (!v)
		return 0;
	char line[512];
	snprintf(line, sizeof line, "%.*s|%.*s|%.*s;", (int)v[0].bytes.n, v[0].bytes.p, (int)v[1].bytes.n, v[1].bytes.p,
		(int)v[2].bytes.n, v[2].bytes.p);
	strncat(arg, line, 32768 - strlen(arg) - 1);
	return 0;
}

/* What was done stands in the audit, and the hashes are in no table that anybody may ask. */
static void audited(void **state)
{
	static char text[32768];
	struct err err = { "" };
	struct store_query q = { .fn = look, .arg = text };
	struct store_audit_state chain;
	int code;
	sleep(1);
	struct principal all = { .all = true, .rights = PRINCIPAL_ADMIN };
	struct store *s = store_open_as(dir, &all, &code, &err);
	assert_non_null(s);
	assert_int_equal(store_query(s, "select who, what, subject from audit order by seq", &q, &err), 0);
	static const char *const lines[] = { "sakimori|user-add|admin;", "admin|login-once|192.0.2.1;",
		"admin|login|192.0.2.1;", "admin|password|admin;", "admin|user-add|eve;", "eve|login|192.0.2.1;",
		"eve|logout|192.0.2.1;", "admin|user-change|eve;", "admin|token-add|" };
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (!strstr(text, lines[i]))
			fail_msg("%s is not in %s", lines[i], text);
	assert_null(strstr(text, "no-such-user"));
	assert_int_not_equal(store_query(s, "select * from credential", &q, &err), 0);
	assert_int_not_equal(store_query(s, "select * from main.credential", &q, &err), 0);
	store_close(s);
	s = store_open(dir, STORE_READ, &code, &err);
	assert_int_equal(store_audit_verify(s, &chain, &err), 0);
	assert_int_not_equal(store_query(s, "select hash from credential", &q, &err), 0);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(first_login), cmocka_unit_test(forged),
		cmocka_unit_test(users), cmocka_unit_test(passwords), cmocka_unit_test(tokens),
		cmocka_unit_test(disabled), cmocka_unit_test(unknown_user), cmocka_unit_test(throttled),
		cmocka_unit_test(hostile_body), cmocka_unit_test(described), cmocka_unit_test(same_number),
		cmocka_unit_test(flood), cmocka_unit_test(console_gone), cmocka_unit_test(keeper_away),
		cmocka_unit_test(taken_over), cmocka_unit_test(window), cmocka_unit_test(slow_readers),
		cmocka_unit_test(audited) };
	return cmocka_run_group_tests(tests, begin, end);
}
