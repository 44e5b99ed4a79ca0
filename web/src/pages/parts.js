// SPDX-License-Identifier: Apache-2.0
/* Parts that several pages are made of. Texts from packets, names and remarks go through <Outside> alone. */
import * as f from '../lib/format.js';
import { html, useId, useRef, useState } from '../lib/html.js';
import { has, t, word } from '../lib/i18n.js';
import { Outside } from '../ui/basic.js';
import { CLASSES, className, severityName } from './kit.js';

/*
 * A table that is shown whole. columns: [{key, title, num, head, cell(row), value(row)}]; `head`: names the row.
 * The caption is always there for those who don't see the page.
 */
export function Table({ id, caption, columns, rows, empty, rowKey, quiet = true }) {
	if (!rows.length)
		return html`<p class="pg-quiet">${empty ?? t('pages.empty')}</p>`;
	const cell = (c, r) => (c.cell ? c.cell(r) : c.num ? f.number(r[c.key]) : html`<${Outside} text=${r[c.key]} />`);
	return html`<div class="pg-scroll" tabindex="0" role="group" aria-label=${caption}><table class="pg-table" id=${id}>
		<caption class=${quiet ? 'hidden' : ''}>${caption}</caption>
		<thead><tr>${columns.map((c) => html`<th scope="col" class=${c.num ? 'num' : ''}>${c.title}</th>`)}</tr></thead>
		<tbody>${rows.map((r, i) => html`<tr key=${rowKey ? rowKey(r) : i}>${columns.map((c) => c.head
			? html`<th scope="row" class=${c.num ? 'num' : ''} data-column=${c.key}>${cell(c, r)}</th>`
			: html`<td class=${c.num ? 'num' : ''} data-column=${c.key}>${cell(c, r)}</td>`)}</tr>`)}</tbody>
	</table></div>`;
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
	return `${f.dateTime(at)}.${part.padEnd(9, '0')}`;
}

/* "state: watch -> suspected": what a command noted of itself, in the reader's words; what people wrote stays. */
const NOTED = /^(state|close_code|holder|due|next_step): (.*)$/;
function noted(line) {
	const m = NOTED.exec(line);
	if (!m || !has('cases.' + m[1]))
		return line;
	const value = (x) => (m[1] === 'state' ? word('cases.state', x) : m[1] === 'close_code' ? word('cases.code', x) : m[1] === 'due' && Date.parse(x) ? f.dateTime(x) : x);
	return `${t('cases.' + m[1])}: ${m[1] === 'state' ? m[2].split(' -> ').map(value).join(' → ') : value(m[2])}`;
}

/* What people said, the oldest first. */
export function Remarks({ remarks }) {
	if (!remarks?.length)
		return html`<p class="pg-quiet">${t('findings.remarks.none')}</p>`;
	return html`<ol class="pg-remarks">${remarks.map((r) => html`<li><p class="pg-quiet"><${Time} at=${r.at} /> <${Outside} text=${r.who} /> · ${word('findings.remark', r.kind)}
		${r.until && html` (${t('findings.muted', { time: f.dateTime(r.until) })})`}</p>${String(r.text ?? '').split('\n').slice(0, 200).map((line) => html`<p class="pg-said"><${Outside} text=${noted(line)} max=${2048} /></p>`)}</li>`)}</ol>`;
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
/* What the server says of a value that is wrong; what else went wrong is said well enough in the reader's language. */
const told = (e) => (!e.words || e.status === 400 || e.status === 409 ? e.message : '');

export function Outcome({ state }) {
	return html`<p class=${state.error ? 'pg-failed' : 'pg-quiet'} role="status">${state.error
		? html`${state.error.words ?? ''} ${told(state.error) && html`<span class="small"><${Outside} text=${told(state.error)} max=${400} /></span>`}` : state.done ? t('pages.done') : state.busy ? t('pages.loading') : ''}</p>`;
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

export function Place({ place }) {
	if (!place || (!place.country && !place.asn))
		return html`<span class="pg-quiet">${t('pages.unknown')}</span>`;
	const inner = place.place ?? place;
	return html`<span>${place.country && f.country(place.country)}${inner.city && html`, <${Outside} text=${inner.city} />`}
		${place.asn && html` AS${place.asn}`}${place.as_name && html` <${Outside} text=${place.as_name} />`}</span>`;
}

/* Tools come as names, as {tool, packets}, or as counts of marks. */
export function toolNames(r) {
	const all = r.tools ?? r.marks ?? [];
	if (!Array.isArray(all))
		return Object.keys(all).filter((k) => all[k]);
	return all.map((x) => x.tool ?? x.name ?? x.mark ?? x);
}
export const toolText = (r) => toolNames(r).join(', ');
export const researchName = (r) => (r && typeof r === 'object' ? r.organisation ?? r.name : r) ?? '';
