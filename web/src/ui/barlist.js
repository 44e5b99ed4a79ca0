// SPDX-License-Identifier: Apache-2.0
// The most of something: packets as a bar, unique sources beside, against the same stretch a day and a week before.
import { html } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import * as f from '../lib/format.js';
import { Outside } from './basic.js';

/* now against then; undefined: not known. A change below 5 % is none. */
export function Delta({ now, then }) {
	if (then === undefined || then === null)
		return html`<span class="delta">${t('core.none')}</span>`;
	if (!then)
		return now ? html`<span class="delta new">${t('delta.new')}</span>` : html`<span class="delta">${t('core.none')}</span>`;
	const change = now / then - 1;
	if (change > 9.995)
		return html`<span class="delta up" title=${f.number(then)}>▲ ×${f.decimal(now / then, 0)}</span>`;
	const sign = change > .05 ? '▲ ' : change < -.05 ? '▼ ' : '';
	return html`<span class=${'delta' + (change > .5 ? ' up' : '')} title=${f.number(then)}>${sign}${f.signed(change)}</span>`;
}

/* rows: [{key, name, href, packets, sources, day, week}] */
export function BarList({ rows, label, what, compact = false }) {
	const most = Math.max(1, ...rows.map((r) => r.packets));
	return html`<table class="bars" aria-label=${label}><thead><tr><th scope="col">${what}</th><th scope="col" class="num">${t('top.packets')}</th><th scope="col" class="num">${t('top.sources')}</th>
		${!compact && html`<th scope="col" class="num">${t('top.day')}</th><th scope="col" class="num">${t('top.week')}</th>`}</tr></thead>
		<tbody>${rows.map((r) => html`<tr key=${r.key}><td><span class="fill" style=${{ width: r.packets / most * 100 + '%' }}></span><span class="name">${r.href ? html`<a href=${r.href}><${Outside} text=${r.name ?? r.key} max=${80} /></a>` : html`<${Outside} text=${r.name ?? r.key} max=${80} />`}</span></td>
			<td class="num">${f.number(r.packets)}</td><td class="num">${f.number(r.sources)}</td>
			${!compact && html`<td class="num"><${Delta} now=${r.packets} then=${r.day} /></td><td class="num"><${Delta} now=${r.packets} then=${r.week} /></td>`}</tr>`)}</tbody></table>`;
}
