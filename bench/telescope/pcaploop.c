// SPDX-License-Identifier: Apache-2.0
/*
 * What libpcap needs to hand over the packets of a file to a program that does nothing with them.
 * usage: pcaploop loop|next FILE
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

static void nothing(u_char *count, const struct pcap_pkthdr *h, const u_char *data)
{
	++*(unsigned long *)count;
}

int main(int argc, char **argv)
{
	char reason[PCAP_ERRBUF_SIZE];
	unsigned long count = 0;
	struct pcap_pkthdr *h;
	const u_char *data;
	if (argc != 3) {
		fprintf(stderr, "usage: pcaploop loop|next FILE\n");
		return 2;
	}
	pcap_t *p = pcap_open_offline(argv[2], reason);
	if (!p) {
		fprintf(stderr, "pcaploop: %s\n", reason);
		return 3;
	}
	if (!strcmp(argv[1], "loop"))
		pcap_loop(p, -1, nothing, (u_char *)&count);
	else
		while (pcap_next_ex(p, &h, &data) == 1)
			count++;
	printf("%lu packets, %s\n", count, pcap_lib_version());
	pcap_close(p);
	return 0;
}
