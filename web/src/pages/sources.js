// SPDX-License-Identifier: Apache-2.0
/* Sources: who sent. The list, and one page an address (source.js). */
import { api } from '../lib/api.js';
import { html, useCallback, useMemo } from '../lib/html.js';
import * as f from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { navigate, useQuery } from '../lib/router.js';
import { Answer, Outside, Panel } from '../ui/basic.js';
import { Filters, filtersOf } from '../ui/filters.js';
import { Period } from '../ui/period.js';
import { DataTable } from '../ui/table.js';
import { clean, sourceAt, useApi, useSpan } from './kit.js';
import { asking, Classes, Command, Field, Place, researchName, Time, toolText, values } from './parts.js';
import { Source } from './source.js';

function columns(query) {
	return [
		{ key: 'address', label: t('pages.col.address'), render: (r) => html`<a class="pg-row-link mono" href=${sourceAt(r.address, query)}>${r.address}</a>`, sort: false, width: 160 },
		{ key: 'packets', label: t('pages.col.packets'), num: true, width: 100 },
		{ key: 'targets', label: t('pages.col.targets'), num: true, width: 110 },
		{ key: 'ports', label: t('pages.col.ports'), num: true, width: 110, text: (r) => (Array.isArray(r.ports) ? r.ports.length : r.ports),
			render: (r) => f.number(Array.isArray(r.ports) ? r.ports.length : r.ports) },
		{ key: 'classes', label: t('pages.col.classes'), sort: false, text: (r) => JSON.stringify(r.classes), render: (r) => html`<${Classes} counts=${r.classes} />`, width: 200 },
		{ key: 'tools', label: t('pages.col.tools'), sort: false, text: toolText, width: 110, render: (r) => html`<${Outside} text=${toolText(r) || t('core.none')} />` },
		{ key: 'place', label: t('pages.col.place'), sort: false, text: (r) => (r.place?.country ?? r.country ?? ''), render: (r) => html`<${Place} place=${r.place?.country !== undefined ? r.place : r} />`, width: 180 },
		{ key: 'research', label: t('pages.col.research'), sort: false, text: (r) => researchName(r.research), width: 140,
			render: (r) => (r.research ? html`<${Outside} text=${researchName(r.research)} />` : t('core.none')) },
		{ key: 'first', label: t('pages.col.first'), sort: false, hidden: true, render: (r) => html`<${Time} at=${r.first} />`, width: 170 },
		{ key: 'last', label: t('pages.col.last'), sort: false, render: (r) => html`<${Time} at=${r.last} />`, width: 170 },
	];
}

function Sources() {
	const [query, set] = useQuery();
	const span = useSpan(query);
	const params = clean({ from: span.from, to: span.to, ...filtersOf(query), sort: query.sort ?? 'packets' });
	const key = JSON.stringify(params);
	const ask = useApi('/sources', { ...params, limit: 1 });
	const rows = useCallback((offset, limit, signal) => api('/sources', { ...params, offset, limit }, { signal }).then((d) => d.rows), [key]);
	const cols = useMemo(() => columns(query), [query]);
	const find = (e) => {
		e.preventDefault();
		const a = values(e.currentTarget).address.trim();
		if (a)
			navigate(sourceAt(a, query));
	};
	return html`<h1>${t('sources.title')}</h1><p class="pg-intro">${t('sources.intro')}</p>
		<div class="pg-controls"><${Period} /><${Filters} />
		<form class="pg-row" onSubmit=${find} role="search"><${Field} label=${t('sources.find')} name="address" required maxlength="45" autocomplete="off" spellcheck=${false} />
			<button type="submit">${t('sources.find.go')}</button></form></div>
		<${Panel} title=${t('sources.list')}><${Answer} of=${ask} empty=${(d) => !d.rows.length}>${(d) => html`
			<p class="small" role="status" data-number="sources" data-total=${d.total}>${t('sources.total', { total: f.number(d.total), packets: f.number(d.packets) })}</p>
			<${DataTable} id="sources" label=${t('sources.list')} columns=${cols} total=${d.total} fetchRows=${rows} sort=${{ key: query.sort ?? 'packets', desc: true }}
				onSort=${(s) => /^(packets|targets|ports)$/.test(s.key) && set({ sort: s.key === 'packets' ? null : s.key })} height=${620} />`}<//>
			<p class="small">${t('sources.spoof')}</p><//>
		<${Command} words=${[asking('/sources', params)]} />`;
}

export default function Page({ id }) {
	return id ? html`<${Source} address=${id} key=${id} />` : html`<${Sources} />`;
}
