// SPDX-License-Identifier: Apache-2.0
/* Reports: the telescope's report of a period, as tables and figures, and its files. */
import { html } from '../lib/html.js';
import * as f from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { useQuery } from '../lib/router.js';
import { language, timeZone } from '../lib/settings.js';
import { Answer, Outside, Panel } from '../ui/basic.js';
import { toLocal } from '../ui/period.js';
import { save } from '../ui/table.js';
import { apiUrl, clean, useApi } from './kit.js';
import { asking, Command, Field, Table, values } from './parts.js';

const PERIODS = ['day', 'week', 'quarter', 'half-year'];
const PATH = '/report/telescope';

/* Yesterday, in the viewer's zone: the last day that is whole. */
const yesterday = () => toLocal((Date.now() - 864e5) * 1e6).slice(0, 10);

function Form({ params, set }) {
	const send = (e) => {
		e.preventDefault();
		const v = values(e.currentTarget);
		set({ period: v.period, at: v.at, lang_report: v.lang, tz_report: v.tz });
	};
	const zones = [...new Set([params.tz, timeZone(), 'Asia/Tokyo', 'UTC'])];
	return html`<form class="pg-row" onSubmit=${send} aria-label=${t('reports.form')}>
		<${Field} label=${t('reports.period')} kind="select" name="period" value=${params.period} options=${PERIODS.map((p) => [p, t('reports.period.' + p)])} />
		<${Field} label=${t('reports.at')} kind="date" name="at" required defaultValue=${params.at} />
		<${Field} label=${t('reports.lang')} kind="select" name="lang" value=${params.lang} options=${['ja', 'en'].map((l) => [l, t('reports.lang.' + l)])} />
		<${Field} label=${t('reports.tz')} kind="select" name="tz" value=${params.tz} options=${zones.map((z) => [z, z])} />
		<button type="submit" class="primary">${t('reports.show')}</button></form>`;
}

const isNumber = (c) => /^(integer|number|count|share|percent|decimal)$/.test(c.type ?? '');
const cellOf = (v, c) => (v === null || v === undefined ? '–' : typeof v === 'number' ? (Number.isInteger(v) ? f.number(v) : f.decimal(v, 2))
	: isNumber(c) ? String(v) : html`<${Outside} text=${v} max=${300} />`);

/* Rows are arrays in the order of the columns, or objects by their names. */
function ReportTable({ table, params }) {
	const columns = (table.columns ?? []).map((c, i) => {
		const name = c.id ?? c.key ?? c.name ?? String(i);
		const get = (r) => (Array.isArray(r) ? r[i] : r[name]);
		return { key: String(name), title: c.title ?? c.name ?? name, num: isNumber(c) || typeof get((table.rows ?? [])[0] ?? []) === 'number', head: i === 0, cell: (r) => cellOf(get(r), c) };
	});
	return html`<div class="pg-report-table"><${Table} id=${'report-' + table.id} caption=${table.title ?? table.id} quiet=${false} columns=${columns} rows=${table.rows ?? []} />
		${(table.notes ?? (table.note ? [table.note] : [])).map((n) => html`<p class="small">${n}</p>`)}
		<p><a class="button" download href=${apiUrl(PATH, { ...params, format: 'csv', table: table.id })}>${t('reports.download.csv')}</a></p></div>`;
}

/* A picture of the report is shown as an image: nothing in it can run. */
function Figure({ figure }) {
	if (!figure.svg)
		return null;
	const address = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(figure.svg);
	return html`<figure class="pg-figure"><img src=${address} alt=${figure.alt ?? t('reports.figure', { title: figure.title ?? figure.id })} />
		<figcaption>${figure.title} <button type="button" onClick=${() => save(`${figure.id}.svg`, 'image/svg+xml', figure.svg)}>${t('reports.download.svg')}</button></figcaption></figure>`;
}

function Report({ d, params }) {
	return html`<article lang=${params.lang} aria-label=${d.title}><h2 class="pg-over">${d.title}</h2>
		${d.text && html`<p>${d.text}</p>`}
		${(d.sections ?? []).map((s) => html`<${Panel} key=${s.id} title=${s.title} level=${3}>
			${(Array.isArray(s.text) ? s.text : s.text ? [s.text] : []).map((p) => html`<p>${p}</p>`)}
			${(s.figures ?? []).map((x) => html`<${Figure} key=${x.id} figure=${x} />`)}
			${(s.tables ?? []).map((x) => html`<${ReportTable} key=${x.id} table=${x} params=${params} />`)}<//>`)}</article>`;
}

export default function Reports() {
	const [query, set] = useQuery();
	const params = clean({ period: query.period ?? 'day', at: query.at ?? yesterday(), lang: query.lang_report ?? language.get(), tz: query.tz_report ?? timeZone() });
	const asked = query.period !== undefined;
	const ask = useApi(asked ? PATH : null, { ...params, format: 'json' });
	return html`<h1>${t('reports.title')}</h1><p class="pg-intro">${t('reports.intro')}</p>
		<${Form} params=${params} set=${set} key=${JSON.stringify(params)} />
		${asked && html`<p class="pg-row"><a class="button" download href=${apiUrl(PATH, { ...params, format: 'html' })}>${t('reports.download.html')}</a></p>
			<${Answer} of=${ask}>${(d) => html`<${Report} d=${d} params=${params} />`}<//>
			<${Command} words=${[['sakimori', 'report', 'telescope', '--period', params.period, '--at', params.at, '--lang', params.lang, '--tz', params.tz],
		asking(PATH, { ...params, format: 'json' })]} />`}`;
}
