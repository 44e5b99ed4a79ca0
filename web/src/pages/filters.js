// SPDX-License-Identifier: Apache-2.0
/* The filters of the interface, in the order in which the pages offer them. */
export const fields = [
	{ name: 'src', mode: 'text' },
	{ name: 'dst', mode: 'text', right: 'see-dark' },
	{ name: 'sport', mode: 'number' },
	{ name: 'dport', mode: 'number' },
	{ name: 'proto', mode: 'text', words: ['tcp', 'udp', 'icmp'] },
	{ name: 'class', mode: 'list', words: ['tcp_syn', 'tcp_syn_ack', 'tcp_ack', 'tcp_fin', 'tcp_rst', 'tcp_push',
		'tcp_other', 'udp', 'icmp', 'other'] },
	{ name: 'country', mode: 'text' },
	{ name: 'asn', mode: 'number' },
	{ name: 'mark', mode: 'list', words: ['zmap', 'masscan', 'mirai', 'nmap'] },
	{ name: 'sensor', mode: 'text' },
];
