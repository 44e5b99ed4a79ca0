// SPDX-License-Identifier: Apache-2.0
// Ports, countries, AS and tools of a stretch, and its totals, against the same stretch a day and a week before.
import { html, useEffect, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { api } from '../lib/api.js';
import { href } from '../lib/router.js';
import * as f from '../lib/format.js';
import { BarList, Delta } from '../ui/barlist.js';
import { Panel, Loading, Empty, Failed } from '../ui/basic.js';

const HOUR = 3600000, DAY = 24 * HOUR;
export const SPANS = { '1h': HOUR, '24h': DAY };
export const KINDS = ['port', 'country', 'as', 'tool'];
/* Tools that leave a mark in each packet, by which flows can be filtered. */
const MARKS = ['zmap', 'masscan', 'mirai', 'nmap'];
const ROWS = 10, BEFORE = 1000;

/* What was is asked once: answers of finished stretches by their address. */
const past = new Map();

async function was(path, params, signal) {
	const key = path + JSON.stringify(params);
	if (!past.has(key)) {
		if (past.size > 200)
			past.clear();
		past.set(key, await api(path, params, { signal }));
	}
	return past.get(key);
}

const stretch = (end, span) => ({ from: f.rfc3339(new Date(end - span)), to: f.rfc3339(new Date(end)) });

/* The question now, then a day and a week earlier, one after the other: a server is shared. merge(now, day, week) */
function useCompared(path, params, end, span, merge) {
	const [state, set] = useState({});
	const key = JSON.stringify([path, params, span]);
	useEffect(() => {
		const stop = new AbortController(), { signal } = stop;
		const ask = async () => {
			const now = await api(path, { ...stretch(end, span), ...params, limit: ROWS }, { signal });
			set((s) => ({ key, data: merge(now, s.key === key ? s.day : undefined, s.key === key ? s.week : undefined), day: s.day, week: s.week }));
			/* Ends on whole five minutes, so that they are asked for seldom. */
			const then = Math.floor(end / 300000) * 300000;
			const [day, week] = [await was(path, { ...stretch(then - DAY, span), ...params, limit: BEFORE }, signal),
				await was(path, { ...stretch(then - 7 * DAY, span), ...params, limit: BEFORE }, signal)];
			set({ key, data: merge(now, day, week), day, week });
		};
		ask().catch((error) => error.name !== 'AbortError' && set((s) => ({ ...s, key, error })));
		return () => stop.abort();
	}, [key, end]);
	return state.key === key ? state : {};
}

/* A stretch in which nothing at all came was before the first packet, or a gap: nothing to compare with. */
const rowsBy = (answer) => (answer?.rows.length ? new Map(answer.rows.map((r) => [r.key, r.packets])) : null);

/* A key that was not among the first thousand was not there, or hardly. */
function mergeTop(now, day, week) {
	const [d, w] = [rowsBy(day), rowsBy(week)];
	return { ...now, rows: now.rows.slice(0, ROWS).map((r) => ({ ...r, day: d ? d.get(r.key) ?? 0 : undefined, week: w ? w.get(r.key) ?? 0 : undefined })) };
}

/* Name and where a click leads. */
function named(kind, row) {
	if (kind === 'port') {
		const m = /^(\d+)\/(\w+)$/.exec(row.key);
		return { name: row.key, query: m && { dport: m[1], proto: m[2] } };
	}
	if (kind === 'country')
		return { name: f.country(row.key === 'unknown' ? null : row.key), query: row.key !== 'unknown' && { country: row.key } };
	if (kind === 'as') {
		const m = /^(?:AS)?(\d+)/.exec(row.key);
		return { name: row.key === 'unknown' ? t('core.unknown') : m ? 'AS' + row.key.replace(/^AS/, '') : row.key, query: m && { asn: m[1] } };
	}
	return { name: row.key === 'none' ? t('now.tool_none') : row.key, query: MARKS.includes(row.key) && { mark: row.key } };
}

export function Top({ kind, end, span, research, compact }) {
	const params = { by: kind, ...(research ? {} : { research: 'exclude' }) };
	const { data, error } = useCompared('/top', params, end, SPANS[span], mergeTop);
	/* A stretch that doesn't end now is named by its times: a click has to find what was counted. */
	const past = Math.abs(end - Date.now()) > 10 * 60000;
	const at = { ...(past ? stretch(end, SPANS[span]) : { from: 'now-' + span }), research: research ? null : 'exclude' };
	const rows = data?.rows.map((r) => {
		const { name, query } = named(kind, r);
		return { ...r, name, href: query ? href('/explore', { ...at, ...query }) : null };
	});
	return html`<${Panel} title=${t('now.top_' + kind)} cls="top">
		${rows ? (rows.length ? html`<${BarList} rows=${rows} label=${t('now.top_' + kind)} what=${t('now.col_' + kind)} compact=${compact} />` : html`<${Empty} />`)
			: error ? html`<${Failed} error=${error} />` : html`<${Loading} />`}<//>`;
}

/* Unique sources: null where the server can't say. */
const totals = (s) => s?.packets === undefined ? null : { packets: s.packets, sources: s.sources?.distinct4 === null ? null : (s.sources?.distinct4 ?? 0) + (s.sources?.distinct6 ?? 0) };

/* Packets and unique sources of the stretch. */
export function useTotals(end, span, research) {
	const params = research ? {} : { research: 'exclude' };
	return useCompared('/summary', params, end, SPANS[span], (now, day, week) => ({ now: totals(now), day: day?.packets ? totals(day) : null, week: week?.packets ? totals(week) : null }));
}

export function Total({ label, of, what }) {
	return html`<div class="stat"><dt>${label}</dt><dd>${of?.now ? f.number(of.now[what]) : t('core.wait')}</dd>
		<dd class="against">${['day', 'week'].map((k) => html`<span key=${k}><span class="small">${t('now.against_' + k)}</span> <${Delta} now=${of?.now?.[what]} then=${of?.[k]?.[what]} /></span>`)}</dd></div>`;
}
