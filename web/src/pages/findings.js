// SPDX-License-Identifier: Apache-2.0
/* Findings: what was concluded. The list; one finding is in finding.js. */
import { hasRight, may } from '../lib/rights.js';
import { html, useEffect, useRef, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { href, navigate, useQuery } from '../lib/router.js';
import { letters } from '../lib/settings.js';
import * as f from '../lib/format.js';
import { Period } from '../ui/period.js';
import { Answer, Confidence, Outside, Panel } from '../ui/basic.js';
import { apiUrl, clean, exploreAt, kindName, KINDS, severityName, SEVERITIES, useApi, useSpan } from './kit.js';
import { asking, Command, Field, Severity, Table, Time } from './parts.js';
import { Finding } from './finding.js';

const FILTERS = ['kind', 'severity', 'min_confidence', 'subject', 'spoofable', 'state', 'assigned', 'sensor'];

function Form({ query, set }) {
	const pick = (name, none = '') => (e) => set({ [name]: e.target.value === none ? undefined : e.target.value, cursor: undefined });
	const any = [['', t('findings.any')]];
	return html`<div class="pg-row" role="group" aria-label=${t('pages.filter.active')}>
		<${Field} label=${t('findings.filter.kind')} kind="select" value=${query.kind ?? ''} onChange=${pick('kind')}
			options=${[...any, ...KINDS.map((k) => [k, kindName(k)])]} />
		<${Field} label=${t('findings.filter.severity')} kind="select" value=${query.severity ?? ''} onChange=${pick('severity')}
			options=${[...any, ...SEVERITIES.map((s) => [s, severityName(s)])]} />
		<${Field} label=${t('findings.filter.confidence')} kind="number" min="0" max="100" class="pg-short"
			value=${query.min_confidence ?? ''} onChange=${pick('min_confidence')} />
		<${Field} label=${t('findings.filter.spoofable')} kind="select" value=${query.spoofable ?? ''} onChange=${pick('spoofable')}
			options=${[...any, ['1', t('findings.spoofable.yes')], ['0', t('findings.spoofable.no')]]} />
		<${Field} label=${t('findings.filter.state')} kind="select" value=${query.state ?? 'open'} onChange=${pick('state', 'open')}
			options=${['open', 'muted', 'all'].map((s) => [s, t('findings.state.' + s)])} />
		<${Field} label=${t('findings.filter.subject')} value=${query.subject ?? ''} maxlength="128" onChange=${pick('subject')} />
		<${Field} label=${t('findings.filter.assigned')} value=${query.assigned ?? ''} maxlength="64" class="pg-short" onChange=${pick('assigned')} />
	</div>`;
}

/* Where the address says nothing: those that nobody muted. "At least medium" is a list for the interface. */
const wanted = (query) => ({ state: query.state ?? 'open', severity: query.severity && SEVERITIES.slice(SEVERITIES.indexOf(query.severity)).join(',') });

const idOf = (r) => (r.finding ?? r).id;
const target = (r, query) => href('/findings/' + idOf(r), { from: query.from, to: query.to });

/* j, k: next and previous row; Enter is the link's own; o: Explore. */
function useKeys(rows, query) {
	const box = useRef(null);
	useEffect(() => {
		const key = (e) => {
			if (!letters.get() || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) || e.target.closest?.('dialog'))
				return;
			const links = [...(box.current?.querySelectorAll('a.pg-row-link') ?? [])];
			const at = links.indexOf(document.activeElement);
			if (e.key === 'j' || e.key === 'k') {
				const next = e.key === 'j' ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
				links[next]?.focus();
				e.preventDefault();
			} else if (e.key === 'o' && at >= 0)
				navigate(exploreOf(rows[at], query));
		};
		addEventListener('keydown', key);
		return () => removeEventListener('keydown', key);
	}, [rows, query]);
	return box;
}

export function exploreOf(row, query = {}) {
	const v = row.finding ?? row;
	const from = new Date(Date.parse(v.first) - 60000).toISOString();
	const to = new Date(Date.parse(v.last) + 60000).toISOString();
	const port = /^(\d+)\/(tcp|udp)$/.exec(v.subject);
	const address = /^[0-9a-f:.]+/i.exec(v.subject)?.[0];
	return exploreAt({ ...(port ? { dport: port[1], proto: port[2] } : { src: address }), from, to, sensor: v.sensor }, query);
}

export const columns = (query) => [
	{ key: 'kind', title: t('pages.col.kind'), cell: (r) => kindName(r.kind) },
	{ key: 'subject', title: t('pages.col.subject'), head: true,
		cell: (r) => html`<a class="pg-row-link" href=${target(r, query)}><${Outside} text=${r.subject} mono /></a>` },
	{ key: 'tool', title: t('pages.col.tool'), cell: (r) => html`<${Outside} text=${r.tool && r.tool !== 'none' ? r.tool : t('core.none')} />` },
	{ key: 'severity', title: t('pages.col.severity'), cell: (r) => html`<${Severity} value=${r.severity} />` },
	{ key: 'confidence', title: t('pages.col.confidence'), cell: (r) => html`<${Confidence} value=${r.confidence} />` },
	{ key: 'spoofable', title: t('pages.col.spoofable'), cell: (r) => html`<span class=${r.spoofable ? 'pg-flag' : 'pg-quiet'} title=${t(r.spoofable ? 'findings.spoof.yes' : 'findings.spoof.no')}>${t(r.spoofable ? 'findings.spoofable.short.yes' : 'findings.spoofable.short.no')}</span>` },
	{ key: 'packets', title: t('pages.col.packets'), num: true },
	{ key: 'targets', title: t('pages.col.targets'), num: true },
	{ key: 'sensor', title: t('pages.col.sensor') },
	{ key: 'first', title: t('pages.col.first'), cell: (r) => html`<${Time} at=${r.first} />` },
	{ key: 'last', title: t('pages.col.last'), cell: (r) => html`<${Time} at=${r.last} />` },
	{ key: 'assigned', title: t('findings.assigned'), cell: (r) => html`${r.assigned ? html`<${Outside} text=${r.assigned} />` : '–'}
		${r.muted_until && html` <span class="pg-flag" title=${t('findings.muted', { time: f.dateTime(r.muted_until) })}>${t('findings.muted.short')}</span>`}
		${r.comments ? html` <span class="pg-quiet" title=${t('findings.comments')}>💬${f.number(r.comments)}</span>` : ''}` },
];

/* More rows are added below those that are there. */
function More({ path, params, next, onRows }) {
	const [cursor, ask] = useState(null);
	const more = useApi(cursor === null ? null : path, { ...params, cursor });
	useEffect(() => {
		if (cursor !== null && more.data && !more.stale) {
			ask(null);
			onRows(more.data);
		}
	}, [more.data, cursor]);
	return html`<button type="button" disabled=${more.loading} onClick=${() => ask(next)}>${t('pages.more')}</button>`;
}

function List({ data, path, params, query }) {
	const [added, add] = useState({ rows: [], next: data.next });
	useEffect(() => add({ rows: [], next: data.next }), [data]);
	const rows = [...data.rows, ...added.rows];
	const box = useKeys(rows, query);
	return html`<div ref=${box}>
		<p class="pg-quiet" role="status" data-number="findings-total" data-value=${data.total ?? rows.length}>${t('pages.shown', {
			n: f.number(rows.length), total: f.number(data.total ?? rows.length) })}</p>
		<${Table} id="findings" caption=${t('findings.list')} columns=${columns(query)} rows=${rows} rowKey=${idOf} />
		${added.next && html`<${More} path=${path} params=${params} next=${added.next}
			onRows=${(d) => add({ rows: [...added.rows, ...d.rows], next: d.next })} />`}</div>`;
}

function Findings() {
	const [query, set] = useQuery();
	const period = useSpan(query, 'now-7d');
	const params = clean({ from: period.from, to: period.to, ...Object.fromEntries(FILTERS.map((k) => [k, query[k]])), ...wanted(query), limit: 200 });
	const ask = useApi('/findings', params);
	const { limit, ...all } = params;
	return html`<h1>${t('findings.title')}</h1><p class="pg-intro">${t('findings.intro')}</p>
		<${Period} normal="now-7d" />
		<${Form} query=${query} set=${set} />
		<${Panel} title=${t('findings.list')} tools=${html`<a class="button" href=${apiUrl('/findings.csv', all)} download>${t('pages.csv')}</a>`}>
			<p class="pg-quiet pg-small-text">${t('findings.keys')}</p>
			${!hasRight('see-subscriber') && html`<p class="pg-quiet pg-small-text">${t('pages.masked.why')}</p>`}
			<${Answer} of=${ask} empty=${(d) => !d.rows.length}>${(d) => html`<${List} data=${d} path="/findings" params=${params} query=${query} />`}<//>
			<${Command} words=${[asking('/findings', all), ['sakimori', 'telescope', 'events', '--from', period.from, '--to', period.to]]} />
		<//>`;
}

export default function Page({ id }) {
	return id ? html`<${Finding} id=${id} key=${id} mayWrite=${may('analyst')} />` : html`<${Findings} />`;
}
