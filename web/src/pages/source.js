// SPDX-License-Identifier: Apache-2.0
/* One address: all that packets claim to come from it, and who sits beside it. */
import { html } from '../lib/html.js';
import * as f from '../lib/format.js';
import { t } from '../lib/i18n.js';
import { href, useQuery } from '../lib/router.js';
import { Answer, Confidence, Outside, Panel } from '../ui/basic.js';
import { Period } from '../ui/period.js';
import { className, CLASSES, clean, exploreAt, kindName, sourceAt, useApi, useSpan } from './kit.js';
import { asking, Command, Facts, researchName, Severity, Table, Time, toolNames, toolText } from './parts.js';

/* Bars of the history, drawn to scale; the table below has the numbers. */
function Bars({ history }) {
	const most = Math.max(1, ...history.map((h) => h.packets));
	const first = history[0].start_ns, last = history.at(-1);
	const end = last.start_ns + spanNs(last), whole = Math.max(1, end - first);
	const x = (ns) => (ns - first) / whole * 1000;
	return html`<svg class="pg-bars" viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label=${t('sources.history.chart')}>
		<path d=${history.map((h) => {
		const w = Math.max(1, x(h.start_ns + spanNs(h)) - x(h.start_ns) - 1), high = h.packets / most * 96;
		return `M${x(h.start_ns).toFixed(1)} 100v${(-high).toFixed(1)}h${w.toFixed(1)}V100z`;
	}).join('')} /></svg>
	<p class="small pg-ends"><span>${f.dateTime(first)}</span><span>${f.dateTime(end)}</span></p>`;
}

/* The interface says the length in nanoseconds, seconds, or by name. */
function spanNs(h) {
	const named = { minute: 60e9, hour: 3600e9, day: 86400e9 }[h.span];
	return named ?? (Number(h.span) >= 1e9 ? Number(h.span) : Number(h.span) * 1e9);
}

function History({ d }) {
	const rows = (d.history ?? []).filter((h) => h.start_ns);
	if (!rows.length)
		return html`<p class="soft">${t('pages.empty')}</p>`;
	return html`<${Bars} history=${rows} /><details><summary class="small">${t('core.as_table')}</summary><${Table} id="history" caption=${t('sources.history')} rows=${rows} columns=${[
		{ key: 'start', title: t('sources.history.start'), head: true, cell: (h) => f.dateTime(h.start_ns) },
		{ key: 'span', title: t('sources.history.span'), cell: (h) => (h.span in { minute: 1, hour: 1, day: 1 } ? t('sources.span.' + h.span) : f.span(spanNs(h))) },
		{ key: 'packets', title: t('pages.col.packets'), num: true },
		{ key: 'targets', title: t('pages.col.targets'), num: true }]} /></details>`;
}

function Network({ d }) {
	const p = d.place ?? {};
	const at = p.place ?? p;
	return html`<${Facts} pairs=${[
		[t('sources.place.country'), p.country ? f.country(p.country) : null],
		at.city && [t('sources.place.city'), html`<${Outside} text=${at.city} />`],
		at.latitude !== undefined && at.latitude !== null && [t('sources.place.position'), `${f.decimal(at.latitude, 2)}, ${f.decimal(at.longitude, 2)}`],
		[t('sources.place.as'), p.asn ? html`AS${String(p.asn)} <${Outside} text=${p.as_name ?? ''} />` : null],
		[t('pages.col.research'), d.research ? html`<strong>${t('sources.research', { name: '' })}<${Outside} text=${researchName(d.research)} /></strong>` : t('sources.research.not')],
		d.owner && [t('sources.owner'), html`<${Outside} text=${d.owner.owner ?? d.owner.name ?? d.owner} />`],
		[t('sources.tools'), toolNames(d).length ? html`<${Outside} text=${toolText(d)} />` : t('sources.tools.none')],
	]} /><p class="small">${t('sources.place.note')}</p>`;
}

function portKey(r) {
	const proto = { 6: 'tcp', 17: 'udp', 1: 'icmp' }[r.proto] ?? String(r.proto ?? '');
	return { port: String(r.port), proto };
}

function Ports({ d, query }) {
	const link = (r) => {
		const { port, proto } = portKey(r);
		return html`<a href=${exploreAt({ src: d.address, dport: port, proto }, query)}>${port}/${proto}</a>`;
	};
	return html`<${Table} id="source-ports" caption=${t('sources.ports')} rows=${d.ports ?? []} columns=${[
		{ key: 'port', title: t('sources.ports'), head: true, cell: link }, { key: 'packets', title: t('pages.col.packets'), num: true }]} />`;
}

function Neighbours({ d, query }) {
	const columns = [
		{ key: 'address', title: t('pages.col.address'), head: true, cell: (r) => html`<a class="mono" href=${sourceAt(r.address, query)}>${r.address}</a>` },
		{ key: 'packets', title: t('pages.col.packets'), num: true },
		{ key: 'tools', title: t('pages.col.tools'), cell: (r) => html`<${Outside} text=${toolText(r) || t('core.none')} />` }];
	const v6 = d.address.includes(':');
	const prefix = d.prefix ?? (v6 ? t('pages.col.subnet') : d.address.replace(/\.\d+$/, '.0/24'));
	const as = d.as_neighbours;
	return html`<${Panel} title=${t('sources.neighbours', { prefix })} tools=${!v6 && html`<a class="small" href=${exploreAt({ src: prefix }, query)}>${t('pages.explore.this')}</a>`}>
			${as?.to_ns && html`<p class="small">${t('sources.neighbours.note', { from: f.dateTime(as.from_ns), to: f.dateTime(as.to_ns) })}</p>`}
			<${Table} id="neighbours" caption=${t('sources.neighbours', { prefix })} columns=${columns} rows=${d.neighbours ?? []} empty=${t('sources.neighbours.none')} /><//>
		<${Panel} title=${as?.asn ? t('sources.as', { asn: String(as.asn) }) : t('pages.col.asn')} tools=${as?.asn && html`<a class="small" href=${exploreAt({ asn: as.asn }, query)}>${t('pages.explore.this')}</a>`}>
			${as?.asn ? html`<p class="small">${t('sources.as.note', { sources: f.number(as.sources), packets: f.number(as.packets) })}</p>
				<${Table} id="as-neighbours" caption=${t('sources.as', { asn: String(as.asn) })} columns=${columns.filter((c) => c.key !== 'tools' || as.rows.some((r) => r.tools))} rows=${as.rows} />`
		: html`<p class="soft">${t('sources.as.none')}</p>`}<//>`;
}

function Known({ d, query }) {
	const classes = CLASSES.filter((c) => d.classes?.[c]).map((c) => ({ key: c, packets: d.classes[c] }));
	return html`${!d.packets && html`<p class="pg-note">${t('sources.absent')}</p>`}
		<div class="pg-grid"><${Panel} title=${t('sources.numbers')}><${Facts} pairs=${[
			[t('pages.col.packets'), f.number(d.packets), 'packets'], [t('pages.col.targets'), f.number(d.targets), 'targets'],
			d.first && [t('pages.col.first'), html`<${Time} at=${d.first} />`], d.last && [t('pages.col.last'), html`<${Time} at=${d.last} />`]]} />
			<${Table} id="source-classes" caption=${t('sources.classes')} rows=${classes} columns=${[
		{ key: 'key', title: t('pages.col.class'), head: true, cell: (r) => html`<a href=${exploreAt({ src: d.address, class: r.key }, query)}>${className(r.key)}</a>` },
		{ key: 'packets', title: t('pages.col.packets'), num: true }]} />
			<p class="small">${t('sources.spoof')}</p><//>
		<${Panel} title=${t('sources.place')}><${Network} d=${d} /><//>
		<${Panel} title=${t('sources.history')} cls="pg-wide"><${History} d=${d} /><//>
		<${Panel} title=${t('sources.ports')}><${Ports} d=${d} query=${query} /><//>
		<${Panel} title=${t('sources.findings')}><${Table} id="source-findings" caption=${t('sources.findings')} rows=${d.findings ?? []} columns=${[
		{ key: 'kind', title: t('pages.col.kind'), head: true, cell: (v) => html`<a href=${href('/findings/' + v.id)}>${kindName(v.kind)}</a>` },
		{ key: 'severity', title: t('pages.col.severity'), cell: (v) => html`<${Severity} value=${v.severity} />` },
		{ key: 'confidence', title: t('pages.col.confidence'), cell: (v) => html`<${Confidence} value=${v.confidence} />` },
		{ key: 'packets', title: t('pages.col.packets'), num: true },
		{ key: 'last', title: t('pages.col.last'), cell: (v) => html`<${Time} at=${v.last} />` }]} /><//>
		<${Neighbours} d=${d} query=${query} /></div>`;
}

export function Source({ address }) {
	const [query] = useQuery();
	const span = useSpan(query, 'now-7d');
	const params = clean({ from: span.from, to: span.to });
	const path = '/sources/' + encodeURIComponent(address);
	const ask = useApi(path, params);
	return html`<h1>${t('sources.one', { address: '' })}<${Outside} text=${address} mono max=${64} /></h1>
		<p class="pg-row"><a href=${href('/sources', { from: query.from, to: query.to })}>← ${t('sources.back')}</a>
			<a class="button" href=${exploreAt({ src: address }, query)}>${t('pages.explore.this')}</a></p>
		<div class="pg-controls"><${Period} normal="now-7d" /></div>
		<${Answer} of=${ask}>${(d) => html`<${Known} d=${d} query=${query} />`}<//>
		<${Command} words=${[asking('/sources/' + address, params)]} />`;
}
