// SPDX-License-Identifier: Apache-2.0
// The nine packet classes of a darknet, in the order the server numbers them.
import { t } from './i18n.js';

export const CLASSES = ['tcp_syn', 'tcp_syn_ack', 'tcp_ack', 'tcp_fin', 'tcp_rst', 'tcp_push', 'tcp_other', 'udp', 'icmp'];

/* Told apart by people who see colours differently too: neighbours differ in lightness; 3:1 against the ground. */
export const COLOURS = {
	dark: ['#56a8ff', '#ffd24a', '#3fd0a0', '#b794ff', '#ff9a5c', '#ff7dc0', '#9fb0c3', '#ff5d5d', '#e9f1fa'],
	light: ['#0b63c4', '#8a6400', '#0a7a52', '#6b3fc4', '#b4470f', '#b81a6e', '#5b6776', '#c41e2d', '#1d2733'],
};
export const className = (id) => t('class.' + id);

/* Counts of a map by class name; the few that belong to none of the nine count with "other TCP". */
export function nine(counts = {}) {
	const out = new Array(9).fill(0);
	for (const [name, n] of Object.entries(counts)) {
		const at = CLASSES.indexOf(name);
		out[at < 0 ? 6 : at] += n;
	}
	return out;
}
