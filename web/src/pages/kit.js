// SPDX-License-Identifier: Apache-2.0
/*
 * What the pages share: questions to the interface, the period and the filters that live in the address of a page,
 * small tables, forms, dialogs. Numbers of 64 bits don't fit JavaScript: times are taken from their texts.
 */
import { apiUrl, post, useApi } from '../lib/api.js';
import { useMemo, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { href } from '../lib/router.js';
import { fields } from './filters.js';

export { apiUrl, useApi };

/* Without the parameters that say nothing. */
export function clean(params) {
	return Object.fromEntries(Object.entries(params ?? {}).filter(([, v]) => v !== undefined && v !== null && v !== ''));
}

/* ---- time ---- */

const UNIT = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/* Milliseconds of "now", "now-90m", RFC 3339; null when it is none of them. */
export function resolve(word, now) {
	const m = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(word ?? '');
	if (m)
		return now - (m[1] ? Number(m[1]) * UNIT[m[2]] * 1000 : 0);
	const ms = Date.parse(word ?? '');
	return Number.isNaN(ms) ? null : ms;
}

export const stamp = (ms) => new Date(ms).toISOString();

/* The period of a page: {from, to} as texts for the interface, `ms` of both; fixed until the address changes. */
export function usePeriod(query, length = '24h') {
	return useMemo(() => {
		const now = Date.now();
		const to = resolve(query.to, now) ?? now;
		const from = resolve(query.from, now) ?? resolve(`now-${length}`, query.to ? to : now);
		return { from: stamp(from), to: stamp(to), fromMs: from, toMs: to };
	}, [query.from, query.to]);
}

/* Clock and calendar of a zone. */
function parts(ms, zone) {
	const made = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit',
		day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(ms);
	return Object.fromEntries(made.map((p) => [p.type, p.value]));
}

export function toLocal(ms, zone) {
	const p = parts(ms, zone);
	return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}`;
}

export function fromLocal(text, zone) {
	const guess = Date.parse(text + 'Z');
	if (Number.isNaN(guess))
		return null;
	const off = (ms) => Date.parse(toLocal(ms, zone) + 'Z') - ms;
	const first = guess - off(guess);
	return guess - off(first);
}

/* ---- words ---- */

export const kindName = (kind) => t(`pages.kind.${kind}`);
export const className = (name) => t(`pages.class.${name}`);
export const severityName = (name) => t(`pages.severity.${name}`);
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

/* Only what is a field of the interface goes along. */
export function filtersOf(query) {
	return clean(Object.fromEntries(fields.map((f) => [f.name, query[f.name]])));
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

/* Saves a text as a file; a page's own data, so no question to the server. */
export function saveText(name, type, text) {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const a = document.createElement('a');
	a.href = url;
	a.download = name;
	a.click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/* RFC 4180; a cell that a spreadsheet would take for a formula gets a quote in front. */
export function csv(columns, rows) {
	const cell = (v) => {
		let s = v === null || v === undefined ? '' : String(v);
		if (typeof v === 'string' && /^[=+\-@\t\r]/.test(s))
			s = "'" + s;
		return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
	};
	return [columns, ...rows].map((r) => r.map(cell).join(',')).join('\r\n') + '\r\n';
}
