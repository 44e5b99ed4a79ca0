// SPDX-License-Identifier: Apache-2.0
/*
 * What the pages share: the period they ask for, words of the model, addresses of other pages, commands. Numbers of 64
 * bits don't fit JavaScript: times to the nanosecond are taken from their texts.
 */
import { apiUrl, post, useApi } from '../lib/api.js';
import { useMemo, useState } from '../lib/html.js';
import { word } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { toNs } from '../ui/period.js';

export { apiUrl, useApi };

/* Without the parameters that say nothing. */
export function clean(params) {
	return Object.fromEntries(Object.entries(params ?? {}).filter(([, v]) => v !== undefined && v !== null && v !== ''));
}

/*
 * The period of a page as the server and the command line take it: fixed until the address changes, so that every number
 * of the page answers the same question.
 */
export function useSpan(query, normal = 'now-24h') {
	return useMemo(() => {
		const now = Date.now();
		const ms = (text, other) => {
			const ns = toNs(text || other, now);
			return Math.floor((Number.isFinite(ns) ? ns : toNs(other, now)) / 1e9) * 1000;
		};
		const from = ms(query.from, normal), to = ms(query.to, 'now');
		return { from: stamp(from), to: stamp(to), fromMs: from, toMs: to };
	}, [query.from, query.to, normal]);
}

export const stamp = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');

/* ---- words ---- */

export const kindName = (kind) => word('kind', kind);
export const className = (name) => (/^(other|short|frag)$/.test(name) ? word('pages.class', name) : word('class', name));
export const severityName = (name) => word('severity', name);
export const KINDS = ['scan', 'scan-type', 'backscatter', 'amplification', 'icmp-quote', 'port-new', 'port-surge', 'own-watch',
	'own-suspect', 'own-attacked'];
export const SEVERITIES = ['info', 'low', 'medium', 'high'];
export const CLASSES = ['tcp_syn', 'tcp_syn_ack', 'tcp_ack', 'tcp_fin', 'tcp_rst', 'tcp_push', 'tcp_other', 'udp', 'icmp',
	'other', 'short', 'frag'];
export const PROTOCOLS = { 1: 'icmp', 6: 'tcp', 17: 'udp' };

/* An address of Explore with these filters. */
export function exploreAt(more, query = {}) {
	const kept = Object.fromEntries(['from', 'to', 'sensor', 'research'].map((k) => [k, query[k]]));
	return href('/explore', { ...kept, ...more });
}

export function sourceAt(address, query = {}) {
	return href('/sources/' + encodeURIComponent(address), { from: query.from, to: query.to });
}

/* ---- doing ---- */

/* [run, {busy, error, done}]: sends a command once at a time. */
export function useCommand(then) {
	const [state, set] = useState({});
	const run = async (path, form) => {
		set({ busy: true });
		try {
			const answer = await post(path, form);
			set({ done: true });
			then?.(answer);
			return answer;
		} catch (error) {
			set({ error });
			return null;
		}
	};
	return [run, state];
}
