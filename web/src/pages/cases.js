// SPDX-License-Identifier: Apache-2.0
/* Cases: what is done about a suspected device, by whom, until when. */
import { hasRight, may } from '../lib/rights.js';
import { html, useState } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { useQuery } from '../lib/router.js';
import * as f from '../lib/format.js';
import { Answer, Dialog, Outside, Panel } from '../ui/basic.js';
import { clean, kindName, useApi, useCommand } from './kit.js';
import { asking, Command, Facts, Field, Outcome, Remarks, Table, Time } from './parts.js';
import { CODES, formOf, StateField, Step } from './case.js';

const STATES = ['', 'open', 'watch', 'suspected', 'closed'];
const late = (c) => c.due && !c.close_code && Date.parse(c.due) < Date.now();
const listOf = (v) => (Array.isArray(v) ? v : String(v ?? '').split('\n').filter(Boolean));

const State = ({ value }) => html`<span class=${'pg-state pg-state-' + value}>${word('cases.state', value)}</span>`;

function Due({ c }) {
	return html`<${Time} at=${c.due} />${late(c) && html` <strong class="pg-flag">${t('cases.overdue')}</strong>`}`;
}

const columns = () => [
	{ key: 'id', title: t('pages.col.id'), head: true, cell: (r) => html`<a class="pg-row-link mono" href=${'/cases/' + encodeURIComponent(r.id)}>${r.id.slice(-12)}</a>` },
	{ key: 'state', title: t('cases.state'), cell: (r) => html`<${State} value=${r.state} />` },
	{ key: 'party', title: t('cases.party') },
	{ key: 'opened', title: t('cases.opened'), cell: (r) => html`<${Time} at=${r.opened} />` },
	{ key: 'next_step', title: t('cases.next_step') },
	{ key: 'due', title: t('cases.due'), cell: (r) => html`<${Due} c=${r} />` },
	{ key: 'holder', title: t('cases.holder') },
	{ key: 'findings', title: t('cases.findings'), num: true, cell: (r) => f.number(listOf(r.findings).length) },
	{ key: 'close_code', title: t('cases.close_code'), cell: (r) => (r.close_code ? word('cases.code', r.close_code) : '–') },
];

function List() {
	const [query, set] = useQuery();
	const params = clean({ state: query.state, limit: 1000 });
	const ask = useApi('/cases', params);
	return html`<h1>${t('cases.title')}</h1><p class="pg-intro">${t('cases.intro')}</p>
		<div class="pg-presets" role="group" aria-label=${t('cases.state')}>${STATES.map((s) => html`<button type="button" class="pg-small"
			aria-pressed=${(query.state ?? '') === s ? 'true' : 'false'} onClick=${() => set({ state: s || undefined })}>${t('cases.state.' + (s || 'all'))}</button>`)}</div>
		${!hasRight('see-subscriber') && html`<p class="pg-note">${t('pages.masked.why')}</p>`}
		<${Panel} title=${t('cases.list')}><${Answer} of=${ask}>${(d) => html`<${Table} id="cases" caption=${t('cases.list')} columns=${columns()} rows=${d.rows} rowKey=${(r) => r.id}
			empty=${t('cases.none')} />`}<//><//>
		<p class="pg-quiet">${t('cases.confirmed.why')}</p><${Command} words=${[asking('/cases', params)]} />`;
}

function Change({ c, seen, onClose, again }) {
	const [run, said] = useCommand(() => { again(); onClose(); });
	const send = (e) => {
		e.preventDefault();
		run('/cases/' + encodeURIComponent(c.id), { ...formOf(e.currentTarget), seen });
	};
	return html`<${Dialog} title=${t('cases.update.title')} onClose=${onClose}><form onSubmit=${send}><${StateField} value=${c.state} /><${Step} c=${c} />
		<${Outcome} state=${said} /><div class="pg-row"><button type="submit" class="primary" disabled=${said.busy}>${t('pages.save')}</button>
		<button type="button" onClick=${onClose}>${t('pages.cancel')}</button></div></form><//>`;
}

function Close({ c, seen, onClose, again }) {
	const [run, said] = useCommand(() => { again(); onClose(); });
	const send = (e) => {
		e.preventDefault();
		run('/cases/' + encodeURIComponent(c.id), { ...formOf(e.currentTarget), seen });
	};
	return html`<${Dialog} title=${t('cases.close.title')} onClose=${onClose}><form onSubmit=${send}>
		<${Field} label=${t('cases.close.code')} kind="select" name="close_code" required options=${CODES.map((x) => [x, t('cases.code.' + x)])} />
		<${Field} label=${t('cases.note')} kind="area" name="note" maxlength="2000" />
		<${Outcome} state=${said} /><div class="pg-row"><button type="submit" class="primary" disabled=${said.busy}>${t('cases.close')}</button>
		<button type="button" onClick=${onClose}>${t('pages.cancel')}</button></div></form><//>`;
}

function One({ d, again }) {
	const c = d.case ?? d;
	const [dialog, open] = useState(null);
	const findings = (d.findings ?? listOf(c.findings)).map((v) => (v.id ? v : { id: v }));
	return html`<h1>${t('cases.one', { id: c.id.slice(-12) })}</h1>
		<p class="pg-row"><a href="/cases">← ${t('cases.back')}</a>${may('analyst') && hasRight('see-subscriber') && !c.close_code && html`
			<button type="button" class="primary" onClick=${() => open('change')}>${t('cases.update')}</button>
			<button type="button" onClick=${() => open('close')}>${t('cases.close')}</button>`}</p>
		<div class="pg-grid"><${Panel} title=${t('findings.facts')}><${Facts} pairs=${[
			[t('cases.state'), html`<${State} value=${c.state} />`, 'state'],
			[t('cases.party'), c.party ? html`<${Outside} text=${c.party} />` : '–'],
			listOf(c.devices).length > 0 && [t('cases.devices'), html`<${Outside} text=${listOf(c.devices).join(', ')} />`],
			[t('cases.opened'), html`<${Time} at=${c.opened} />`],
			[t('cases.next_step'), c.next_step ? html`<${Outside} text=${c.next_step} />` : '–', 'next_step'],
			[t('cases.due'), html`<${Due} c=${c} />`, 'due'],
			[t('cases.holder'), c.holder ? html`<${Outside} text=${c.holder} />` : '–', 'holder'],
			c.close_code && [t('cases.close_code'), word('cases.code', c.close_code), 'close_code'],
			[t('pages.col.id'), html`<code>${c.id}</code>`],
		]} /><p class="pg-quiet">${t('cases.confirmed.why')}</p><//>
		<${Panel} title=${t('cases.timeline')}><${Remarks} remarks=${d.remarks} /><//>
		<${Panel} title=${t('cases.findings')} cls="pg-wide"><${Table} id="case-findings" caption=${t('cases.findings')} rows=${findings} columns=${[
			{ key: 'id', title: t('pages.col.id'), head: true, cell: (r) => html`<a class="mono" href=${'/findings/' + encodeURIComponent(r.id)}>${r.id.slice(0, 8)}</a>` },
			{ key: 'kind', title: t('pages.col.kind'), cell: (r) => (r.kind ? kindName(r.kind) : '–') },
			{ key: 'subject', title: t('pages.col.subject') },
			{ key: 'packets', title: t('pages.col.packets'), num: true },
			{ key: 'last', title: t('pages.col.last'), cell: (r) => html`<${Time} at=${r.last} />` }]} /><//></div>
		${dialog === 'change' && html`<${Change} c=${c} seen=${d.changed} again=${again} onClose=${() => open(null)} />`}
		${dialog === 'close' && html`<${Close} c=${c} seen=${d.changed} again=${again} onClose=${() => open(null)} />`}`;
}

function Case({ id }) {
	const ask = useApi('/cases/' + encodeURIComponent(id));
	return html`<${Answer} of=${ask}>${(d) => html`<${One} d=${d} again=${ask.reload} />`}<//>`;
}

export default function Page({ id }) {
	return id ? html`<${Case} id=${id} key=${id} />` : html`<${List} />`;
}
