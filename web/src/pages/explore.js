// SPDX-License-Identifier: Apache-2.0
/*
 * Explore: the stored packets of any period. Everything that chooses lives in the address: period, filters, columns; so
 * back and forward work, and a link shows a colleague the same.
 */
import { api } from '../lib/api.js';
import * as f from '../lib/format.js';
import { html, useCallback, useMemo } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { href, useQuery } from '../lib/router.js';
import { mayDark } from '../lib/rights.js';
import { Answer, Outside, Panel } from '../ui/basic.js';
import { Filters, filtersOf } from '../ui/filters.js';
import { Period } from '../ui/period.js';
import { DataTable } from '../ui/table.js';
import { TimeLine } from '../ui/timeline.js';
import { apiUrl, className, clean, PROTOCOLS, sourceAt, stamp, useApi, useSpan } from './kit.js';
import { asking, Command, Pick, Table, Time } from './parts.js';
import { flagNames } from './words.js';

const TOPS = ['port', 'source', 'country', 'as', 'tool', 'class'];
const BINS = 240;

/* Which filters a row of a table of `by` stands for; null: none. */
export function filterOf(by, key) {
	const port = /^(\d+)\/(tcp|udp)$/.exec(key);
	switch (by) {
	case 'port':
		return port ? { dport: port[1], proto: port[2] } : null;
	case 'source':
		return { src: key };
	case 'country':
		return /^[A-Z]{2}$/.test(key) ? { country: key } : null;
	case 'as':
		return /^(AS)?\d+/.test(key) ? { asn: /\d+/.exec(key)[0] } : null;
	case 'tool':
		return /^(zmap|masscan|mirai|nmap)$/.test(key) ? { mark: key } : null;
	default:
		return { class: key };
	}
}

function topName(by, key) {
	if (by === 'class')
		return className(key);
	if (key === 'unknown')
		return t('pages.unknown');
	if (by === 'tool' && key === 'none')
		return t('pages.tool.none');
	if (by === 'as')
		return 'AS' + key.replace(/^AS/, '');
	return by === 'country' ? f.country(key) : key;
}

function Top({ by, params, set }) {
	const ask = useApi('/top', { ...params, by, limit: 10 });
	const pick = (r) => {
		const filter = filterOf(by, r.key), name = topName(by, r.key);
		return filter ? html`<${Pick} value=${name} onPick=${() => set(filter)} />` : html`<${Outside} text=${name} />`;
	};
	return html`<${Panel} title=${t('explore.top.' + by)} level=${3} tools=${by === 'source' && html`<a class="small" href=${href('/sources', params)}>${t('sources.back')}</a>`}>
		<${Answer} of=${ask}>${(d) => html`<${Table} id=${'top-' + by} caption=${t('explore.top.' + by)} rows=${d.rows} rowKey=${(r) => r.key} columns=${[
		{ key: 'key', title: t('explore.top.' + by), head: true, cell: pick },
		{ key: 'packets', title: t('pages.col.packets'), num: true },
		by === 'source' ? { key: 'targets', title: t('pages.col.targets'), num: true } : { key: 'sources', title: t('pages.col.sources'), num: true },
		...(by === 'source' ? [{ key: 'open', title: html`<span class="hidden">${t('pages.actions')}</span>`, cell: (r) => html`<a href=${sourceAt(r.key, params)} aria-label=${t('pages.open', { name: r.key })}>→</a>` }] : [])]} />
		${d.left_out?.packets > 0 && html`<p class="small">${t('explore.top.left', { packets: f.number(d.left_out.packets) })}
			${d.keys !== undefined && ' ' + t('explore.top.keys', { keys: f.number(d.keys) })}</p>`}`}<//><//>`;
}

const proto = (r) => r.protocol ?? r.proto;

function flowColumns(set) {
	const pick = (filter, value) => html`<${Pick} value=${value} onPick=${() => set(filter)} />`;
	const word = (r) => PROTOCOLS[proto(r)] ?? String(proto(r));
	return [
		{ key: 'first', label: t('pages.col.first'), render: (r) => html`<${Time} at=${r.first} />`, width: 170 },
		{ key: 'last', label: t('pages.col.last'), render: (r) => html`<${Time} at=${r.last} />`, hidden: true, width: 170 },
		{ key: 'src', label: t('pages.col.src'), render: (r) => pick({ src: r.src }, r.src), width: 150 },
		{ key: 'sport', label: t('pages.col.sport'), num: true, render: (r) => pick({ sport: r.sport }, String(r.sport)), width: 90 },
		{ key: 'dst', label: t('pages.col.dst'), render: (r) => (mayDark() ? pick({ dst: r.dst }, r.dst) : html`<${Outside} text=${r.dst} />`), width: 150 },
		{ key: 'dport', label: t('pages.col.dport'), num: true, render: (r) => pick({ dport: r.dport }, String(r.dport)), width: 90 },
		{ key: 'proto', label: t('pages.col.proto'), text: proto, render: (r) => pick({ proto: word(r) }, word(r)), width: 80 },
		{ key: 'class', label: t('pages.col.class'), render: (r) => pick({ class: r.class }, className(r.class)), width: 120 },
		{ key: 'packets', label: t('pages.col.packets'), num: true, width: 80 },
		{ key: 'bytes', label: t('pages.col.bytes'), num: true, hidden: true, width: 80 },
		{ key: 'ttl', label: t('pages.col.ttl'), num: true, width: 60 },
		{ key: 'tcp_flags', label: t('pages.col.flags'), render: (r) => (proto(r) === 6 ? flagNames(r.tcp_flags) || '0' : t('core.none')), width: 90 },
		{ key: 'ip_len', label: t('pages.col.ip_len'), num: true, hidden: true, width: 80 },
		{ key: 'tags', label: t('pages.col.mark'), text: (r) => (r.tags ?? []).join(' '), render: (r) => (r.tags ?? []).map((m) => (/^(zmap|masscan|mirai|nmap)/.test(m)
			? pick({ mark: /^[a-z]+/.exec(m)[0] }, m) : m)), width: 110 },
		{ key: 'sensor', label: t('pages.col.sensor'), hidden: true, render: (r) => (r.sensor ? pick({ sensor: r.sensor }, r.sensor) : t('core.none')), width: 100 },
	];
}

function Flows({ params, set }) {
	const key = JSON.stringify(params);
	const ask = useApi('/flows', { ...params, limit: 1 });
	const rows = useCallback((offset, limit, signal) => api('/flows', { ...params, offset, limit }, { signal }).then((d) => d.rows), [key]);
	const columns = useMemo(() => flowColumns(set), [set]);
	const exports = [[t('pages.csv'), apiUrl('/flows.csv', params)], [t('pages.json'), apiUrl('/flows', { ...params, limit: 5000 })],
		[t('pages.pcap'), apiUrl('/pcap', params)]];
	return html`<${Panel} title=${t('explore.flows')}><${Answer} of=${ask}>${(d) => html`
		<p class="small" role="status" data-number="flows" data-flows=${d.total} data-packets=${d.packets}>${t('explore.flows.note', { total: f.number(d.total), packets: f.number(d.packets) })}
			${!mayDark() && ' ' + t('pages.dark.why')}</p>
		<${DataTable} id="flows" label=${t('explore.flows')} columns=${columns} total=${d.total} fetchRows=${rows} exports=${exports} height=${520} />
		<p class="small">${t('explore.flows.export')} ${t('explore.pcap.note')}</p>`}<//><//>`;
}

const gapAt = (g, end) => g[end] ?? new Date(g[end + '_ns'] / 1e6).toISOString();

export function Gaps({ gaps }) {
	return html`<details open=${gaps.length > 0 && gaps.length < 6}><summary>${t('explore.gaps')} (${f.number(gaps.length)})</summary>
		<${Table} id="gaps" caption=${t('explore.gaps')} rows=${gaps} empty=${t('explore.gaps.none')} columns=${[
		{ key: 'from', title: t('pages.col.from'), head: true, cell: (g) => html`<${Time} at=${gapAt(g, 'from')} />` },
		{ key: 'to', title: t('pages.col.to'), cell: (g) => html`<${Time} at=${gapAt(g, 'to')} />` },
		{ key: 'sensor', title: t('pages.col.sensor') },
		...(gaps.some((g) => g.reason) ? [{ key: 'reason', title: t('pages.col.reason') }, { key: 'dropped', title: t('pages.col.dropped'), num: true }] : [])]} />
		${gaps.length > 0 && html`<p class="small">${t('explore.gaps.note')}</p>`}</details>`;
}

/* An empty period: when the last packet came, and a way there. */
function Nothing({ set }) {
	const ask = useApi('/status');
	const last = (ask.data?.roles ?? []).map((r) => r.counters?.last_packet).filter(Boolean).sort().at(-1);
	const end = last && (Math.floor(Date.parse(last) / 60000) + 1) * 60000;
	return html`<p role="status">${t('explore.nothing')}${last && html` ${t('explore.nothing.last', { time: f.dateTime(last) })}
		<button type="button" onClick=${() => set({ from: stamp(end - 36e5), to: stamp(end) })}>${t('explore.nothing.go')}</button>`}</p>`;
}

function Line({ params, span, set }) {
	const ask = useApi('/timeline', { ...params, bins: BINS });
	const length = span.toMs - span.fromMs;
	const move = (by, grow = 0) => set({ from: stamp(span.fromMs + length * by - length * grow), to: stamp(span.toMs + length * by + length * grow) });
	const sum = (d) => (d.packets ?? []).reduce((a, b) => a + b, 0);
	return html`<${Panel} title=${t('explore.timeline')} tools=${html`<button type="button" onClick=${() => move(-.5)}>← ${t('explore.back')}</button>
		<button type="button" onClick=${() => move(.5)}>${t('explore.forward')} →</button>
		<button type="button" onClick=${() => move(0, .5)}>${t('explore.zoom.out')}</button>`}>
		<${Answer} of=${ask}>${(d) => html`<${TimeLine} data=${d} onBrush=${(from, to) => set({ from, to })} />
		<p class="small" data-number="timeline" data-packets=${sum(d)}>${t('explore.timeline.note', { width: f.span(d.bin_ns), packets: f.number(sum(d)), flows: f.number(d.flows) })}</p>
		${!d.flows && html`<${Nothing} set=${set} />`}
		<${Gaps} gaps=${d.gaps ?? []} />`}<//><//>`;
}

function commands(params) {
	const { from, to, ...filters } = params;
	const own = Object.keys(filters).length === 0 ? [['sakimori', 'telescope', 'read', '--from', from, '--to', to]] : [];
	return [...own, asking('/timeline', params), asking('/top', { by: 'port', ...params }), asking('/flows', params)];
}

export default function Explore() {
	const [query, set] = useQuery();
	const span = useSpan(query);
	const params = clean({ from: span.from, to: span.to, ...filtersOf(query) });
	return html`<h1>${t('explore.title')}</h1><p class="pg-intro">${t('explore.intro')}</p>
		<div class="pg-controls"><${Period} /><${Filters} /></div>
		<${Line} params=${params} span=${span} set=${set} />
		<h2 class="pg-over">${t('explore.top')}</h2>
		<div class="pg-tops">${TOPS.map((by) => html`<${Top} key=${by} by=${by} params=${params} set=${set} />`)}</div>
		<${Flows} params=${params} set=${set} />
		<${Command} words=${commands(params)} />`;
}
