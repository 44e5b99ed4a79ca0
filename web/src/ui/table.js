// SPDX-License-Identifier: Apache-2.0
/*
 * One table for all lists. Short ones are drawn whole; a long one (`total` and `fetchRows`) shows a window of rows that
 * follows the scrolling, so that a million rows cost as much as thirty.
 *   id          its name in what the browser keeps
 *   label       what a reader of screens says it is
 *   columns     [{key, label, num, width, hidden, sort, wrap, render(row), text(row)}]; text: what is exported
 *   rows        all of them, or
 *   total, fetchRows(offset, limit, signal) -> promise of rows
 *   sort, onSort      {key, desc}; with `rows` alone the table sorts by itself
 *   onRow(row)        Enter or a click on a row
 *   exports           [[label, address], ..] of the server's files of the same question
 *   height            of the window in pixels
 */
import { html, useEffect, useMemo, useRef, useState, useCallback } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import * as f from '../lib/format.js';
import { keep, recall } from '../lib/settings.js';
import { useQuery } from '../lib/router.js';
import { Outside, Empty, Failed } from './basic.js';

const ROW = 30, HEAD = 31, BLOCK = 200, TALLEST = 8000000, WHOLE = 300;

export const cellText = (c, row) => (c.text ? c.text(row) : row[c.key]);
const cell = (c, row) => {
	if (c.render)
		return c.render(row);
	const v = row[c.key];
	return c.num && typeof v === 'number' ? f.number(v) : v === null || v === undefined ? t('core.none') : html`<${Outside} text=${v} max=${120} />`;
};

/* Visible columns: of the address, else as kept, else as the page means. */
function useColumns(id, columns) {
	const [query, set] = useQuery();
	const chosen = (query.cols ?? recall('cols.' + id))?.split(',');
	const seen = columns.filter((c) => (chosen ? chosen.includes(c.key) : !c.hidden));
	const toggle = (key) => {
		const keys = columns.filter((c) => (c.key === key) !== seen.includes(c)).map((c) => c.key);
		if (!keys.length)
			return;
		keep('cols.' + id, keys.join(','));
		set({ cols: keys.join(',') }, { replace: true });
	};
	return [seen.length ? seen : columns, toggle];
}

function Picker({ columns, seen, toggle }) {
	return html`<details class="menu"><summary class="button">${t('table.columns')}</summary><div class="menu-body">${columns.map((c) =>
		html`<label key=${c.key}>${c.label}<input type="checkbox" checked=${seen.includes(c)} onChange=${() => toggle(c.key)} /></label>`)}</div></details>`;
}

function compare(a, b) {
	if (typeof a === 'number' && typeof b === 'number')
		return a - b;
	return String(a ?? '').localeCompare(String(b ?? ''), undefined, { numeric: true });
}

/* CSV as RFC 4180; a cell that a spreadsheet would run is made text. */
export function toCsv(columns, rows) {
	const quote = (v) => {
		let s = String(v ?? '');
		if (typeof v !== 'number' && /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(s))
			s = "'" + s;
		return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
	};
	return [columns.map((c) => quote(c.label)), ...rows.map((r) => columns.map((c) => quote(cellText(c, r))))].map((l) => l.join(',')).join('\r\n') + '\r\n';
}

export function save(name, type, text) {
	const a = document.createElement('a');
	a.href = URL.createObjectURL(new Blob([text], { type }));
	a.download = name;
	a.click();
	setTimeout(() => URL.revokeObjectURL(a.href), 10000);
}

function Exports({ id, exports, columns, rows }) {
	if (exports)
		return exports.map(([label, url]) => html`<a class="button" key=${label} href=${url} download>${label}</a>`);
	if (!rows)
		return null;
	const json = () => JSON.stringify(rows.map((r) => Object.fromEntries(columns.map((c) => [c.key, cellText(c, r) ?? null]))), null, 1);
	return html`<button type="button" onClick=${() => save(id + '.csv', 'text/csv', toCsv(columns, rows))}>CSV</button>
		<button type="button" onClick=${() => save(id + '.json', 'application/json', json())}>JSON</button>`;
}

function Head({ columns, sort, onSort }) {
	return html`<thead><tr>${columns.map((c) => {
		const now = sort?.key === c.key;
		const order = now ? (sort.desc ? 'descending' : 'ascending') : undefined;
		return html`<th key=${c.key} scope="col" class=${c.num ? 'num' : ''} aria-sort=${order} style=${c.width ? { width: c.width + 'px' } : {}}>
			${onSort && c.sort !== false ? html`<button type="button" onClick=${() => onSort({ key: c.key, desc: now ? !sort.desc : !!c.num })}>${c.label}<span aria-hidden="true">${now ? (sort.desc ? '▾' : '▴') : ''}</span></button>`
				: html`<span>${c.label}</span>`}</th>`;
	})}</tr></thead>`;
}

function Row({ row, index, columns, onRow, here }) {
	const go = onRow && ((e) => !e.target.closest('a,button,input') && !String(getSelection()) && onRow(row));
	return html`<tr aria-rowindex=${index + 2} class=${(here ? 'here ' : '') + (onRow ? 'go' : '')} onClick=${go}>${columns.map((c) =>
		html`<td key=${c.key} class=${(c.num ? 'num' : '') + (c.wrap ? ' wrap' : '')}>${row ? cell(c, row) : '…'}</td>`)}</tr>`;
}

/* Blocks of rows as they are needed; those that scrolled away before they came are given up. */
function useBlocks(total, fetchRows) {
	const blocks = useRef(new Map());
	const [, drawn] = useState(0);
	const [error, setError] = useState(null);
	const source = useRef(fetchRows);
	if (source.current !== fetchRows) {
		source.current = fetchRows;
		for (const b of blocks.current.values())
			b.stop?.abort();
		blocks.current = new Map();
	}
	const want = useCallback((first, n) => {
		const all = blocks.current, from = Math.floor(first / BLOCK), to = Math.floor(Math.min(total - 1, first + n) / BLOCK);
		for (const [k, b] of all) {
			if (b.stop && (k < from - 1 || k > to + 1)) {
				b.stop.abort();
				all.delete(k);
			}
		}
		for (let k = from; k <= to; k++) {
			if (all.has(k))
				continue;
			const b = { stop: new AbortController() };
			all.set(k, b);
			source.current(k * BLOCK, Math.min(BLOCK, total - k * BLOCK), b.stop.signal).then((rows) => {
				Object.assign(b, { rows, stop: null });
				setError(null);
				drawn((x) => x + 1);
			}, (e) => {
				all.delete(k);
				if (e.name !== 'AbortError')
					setError(e);
			});
		}
		/* What is far away is forgotten: 100 blocks are 20,000 rows. */
		for (const k of [...all.keys()].filter(() => all.size > 100).filter((x) => Math.abs(x - from) > 50))
			all.delete(k);
	}, [total]);
	const row = (i) => blocks.current.get(Math.floor(i / BLOCK))?.rows?.[i % BLOCK];
	return [row, want, error];
}

function Virtual({ label, columns, total, fetchRows, sort, onSort, onRow, height }) {
	const el = useRef(null);
	const fit = Math.max(1, Math.floor((height - HEAD) / ROW));
	const last = Math.max(0, total - fit);
	const tall = Math.min(total * ROW, TALLEST);
	const exact = total * ROW <= TALLEST;
	const [first, setFirst] = useState(0);
	const [here, setHere] = useState(-1);
	const [row, want, error] = useBlocks(total, fetchRows);
	const own = useRef(false);
	useEffect(() => {
		const timer = setTimeout(() => want(first, fit + 1), 40);
		return () => clearTimeout(timer);
	}, [first, fit, total, fetchRows]);
	useEffect(() => {
		setFirst(0);
		setHere(-1);
		el.current.scrollTop = 0;
	}, [fetchRows]);
	const show = (n) => {
		const to = Math.max(0, Math.min(last, Math.round(n)));
		setFirst(to);
		own.current = true;
		el.current.scrollTop = exact ? to * ROW : last ? to / last * (tall + HEAD - height) : 0;
	};
	const scrolled = () => {
		if (own.current) {
			own.current = false;
			return;
		}
		const at = el.current.scrollTop;
		setFirst(Math.max(0, Math.min(last, exact ? Math.floor(at / ROW) : Math.round(at / Math.max(1, tall + HEAD - height) * last))));
	};
	/* Where a pixel of the bar is many rows, the wheel still moves by rows. */
	useEffect(() => {
		if (exact)
			return undefined;
		const wheel = (e) => {
			if (e.ctrlKey || !e.deltaY)
				return;
			e.preventDefault();
			show(first + e.deltaY / ROW);
		};
		el.current.addEventListener('wheel', wheel, { passive: false });
		return () => el.current?.removeEventListener('wheel', wheel);
	});
	const key = (e) => {
		if (e.target !== el.current)
			return;
		const step = { ArrowDown: 1, ArrowUp: -1, PageDown: fit, PageUp: -fit, Home: -total, End: total }[e.key];
		if (step) {
			e.preventDefault();
			const to = Math.max(0, Math.min(total - 1, (here < 0 ? first - (step > 0 ? 1 : 0) : here) + step));
			setHere(to);
			if (to < first || to >= first + fit)
				show(to < first ? to : to - fit + 1);
		} else if (e.key === 'Enter' && onRow && row(here))
			onRow(row(here));
	};
	const seen = Array.from({ length: Math.min(fit + (exact ? 1 : 0), total - first) }, (_, i) => first + i);
	return html`${error && html`<${Failed} error=${error} retry=${() => want(first, fit + 1)} />`}
		<div class="grid-scroll virtual" ref=${el} tabIndex="0" role="group" aria-label=${label} onScroll=${scrolled} onKeyDown=${key} style=${{ height: height + 'px' }}>
		<div style=${{ height: tall + HEAD + 'px' }}><table aria-label=${label} aria-rowcount=${total + 1} aria-colcount=${columns.length} style=${{ minWidth: columns.reduce((n, c) => n + (c.width ?? 110), 0) + 'px' }}>
		<${Head} columns=${columns} sort=${sort} onSort=${onSort} />
		<tbody>${seen.map((i) => html`<${Row} key=${i % (fit + 1)} index=${i} row=${row(i)} columns=${columns} onRow=${onRow} here=${i === here} />`)}</tbody></table></div></div>`;
}

export function DataTable({ id, label, columns, rows, total, fetchRows, sort, onSort, onRow, exports, height = 560, picker = true, foot = true }) {
	const [seen, toggle] = useColumns(id, columns);
	const [own, setOwn] = useState(null);
	const by = sort ?? own;
	const sorted = useMemo(() => {
		if (!rows || onSort || !by)
			return rows;
		const c = columns.find((x) => x.key === by.key);
		const value = (r) => (typeof r[c.key] === 'number' ? r[c.key] : cellText(c, r));
		return [...rows].sort((a, b) => compare(value(a), value(b)) * (by.desc ? -1 : 1));
	}, [rows, by?.key, by?.desc, onSort]);
	const count = rows ? rows.length : total ?? 0;
	const whole = useCallback((offset, limit) => Promise.resolve(sorted.slice(offset, offset + limit)), [sorted]);
	if (!count)
		return html`<${Empty} />`;
	const virtual = fetchRows || count > WHOLE;
	const sorting = onSort ?? (rows ? setOwn : null);
	return html`<div class="grid">
		${virtual ? html`<${Virtual} label=${label} columns=${seen} total=${count} fetchRows=${fetchRows ?? whole} sort=${by} onSort=${sorting} onRow=${onRow} height=${Math.min(height, count * ROW + HEAD + 2)} />`
			: html`<div class="grid-scroll" tabIndex="0" role="group" aria-label=${label} style=${{ maxHeight: height + 'px' }}><table aria-label=${label}><${Head} columns=${seen} sort=${by} onSort=${sorting} />
				<tbody>${sorted.map((r, i) => html`<${Row} key=${r.id ?? r.key ?? i} index=${i} row=${r} columns=${seen} onRow=${onRow} />`)}</tbody></table></div>`}
		${foot && html`<div class="grid-foot"><span class="small">${t('table.rows', { n: count })}</span>
			<div class="tools">${picker && columns.length > 3 && html`<${Picker} columns=${columns} seen=${seen} toggle=${toggle} />`}
			<${Exports} id=${id} exports=${exports} columns=${seen} rows=${sorted} /></div></div>`}</div>`;
}
