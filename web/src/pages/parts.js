// SPDX-License-Identifier: Apache-2.0
/* Parts that several pages are made of. Texts from packets, names and remarks go through <Outside> alone. */
import { hasRight } from '../lib/api.js';
import * as f from '../lib/format.js';
import { html, useId, useRef, useState } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { timeZone } from '../lib/settings.js';
import { Outside } from '../ui/basic.js';
import { fields } from './filters.js';
import { CLASSES, className, csv, exploreAt, fromLocal, saveText, severityName, toLocal } from './kit.js';

/*
 * A table that is shown whole. columns: [{key, title, num, head, cell(row), value(row)}]; `head`: names the row.
 * The caption is always there for those who don't see the page.
 */
export function Table({ id, caption, columns, rows, empty, rowKey, quiet = true, save }) {
	if (!rows.length)
		return html`<p class="pg-quiet">${empty ?? t('pages.empty')}</p>`;
	const cell = (c, r) => (c.cell ? c.cell(r) : c.num ? f.number(r[c.key]) : html`<${Outside} text=${r[c.key]} />`);
	return html`<div class="pg-scroll" tabindex="0" role="region" aria-label=${caption}><table class="pg-table" id=${id}>
		<caption class=${quiet ? 'sr-only' : ''}>${caption}</caption>
		<thead><tr>${columns.map((c) => html`<th scope="col" class=${c.num ? 'num' : ''}>${c.title}</th>`)}</tr></thead>
		<tbody>${rows.map((r, i) => html`<tr key=${rowKey ? rowKey(r) : i}>${columns.map((c) => c.head
			? html`<th scope="row" data-column=${c.key}>${cell(c, r)}</th>`
			: html`<td class=${c.num ? 'num' : ''} data-column=${c.key}>${cell(c, r)}</td>`)}</tr>`)}</tbody>
	</table></div>${save && html`<${SaveTable} name=${save} columns=${columns} rows=${rows} />`}`;
}

export function SaveTable({ name, columns, rows }) {
	const take = () => saveText(`${name}.csv`, 'text/csv', csv(columns.map((c) => c.key),
		rows.map((r) => columns.map((c) => (c.value ? c.value(r) : r[c.key])))));
	return html`<p><button type="button" class="pg-small" onClick=${take}>${t('explore.download.top')}</button></p>`;
}

/* Name and value pairs. */
export function Facts({ pairs }) {
	return html`<dl class="pg-facts">${pairs.filter(Boolean).map(([name, value, key]) => html`<div data-fact=${key}>
		<dt>${name}</dt><dd>${value ?? t('pages.unknown')}</dd></div>`)}</dl>`;
}

export function Time({ at, ns }) {
	if (!at)
		return html`<span class="pg-quiet">–</span>`;
	return html`<time dateTime=${at} title=${at}>${ns ? timeNs(at) : f.dateTime(at)}</time>`;
}

export function Severity({ value }) {
	return html`<span class=${'pg-severity pg-severity-' + value}>${severityName(value)}</span>`;
}

export function Spoofable({ value }) {
	return html`<span class=${value ? 'pg-flag' : 'pg-quiet'}>${t(value ? 'findings.spoofable.yes' : 'findings.spoofable.no')}</span>`;
}

/* To the nanosecond, as the interface tells it; the date in front as people write it. */
export function timeNs(at) {
	const part = /\.(\d+)/.exec(at)?.[1] ?? '0';
	return `${f.dateTime(at)} .${part.padEnd(9, '0')}`;
}

/* What people said, the oldest first. */
export function Remarks({ remarks }) {
	if (!remarks?.length)
		return html`<p class="pg-quiet">${t('findings.remarks.none')}</p>`;
	return html`<ol class="pg-remarks">${remarks.map((r) => html`<li><p class="pg-quiet"><${Time} at=${r.at} /> <${Outside} text=${r.who} /> · ${word('findings.remark', r.kind)}
		${r.until && html` (${t('findings.muted', { time: f.dateTime(r.until) })})`}</p><p class="pg-said"><${Outside} text=${r.text} max=${2048} /></p></li>`)}</ol>`;
}

/* "JP 2,345, US 12": the counts of classes that are not 0. */
export function Classes({ counts, onPick }) {
	const some = CLASSES.filter((c) => counts?.[c]);
	return html`<ul class="pg-inline">${some.map((c) => html`<li>${onPick
		? html`<${Pick} value=${className(c)} onPick=${() => onPick(c)} />` : className(c)} ${f.number(counts[c])}</li>`)}</ul>`;
}

/* A value that becomes a filter when it is clicked. */
export function Pick({ value, children, onPick }) {
	return html`<button type="button" class="pg-pick" title=${t('pages.filter.by', { value })} onClick=${onPick}>${children
		?? html`<${Outside} text=${value} />`}</button>`;
}

/* ---- dialogs and forms ---- */

/* One labelled field; `help` is tied to it. */
export function Field({ label, help, kind = 'text', options, ...more }) {
	const id = useId();
	const tied = { id, 'aria-describedby': help ? id + '-help' : undefined, ...more };
	const control = kind === 'select'
		? html`<select ...${tied}>${options.map(([value, text]) => html`<option value=${value} selected=${String(more.value ?? '') === String(value)}>${text}</option>`)}</select>`
		: kind === 'area' ? html`<textarea rows="4" ...${tied}></textarea>` : html`<input type=${kind} ...${tied} />`;
	return html`<div class="pg-field"><label for=${id}>${label}</label>${control}
		${help && html`<p class="pg-help" id=${id + '-help'}>${help}</p>`}</div>`;
}

export const values = (form) => Object.fromEntries(new FormData(form));

/* What became of a command, told to those who listen too. */
export function Outcome({ state }) {
	return html`<p class=${state.error ? 'pg-failed' : 'pg-quiet'} role="status">${state.error
		? html`<${Outside} text=${state.error.message} />` : state.done ? t('pages.done') : state.busy ? t('pages.loading') : ''}</p>`;
}

export function Copy({ text, label }) {
	const [said, say] = useState('');
	const ref = useRef(null);
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(text);
			say(t('pages.copied'));
		} catch {
			getSelection().selectAllChildren(ref.current);
			say(t('pages.copy_failed'));
		}
	};
	return html`<div class="pg-copy"><code ref=${ref} tabindex="0" role="textbox" aria-readonly="true" aria-label=${label}>${text}</code>
		<button type="button" onClick=${copy}>${t('pages.copy')}</button><span role="status" class="pg-quiet">${said}</span></div>`;
}

/* The command that asks the same. */
export function Command({ words }) {
	const quote = (w) => (/^[\w@%+=:,./-]+$/.test(w) ? w : `'${w.replaceAll("'", `'\\''`)}'`);
	return html`<details class="pg-command"><summary>${t('pages.command')}</summary>
		${words.map((line) => html`<${Copy} label=${t('pages.command')} text=${line.map(quote).join(' ')} />`)}</details>`;
}

export function asking(path, params) {
	return ['sakimori', 'console', 'ask', path, ...Object.entries(params).map(([k, v]) => `${k}=${v}`)];
}

/* ---- period and filters ---- */

const PRESETS = [['now-1h', 'hour'], ['now-24h', 'day'], ['now-7d', 'week'], ['now-30d', 'month']];

export function Period({ query, set, period }) {
	const tz = timeZone();
	const preset = PRESETS.find(([from]) => (query.from ?? 'now-24h') === from && (query.to ?? 'now') === 'now');
	const [own, setOwn] = useState(false);
	const send = (e) => {
		e.preventDefault();
		const v = values(e.currentTarget);
		const from = fromLocal(v.from, tz), to = fromLocal(v.to, tz);
		if (from !== null && to !== null)
			set({ from: new Date(from).toISOString(), to: new Date(to).toISOString() });
	};
	return html`<div class="pg-period" role="group" aria-label=${t('pages.time.range')}>
		<div class="pg-presets">${PRESETS.map(([from, name]) => html`<button type="button" class="pg-small"
			aria-pressed=${preset?.[1] === name ? 'true' : 'false'} onClick=${() => set({ from, to: undefined })}>${t('pages.time.' + name)}</button>`)}
		<button type="button" class="pg-small" aria-expanded=${own || !preset ? 'true' : 'false'} onClick=${() => setOwn(!own)}>${t('pages.time.own')}</button></div>
		${(own || !preset) && html`<form class="pg-row" onSubmit=${send} key=${period.from + period.to}>
			<${Field} label=${t('pages.time.from')} kind="datetime-local" step="1" name="from" required defaultValue=${toLocal(period.fromMs, tz)} />
			<${Field} label=${t('pages.time.to')} kind="datetime-local" step="1" name="to" required defaultValue=${toLocal(period.toMs, tz)} />
			<button type="submit">${t('pages.time.apply')}</button></form>`}
		<p class="pg-quiet pg-small-text">${f.dateTime(period.from)} – ${f.dateTime(period.to)} (${t('pages.time.zone', { zone: tz })})</p></div>`;
}

export function Research({ query, set }) {
	return html`<${Field} label=${t('pages.research.label')} kind="select" value=${query.research ?? 'include'}
		onChange=${(e) => set({ research: e.target.value === 'include' ? undefined : e.target.value })}
		options=${[['include', t('pages.research.include')], ['exclude', t('pages.research.exclude')]]} />`;
}

/* Chips of the filters that hold, and a form for one more. */
export function Filters({ query, set, input }) {
	const may = fields.filter((x) => !x.right || hasRight(x.right));
	const [name, pick] = useState(may[0].name);
	const field = may.find((f) => f.name === name);
	const held = may.filter((f) => query[f.name]);
	const label = (f) => t('explore.field.' + f.name);
	const shown = (f, v) => (f.name === 'class' ? v.split(',').map(className).join(', ') : v);
	const send = (e) => {
		e.preventDefault();
		const v = values(e.currentTarget).value.trim();
		if (v) {
			set({ [name]: v });
			e.currentTarget.reset();
		}
	};
	return html`<div class="pg-filters" role="group" aria-label=${t('pages.filter.active')}>
		${held.length ? html`<ul class="pg-chips">${held.map((f) => html`<li><button type="button" class="pg-chip" data-filter=${f.name}
			onClick=${() => set({ [f.name]: undefined })} aria-label=${t('pages.filter.remove', { name: label(f), value: shown(f, query[f.name]) })}>
			<span>${label(f)}:</span> <${Outside} text=${shown(f, query[f.name])} /> <span aria-hidden="true">×</span></button></li>`)}
			${held.length > 1 && html`<li><button type="button" class="pg-small" onClick=${() => set(Object.fromEntries(held.map((f) => [f.name, undefined])))}>${t('pages.filter.clear')}</button></li>`}</ul>`
		: html`<p class="pg-quiet">${t('pages.filter.none')}</p>`}
		<form class="pg-row" onSubmit=${send}>
			<${Field} label=${t('pages.filter.field')} kind="select" name="field" value=${name} onChange=${(e) => pick(e.target.value)}
				options=${may.map((f) => [f.name, label(f)])} />
			${field.words ? html`<${Field} label=${t('pages.filter.value')} kind="select" name="value"
				options=${field.words.map((w) => [w, field.name === 'class' ? className(w) : w])} />`
			: html`<${Field} label=${t('pages.filter.value')} name="value" inputmode=${field.mode === 'number' ? 'numeric' : undefined}
				ref=${input} autocomplete="off" spellcheck="false" maxlength="64" />`}
			<button type="submit">${t('pages.filter.add')}</button></form></div>`;
}

export function Place({ place }) {
	if (!place || (!place.country && !place.asn))
		return html`<span class="pg-quiet">${t('pages.unknown')}</span>`;
	const inner = place.place ?? place;
	return html`<span>${place.country && f.country(place.country)}${inner.city && html`, <${Outside} text=${inner.city} />`}
		${place.asn && html` AS${place.asn}`}${place.as_name && html` <${Outside} text=${place.as_name} />`}</span>`;
}

export function ExploreLink({ more, query }) {
	return html`<${Link} href=${exploreAt(more, query)}>${t('pages.explore.this')}<//>`;
}
