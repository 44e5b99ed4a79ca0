// SPDX-License-Identifier: Apache-2.0
/* Reports: the telescope's report of a period, as tables and figures, and its files. */
import { html } from '../lib/html.js';
import * as f from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { useQuery } from '../lib/router.js';
import { language, timeZone } from '../lib/settings.js';
import { Answer, Outside, Panel } from '../ui/basic.js';
import { toLocal } from '../ui/period.js';
import { apiUrl, clean, useApi } from './kit.js';
import { asking, Command, Field, Table, values } from './parts.js';

const PERIODS = ['day', 'week', 'quarter', 'half-year', 'year'];
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

const NUMBERS = /^(count|hosts|ratio|share|change|percent|number)$/;

/* Cells come as the report writes them (`shown`); columns that only the files have (`wide`) are left to these. */
function ReportTable({ table, params }) {
	const columns = table.columns.map((c, i) => ({ key: c.key, title: c.title, num: NUMBERS.test(c.type), wide: c.wide,
		cell: (r) => html`<${Outside} text=${r[i]} max=${300} />` })).filter((c) => !c.wide).map((c, i) => ({ ...c, head: i === 0 }));
	return html`<${Panel} title=${table.title} level=${3} tools=${html`<a class="button" download href=${apiUrl(PATH, { ...params, format: 'csv', table: table.name })}>${t('reports.download.csv')}</a>`}>
		<p class="small">${table.about}</p>
		<${Table} id=${'report-' + table.name} caption=${t('reports.table.of', { title: table.title })} columns=${columns} rows=${table.shown ?? table.rows} />
		${table.left_out > 0 && html`<p class="small">${t('reports.left_out', { n: f.number(table.left_out) })}</p>`}<//>`;
}

/* A picture of the report is shown as an image: nothing in it can run. Its numbers are in a table beside it. */
function Figure({ figure, params }) {
	const address = apiUrl(PATH, { ...params, format: 'svg', figure: figure.name });
	return html`<figure class="pg-figure"><img src=${address} alt=${t('reports.figure', { title: figure.title })} />
		<figcaption class="pg-row"><span>${figure.title}</span> <a class="button" href=${address} download=${figure.name + '.svg'}>${t('reports.download.svg')}</a></figcaption></figure>`;
}

const Words = ({ title, list }) => list?.length > 0 && html`<${Panel} title=${title} level=${3}><ul>${list.map((x) => html`<li>${x}</li>`)}</ul><//>`;

function Report({ d, params }) {
	const figures = (table) => d.figures.filter((x) => x.table === table).map((x) => html`<${Figure} key=${x.name} figure=${x} params=${params} />`);
	return html`<div lang=${params.lang}><h2 class="pg-over">${d.title}</h2><p>${d.stretch}</p>
		<${Words} title=${t('reports.notes')} list=${d.notes} />
		${d.tables.map((x) => html`${figures(x.name)}<${ReportTable} key=${x.name} table=${x} params=${params} />`)}
		<${Words} title=${t('reports.method')} list=${d.method} /></div>`;
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
