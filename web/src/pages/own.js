// SPDX-License-Identifier: Apache-2.0
/* Own: addresses of the operator's live ranges that showed up in the dark space. */
import { hasRight, may } from '../lib/rights.js';
import { html, useState } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { navigate, useQuery } from '../lib/router.js';
import * as f from '../lib/format.js';
import { Period } from '../ui/period.js';
import { Answer, Outside, Panel } from '../ui/basic.js';
import { clean, kindName, useApi, useSpan } from './kit.js';
import { asking, Command, Table, Time } from './parts.js';
import { NewCase } from './case.js';

/* Nothing is known, or he may not see it: not the same. */
const known = (text) => (text ? html`<${Outside} text=${text} />` : html`<span class="pg-quiet">${hasRight('see-subscriber') ? t('core.none') : t('own.masked')}</span>`);

const idOf = (v) => v.id ?? v;

function columns(open, attacked) {
	return [
		{ key: 'address', title: t('pages.col.address'), head: true, cell: (r) => html`<${Outside} text=${r.address} mono />` },
		{ key: 'state', title: t('own.state'), cell: (r) => html`<span class=${'pg-state pg-state-' + (r.state ?? 'attacked')}>${word('own.state', r.state ?? 'attacked')}</span>
			${r.attacked && r.state ? html` <span class="pg-state pg-state-attacked">${t('own.state.attacked')}</span>` : ''}` },
		{ key: 'owner', title: t('own.owner'), cell: (r) => known(r.owner) },
		{ key: 'contact', title: t('own.contact'), cell: (r) => known(r.contact) },
		{ key: 'packets', title: t('pages.col.packets'), num: true, cell: (r) => f.number(attacked ? r.attacked_packets : r.packets) },
		{ key: 'first', title: t('pages.col.first'), cell: (r) => html`<${Time} at=${r.first} />` },
		{ key: 'last', title: t('pages.col.last'), cell: (r) => html`<${Time} at=${r.last} />` },
		{ key: 'findings', title: t('own.evidence'), cell: (r) => html`<ul class="pg-inline">${(r.findings ?? []).map((v) => html`<li><a href=${'/findings/' + idOf(v)}>${v.kind ? kindName(v.kind)
			: idOf(v).slice(0, 8)}</a></li>`)}</ul>` },
		{ key: 'case', title: t('own.case'), cell: (r) => (r.case ? html`<a href=${'/cases/' + encodeURIComponent(idOf(r.case))}>${idOf(r.case).slice(-8)}</a>`
			: open && r.state && html`<button type="button" class="pg-small" onClick=${() => open(r)}>${t('own.case.open')}</button>`) },
	];
}

function Both({ data }) {
	const [making, make] = useState(null);
	const open = may('analyst') && hasRight('see-subscriber') ? make : null;
	const suspects = data.rows.filter((r) => r.state), attacked = data.rows.filter((r) => r.attacked || !r.state);
	return html`<${Panel} title=${`${t('own.suspects')} (${f.number(suspects.length)})`}>
			<p class="pg-warning">${t('own.spoof')}</p>
			<${Table} id="own-suspects" caption=${t('own.suspects')} columns=${columns(open, false)} rows=${suspects} empty=${t('own.none')} rowKey=${(r) => r.address} /><//>
		<${Panel} title=${`${t('own.attacked')} (${f.number(attacked.length)})`}><p class="pg-quiet">${t('own.attacked.note')}</p>
			<${Table} id="own-attacked" caption=${t('own.attacked')} columns=${columns(null, true).filter((c) => c.key !== 'case')} rows=${attacked} empty=${t('own.none')} /><//>
		${making && html`<${NewCase} findings=${making.findings.map(idOf)} state=${making.state} onClose=${() => make(null)}
			onMade=${(id) => navigate('/cases/' + encodeURIComponent(id))} />`}`;
}

export default function Own() {
	const [query, set] = useQuery();
	const period = useSpan(query, 'now-7d');
	const params = clean({ from: period.from, to: period.to, sensor: query.sensor });
	const ask = useApi('/own', params);
	return html`<h1>${t('own.title')}</h1><p class="pg-intro">${t('own.intro')}</p>
		<${Period} normal="now-7d" />
		${!hasRight('see-subscriber') && html`<p class="pg-note">${t('pages.masked.why')}</p>`}
		<${Answer} of=${ask}>${(d) => html`<${Both} data=${d} />`}<//>
		<${Command} words=${[asking('/own', params)]} />`;
}
