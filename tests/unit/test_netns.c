// SPDX-License-Identifier: Apache-2.0
#include "netns/iface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_pair(struct netns *a, struct netns *b)
{
	struct err err = { "" };
	if (netns_open(a, &err) < 0 || netns_open(b, &err) < 0 || iface_pair(a, "va", b, "vb", &err) < 0 ||
		iface_up(a, "va", &err) < 0 || iface_up(b, "vb", &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	return 0;
}

static struct addr addr_of(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(text, &a, NULL), 0);
	return a;
}

/* Static neighbours and routes: a datagram crosses without any ARP. */
static void a_pair_carries_datagrams(void **state)
{
	struct netns a, b;
	uint8_t mac[6];
	struct err err = { "" };
	if (geteuid() != 0)
		skip();
	assert_int_equal(open_pair(&a, &b), 0);
	struct addr here = addr_of("192.0.2.1"), there = addr_of("198.51.100.9"), gateway = addr_of("192.0.2.2");
	struct prefix all = { addr_from4(0), 96 };
	assert_int_equal(iface_address(&a, "va", &here, 24, &err), 0);
	assert_int_equal(iface_address(&b, "vb", &gateway, 24, &err), 0);
	assert_int_equal(iface_address(&b, "lo", &there, 32, &err), 0);
	assert_int_equal(iface_mac(&b, "vb", mac, &err), 0);
	assert_int_equal(iface_neighbour(&a, "va", &gateway, mac, &err), 0);
	assert_int_equal(iface_route(&a, "va", &all, &gateway, &err), 0);
	int in = netns_socket(&b, AF_INET, SOCK_DGRAM, 0), out = netns_socket(&a, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7777) };
	struct timeval limit = { .tv_sec = 2 };
	inet_pton(AF_INET, "198.51.100.9", &to.sin_addr);
	assert_int_equal(setsockopt(in, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
	assert_int_equal(bind(in, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(sendto(out, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
	char buf[16];
	assert_int_equal(recv(in, buf, sizeof buf, 0), 5);
	close(in);
	close(out);
	netns_close(&a);
	netns_close(&b);
}

static int names(void *arg)
{
	return if_nametoindex("va") != 0 ? 10 : 20;
}

static int sleeps(void *arg)
{
	pause();
	return 0;
}

static void processes_run_inside(void **state)
{
	struct netns a, b;
	struct netns_process p;
	if (geteuid() != 0)
		skip();
	assert_int_equal(open_pair(&a, &b), 0);
	assert_int_equal(netns_start(&a, names, NULL, &p, NULL), 0);
	assert_int_equal(netns_wait(&p, 5000), 10);
	assert_int_equal(netns_start(&b, names, NULL, &p, NULL), 0);
	assert_int_equal(netns_wait(&p, 5000), 20);
	assert_int_equal(if_nametoindex("va"), 0);
	assert_int_equal(netns_start(&a, sleeps, NULL, &p, NULL), 0);
	assert_int_equal(netns_wait(&p, 10), -1);
	assert_int_equal(netns_signal(&p, SIGTERM), 0);
	assert_int_equal(netns_wait(&p, 5000), 256 + SIGTERM);
	netns_kill(&p);
	netns_close(&a);
	netns_close(&b);
}

static void faults_are_told(void **state)
{
	struct netns a;
	struct err err = { "" };
	struct addr addr = addr_of("2001:db8::1");
	if (geteuid() != 0)
		skip();
	assert_int_equal(netns_open(&a, &err), 0);
	assert_int_equal(iface_up(&a, "nothing", &err), -1);
	assert_non_null(strstr(err.text, "nothing"));
	assert_int_equal(iface_index(&a, "nothing", NULL), -1);
	assert_true(iface_index(&a, "lo", NULL) > 0);
	assert_int_equal(iface_pair(&a, "a-name-that-is-too-long", &a, "b", &err), -1);
	assert_int_equal(iface_pair(&a, "x", &a, "y", &err), 0);
	assert_int_equal(iface_pair(&a, "x", &a, "z", &err), -1);
	assert_int_equal(iface_address(&a, "x", &addr, 64, &err), 0);
	assert_int_equal(iface_address(&a, "x", &addr, 64, &err), -1);
	assert_int_equal(iface_down(&a, "x", &err), 0);
	assert_int_equal(iface_remove(&a, "x", &err), 0);
	assert_int_equal(iface_remove(&a, "y", &err), -1);
	netns_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_pair_carries_datagrams),
		cmocka_unit_test(processes_run_inside), cmocka_unit_test(faults_are_told) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
