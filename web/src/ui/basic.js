// SPDX-License-Identifier: Apache-2.0
// Small parts that all pages share.
import { html, useState, useRef, useEffect } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import * as f from '../lib/format.js';
import { say } from './toast.js';

/* Characters that hide, turn or end text: made visible. C0, C1, soft hyphen, zero width, direction, separators, BOM, tags. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;
export function visible(text) {
	return String(text ?? '').replace(HIDDEN, (c) => {
		const n = c.codePointAt(0);
		return n < 32 ? String.fromCodePoint(0x2400 + n) : n === 127 ? '\u2421' : `⟨${n.toString(16).toUpperCase().padStart(4, '0')}⟩`;
	});
}

/* Text that came from outside: packets, names of networks, comments. Never trusted to be short, one line, or one way. */
export function Outside({ text, max = 200, mono = false }) {
	const whole = String(text ?? '');
	/* For which text: a row of a table may be used for another one. */
	const [opened, open] = useState(null);
	const all = opened === whole;
	/* Cut before it is looked at: ten megabytes cost nothing until somebody wants them, and then a bounded part. */
	const shown = all ? whole.slice(0, 100000) : whole.slice(0, max);
	return html`<bdi dir="auto" class=${mono ? 'outside mono' : 'outside'}>${visible(shown)}${whole.length > shown.length && html`<span>…
		${!all && html` <button type="button" class="link" onClick=${() => open(whole)}>${t('core.show_all', { n: whole.length })}</button>`}</span>`}</bdi>`;
}

export function Address({ address, link = true }) {
	if (!address)
		return t('core.none');
	const text = html`<bdi class="mono">${visible(address).slice(0, 64)}</bdi>`;
	return link ? html`<a href=${'/sources/' + encodeURIComponent(address)}>${text}</a>` : text;
}

export function Copy({ text, label }) {
	const done = async () => {
		try {
			await navigator.clipboard.writeText(text);
			say(t('core.copied'));
		} catch {
			say(t('core.copy_failed'), 'bad');
		}
	};
	const name = label ?? t('core.copy');
	return html`<button type="button" class="icon" onClick=${done} title=${name} aria-label=${name}>⧉</button>`;
}

export const Time = ({ at }) => (at ? html`<time dateTime=${f.toDate(at).toISOString()} title=${f.toDate(at).toISOString()}>${f.dateTime(at)}</time>` : t('core.none'));

export function Ago({ at }) {
	const [, tick] = useState(0);
	useEffect(() => {
		const timer = setInterval(() => tick((n) => n + 1), 10000);
		return () => clearInterval(timer);
	}, []);
	return html`<time dateTime=${f.toDate(at).toISOString()} title=${f.dateTime(at)}>${f.ago(at)}</time>`;
}

/* How sure: a word, a number and a bar. value 0..100 */
export function Confidence({ value }) {
	const n = Math.max(0, Math.min(100, Math.round(value ?? 0)));
	const level = n >= 80 ? 'high' : n >= 50 ? 'medium' : 'low';
	const name = t('confidence.' + level);
	return html`<span class=${'meter ' + level} role="img" aria-label=${t('confidence.said', { level: name, n })}>
		<span class="meter-bar"><span style=${{ width: n + '%' }}></span></span><span class="num">${n}</span></span>`;
}

export const Badge = ({ kind = '', children }) => html`<span class=${'badge ' + kind}>${children}</span>`;
export const Loading = ({ label }) => html`<p class="state" role="status"><span class="spin" aria-hidden="true"></span>${label ?? t('core.loading')}</p>`;
export const Empty = ({ children }) => html`<p class="state">${children ?? t('core.empty')}</p>`;

export function Failed({ error, retry }) {
	return html`<div class="state bad" role="alert"><p>${error?.words ?? t('error.unknown', { code: '' })}</p>
		${error?.message && error?.status >= 400 && html`<p class="small"><${Outside} text=${error.message} /></p>`}
		${retry && html`<button type="button" onClick=${retry}>${t('core.retry')}</button>`}</div>`;
}

/* The three states around an answer of useApi(): children(data) when there is one. */
export function Answer({ of: q, children, empty }) {
	if (q.error && !q.data)
		return html`<${Failed} error=${q.error} retry=${q.reload} />`;
	if (q.data === undefined)
		return html`<${Loading} />`;
	return html`<div class=${q.loading && q.stale ? 'stale' : ''} aria-busy=${q.loading ? 'true' : 'false'}>
		${q.error && html`<${Failed} error=${q.error} retry=${q.reload} />`}
		${empty?.(q.data) ? html`<${Empty} />` : children(q.data)}</div>`;
}

export function Panel({ title, tools, children, cls = '', level = 2 }) {
	return html`<section class=${'panel ' + cls}>
		<header class="panel-head">${level === 2 ? html`<h2>${title}</h2>` : html`<h3>${title}</h3>`}${tools && html`<div class="tools">${tools}</div>`}</header>
		<div class="panel-body">${children}</div></section>`;
}

/* Choices of which one holds: buttons that say whether they are pressed. options: [[value, label], ..] */
export function Choice({ value, options, onChange, label }) {
	return html`<div class="choice" role="group" aria-label=${label}>${options.map(([v, name]) =>
		html`<button type="button" key=${v} aria-pressed=${v === value ? 'true' : 'false'} onClick=${() => onChange(v)}>${name}</button>`)}</div>`;
}

export function Switch({ on, onChange, children }) {
	return html`<label class="switch"><input type="checkbox" role="switch" checked=${on} onChange=${(e) => onChange(e.currentTarget.checked)} /><span>${children}</span></label>`;
}

/* A dialog of the browser's own: focus stays inside, Escape closes, focus goes back. */
export function Dialog({ title, onClose, children }) {
	const el = useRef(null), gone = useRef(false);
	useEffect(() => {
		const d = el.current;
		d?.showModal();
		return () => {
			/* The event of this closing comes later, when another dialog may be open. */
			gone.current = true;
			d?.close();
		};
	}, []);
	return html`<dialog ref=${el} aria-label=${title} onClose=${() => gone.current || onClose()} onCancel=${() => gone.current || onClose()}>
		<header class="panel-head"><h2>${title}</h2><button type="button" class="icon" onClick=${onClose} aria-label=${t('core.close')}>✕</button></header>
		<div class="panel-body">${children}</div></dialog>`;
}
