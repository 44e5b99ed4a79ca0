// SPDX-License-Identifier: Apache-2.0
// From when to when: some usual stretches, or two times in the viewer's zone. Lives in the query as from and to.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useQuery } from '../lib/router.js';
import { timeZone } from '../lib/settings.js';
import * as f from '../lib/format.js';
import { Choice } from './basic.js';

export const STRETCHES = ['now-1h', 'now-6h', 'now-24h', 'now-7d', 'now-30d'];
const UNIT = { s: 1e9, m: 60e9, h: 3600e9, d: 86400e9, w: 604800e9 };

/* Nanoseconds of "now", "now-90m", RFC 3339, a date or seconds, as the server reads them. */
export function toNs(text, now = Date.now()) {
	const m = /^now(?:-(\d+)([smhdw]))?$/.exec(text ?? '');
	if (m)
		return now * 1e6 - (m[1] ? m[1] * UNIT[m[2]] : 0);
	return /^\d+$/.test(text) ? text * 1e9 : Date.parse(text) * 1e6;
}

/* The period of a page: {from, to} as they go to the server. */
export function usePeriod(normal = 'now-24h') {
	const [query, set] = useQuery();
	return [{ from: query.from || normal, to: query.to || 'now' }, (p, how) => set({ from: p.from, to: p.to === 'now' ? null : p.to }, how)];
}

const FIELDS = { year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' };
function wall(ms, zone) {
	const p = Object.fromEntries(new Intl.DateTimeFormat('en', { ...FIELDS, timeZone: zone }).formatToParts(ms).map((x) => [x.type, x.value]));
	return `${p.year}-${p.month}-${p.day}T${p.hour}:${p.minute}:${p.second}`;
}

export const toLocal = (ns) => wall(ns / 1e6, timeZone()).slice(0, 16);

/* What a clock on the wall of that zone shows, as a time; twice, for the days on which clocks are changed. */
export function fromLocal(text, zone = timeZone()) {
	const aim = Date.parse(text + (text.length === 16 ? ':00Z' : 'Z'));
	let ms = aim;
	for (let i = 0; i < 2; i++)
		ms += aim - Date.parse(wall(ms, zone) + 'Z');
	return f.rfc3339(new Date(ms));
}

export function Period({ normal = 'now-24h', stretches = STRETCHES }) {
	const [p, set] = usePeriod(normal);
	const [own, setOwn] = useState(false);
	const usual = p.to === 'now' && stretches.includes(p.from);
	const open = own || !usual;
	const submit = (e) => {
		e.preventDefault();
		const form = new FormData(e.currentTarget);
		set({ from: fromLocal(form.get('from')), to: fromLocal(form.get('to')) });
	};
	return html`<div class="period">
		<${Choice} label=${t('period.label')} value=${open ? 'own' : p.from} onChange=${(v) => (v === 'own' ? setOwn(true) : (setOwn(false), set({ from: v === normal ? null : v, to: 'now' })))}
			options=${[...stretches.map((s) => [s, t('period.' + s)]), ['own', t('period.own')]]} />
		${open && html`<form class="period" onSubmit=${submit} key=${p.from + p.to}>
			<label><span class="small">${t('period.from')}</span><input type="datetime-local" name="from" required defaultValue=${toLocal(toNs(p.from))} /></label>
			<label><span class="small">${t('period.to')}</span><input type="datetime-local" name="to" required defaultValue=${toLocal(toNs(p.to))} /></label>
			<button type="submit">${t('period.apply')}</button></form>`}
	</div>`;
}
