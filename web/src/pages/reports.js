// SPDX-License-Identifier: Apache-2.0
/* Reports: the telescope's report of a period, as tables and figures, and its files. */
import { html } from '../lib/html.js';
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

/* Longer ones, as those of hours, are folded: their figure says it, and who wants the rows opens them. */
const FOLD = 24;
const NUMBERS = /^(count|percent|decimal)$/;

/* Cells come as the report writes them (`shown`); columns that only the files have (`wide`) are left to these. */
function ReportTable({ table, params }) {
	const columns = table.columns.map((c, i) => ({ key: c.key, title: c.title, num: NUMBERS.test(c.type), wide: c.wide,
		cell: (r) => html`<${Outside} text=${r[i]} max=${300} />` })).filter((c) => !c.wide).map((c, i) => ({ ...c, head: i === 0 }));
	const whole = html`<${Table} id=${'report-' + table.id} caption=${t('reports.table.of', { title: table.title })} columns=${columns} rows=${table.shown} />`;
	return html`${table.shown.length < FOLD ? whole : html`<details><summary>${t('reports.table.rows', { title: table.title, n: table.shown.length })}</summary>${whole}</details>`}
		<div class="pg-row">${table.notes.map((n) => html`<span class="small">${n}</span>`)}
		<a class="button" download href=${apiUrl(PATH, { ...params, format: 'csv', table: table.id })} aria-label=${`${t('reports.download.csv')}: ${table.title}`}>${t('reports.download.csv')}</a></div>`;
}

/* A picture of the report is shown as an image: nothing in it can run. Its numbers are in the table below. */
function Figure({ figure, params }) {
	const shown = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(figure.svg);
	return html`<figure class="pg-figure"><img src=${shown} alt=${t('reports.figure', { title: figure.title })} />
		<figcaption class="pg-row"><span>${figure.title}</span><a class="button" download=${figure.id + '.svg'} aria-label=${`${t('reports.download.svg')}: ${figure.title}`}
			href=${apiUrl(PATH, { ...params, format: 'svg', figure: figure.id })}>${t('reports.download.svg')}</a></figcaption></figure>`;
}

function Report({ d, params }) {
	return html`<div lang=${params.lang}><h2 class="pg-over">${d.title}</h2><p>${d.text}</p>
		${d.sections.map((s) => html`<${Panel} key=${s.id} title=${s.title} level=${3}>${s.text.length > 1 ? html`<ul>${s.text.map((p) => html`<li>${p}</li>`)}</ul>`
			: s.text.map((p) => html`<p>${p}</p>`)}
			${s.figures.map((x) => html`<${Figure} key=${x.id} figure=${x} params=${params} />`)}
			${s.tables.map((x) => html`<${ReportTable} key=${x.id} table=${x} params=${params} />`)}<//>`)}</div>`;
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
