// SPDX-License-Identifier: Apache-2.0
/*
 * Packets over time, stacked by class; a stretch is chosen by dragging, or by keys (arrows, Shift, Enter, Escape).
 *   data      the answer of /timeline: {from_ns, bin_ns, bins, classes: {name: [n..]}, gaps: [{from_ns, to_ns}]}
 *   onBrush(from, to)    RFC 3339; from where to where
 */
import uPlot from 'uplot';
import { html, useEffect, useRef, useState, useMemo } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { CLASSES, COLOURS } from '../lib/classes.js';
import { dark, timeZone } from '../lib/settings.js';
import { useStore } from '../lib/store.js';
import * as f from '../lib/format.js';
import { DataTable } from './table.js';

/* Classes that occur, in the order of the nine, then others: with their counts. */
function series(data) {
	const names = Object.keys(data.classes ?? {}).filter((n) => data.classes[n].some((x) => x));
	const rank = (n) => (CLASSES.indexOf(n) + 100) % 100;
	return names.sort((a, b) => rank(a) - rank(b));
}

function colour(name, isDark) {
	const at = CLASSES.indexOf(name);
	return COLOURS[isDark ? 'dark' : 'light'][at < 0 ? 6 : at];
}

/* Sums from below: the highest is drawn first, the others over it. */
function stacked(data, names) {
	const sums = [];
	let below = new Array(data.bins).fill(0);
	for (const n of names) {
		below = below.map((x, i) => x + (data.classes[n][i] ?? 0));
		sums.unshift(below);
	}
	return [Array.from({ length: data.bins }, (_, i) => (data.from_ns + i * data.bin_ns) / 1e9), ...sums];
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/* light-dark() isn't resolved in a custom property: a throwaway element does it. */
function ink(name) {
	const probe = document.createElement('i');
	probe.style.color = css(name);
	document.body.append(probe);
	const value = getComputedStyle(probe).color;
	probe.remove();
	return value;
}

function drawGaps(u, gaps) {
	const { ctx, bbox } = u;
	ctx.save();
	ctx.fillStyle = ink('--edge');
	ctx.globalAlpha = .35;
	for (const g of gaps ?? []) {
		const a = Math.max(bbox.left, u.valToPos(g.from_ns / 1e9, 'x', true));
		const b = Math.min(bbox.left + bbox.width, u.valToPos(g.to_ns / 1e9, 'x', true));
		if (b >= a)
			ctx.fillRect(a, bbox.top, Math.max(1, b - a), bbox.height);
	}
	ctx.restore();
}

function options(data, names, isDark, width, height, onBrush) {
	const grid = { stroke: ink('--line'), width: 1 }, stroke = ink('--soft');
	const bars = uPlot.paths.bars({ size: [1, Infinity], align: 1 });
	return {
		width, height, legend: { show: false }, padding: [8, 8, 0, 0],
		tzDate: (s) => uPlot.tzDate(new Date(s * 1000), timeZone()),
		scales: { x: { range: () => [data.from_ns / 1e9, (data.from_ns + data.bins * data.bin_ns) / 1e9] }, y: { range: (u, lo, hi) => [0, Math.max(1, hi * 1.05)] } },
		axes: [{ stroke, space: 96, grid: { show: false }, ticks: grid, font: '12px system-ui', values: (u, ticks) => ticks.map((s, i) => axisTime(s, ticks, i)) },
			{ stroke, grid, ticks: { show: false }, size: 56, font: '12px system-ui', values: (u, ticks) => ticks.map((n) => (n % 1 ? '' : f.short(n))) }],
		series: [{}, ...[...names].reverse().map((n) => ({ label: n, fill: colour(n, isDark), width: 0, points: { show: false }, paths: bars }))],
		cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
		hooks: { draw: [(u) => drawGaps(u, data.gaps)], setSelect: [(u) => onBrush(u)] },
	};
}

function axisTime(s, ticks, i) {
	const day = (x) => f.date(new Date(x * 1000)), step = ticks[1] - ticks[0];
	const at = new Date(s * 1000);
	if (step >= 86400)
		return f.date(at);
	return i === 0 || day(s) !== day(ticks[i - 1]) ? f.minute(at) : f.clock(at).slice(0, step < 60 ? 8 : 5);
}

/* Which bins the keys have chosen: [cursor, other end]. */
function useKeys(data, onBrush) {
	const [at, set] = useState(null);
	const key = (e) => {
		const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -data.bins, End: data.bins }[e.key];
		if (step) {
			e.preventDefault();
			const to = Math.max(0, Math.min(data.bins - 1, (at ? at[0] : step > 0 ? -1 : data.bins) + step));
			set([to, e.shiftKey && at ? at[1] : to]);
		} else if (e.key === 'Enter' && at) {
			onBrush?.(...ends(data, Math.min(...at), Math.max(...at) + 1));
			set(null);
		} else if (e.key === 'Escape')
			set(null);
	};
	return [at, key];
}

const ends = (data, a, b) => [a, b].map((i) => f.rfc3339(new Date((data.from_ns + i * data.bin_ns) / 1e6)));

function Said({ data, names, at }) {
	if (!at)
		return html`<span class="hidden">${t('timeline.keys')}</span>`;
	const [a, b] = [Math.min(...at), Math.max(...at)];
	const sum = names.reduce((n, c) => n + data.classes[c].slice(a, b + 1).reduce((x, y) => x + y, 0), 0);
	const [from, to] = ends(data, a, b + 1);
	return t('timeline.said', { from: f.dateTime(from), to: f.dateTime(to), n: sum });
}

/* The same as a table, in at most 200 rows. */
function Table({ data, names }) {
	const per = Math.ceil(data.bins / 200);
	const rows = [];
	for (let i = 0; i < data.bins; i += per) {
		const row = { key: i, at: f.rfc3339(new Date((data.from_ns + i * data.bin_ns) / 1e6)), packets: 0 };
		for (const n of names) {
			row[n] = data.classes[n].slice(i, i + per).reduce((x, y) => x + y, 0);
			row.packets += row[n];
		}
		rows.push(row);
	}
	const columns = [{ key: 'at', label: t('timeline.from'), render: (r) => f.dateTime(r.at) }, { key: 'packets', label: t('top.packets'), num: true },
		...names.map((n) => ({ key: n, label: word('class', n), num: true }))];
	return html`<${DataTable} id="timeline" label=${t('timeline.label')} columns=${columns} rows=${rows} height=${320} />`;
}

export function TimeLine({ data, onBrush, height = 180, table = true }) {
	const el = useRef(null), plot = useRef(null), told = useRef(onBrush);
	told.current = onBrush;
	const isDark = useStore(dark);
	const names = useMemo(() => series(data), [data]);
	const [at, key] = useKeys(data, onBrush);
	useEffect(() => {
		const brush = (u) => {
			if (u.select.width < 3)
				return;
			const a = u.posToIdx(u.select.left), b = u.posToIdx(u.select.left + u.select.width) + 1;
			u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
			told.current?.(...ends(data, a, Math.min(data.bins, Math.max(a + 1, b))));
		};
		const u = new uPlot(options(data, names, isDark, el.current.clientWidth || 600, height, brush), stacked(data, names), el.current);
		plot.current = u;
		const watch = new ResizeObserver(() => el.current && u.setSize({ width: el.current.clientWidth, height }));
		watch.observe(el.current);
		return () => {
			watch.disconnect();
			u.destroy();
		};
	}, [data, names, isDark, height]);
	useEffect(() => {
		const u = plot.current;
		if (!u)
			return;
		const x = (i) => u.valToPos((data.from_ns + i * data.bin_ns) / 1e9, 'x');
		const left = at ? x(Math.min(...at)) : 0;
		u.setSelect({ left, top: 0, width: at ? Math.max(2, x(Math.max(...at) + 1) - left) : 0, height: u.over.clientHeight }, false);
	}, [at]);
	return html`<div class="timeline">
		<div ref=${el} tabIndex="0" role="application" aria-roledescription=${t('timeline.role')} aria-label=${t('timeline.label')} onKeyDown=${key}></div>
		<div class="tools"><ul class="key">${names.map((n) => html`<li key=${n}><i style=${{ background: colour(n, isDark) }}></i>${word('class', n)}</li>`)}</ul>
			<span class="small" aria-live="polite"><${Said} data=${data} names=${names} at=${at} /></span></div>
		${table && html`<details><summary class="small">${t('core.as_table')}</summary><${Table} data=${data} names=${names} /></details>`}</div>`;
}
