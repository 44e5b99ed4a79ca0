// SPDX-License-Identifier: Apache-2.0
/* One finding: what is known, why it was concluded, how sure it is, what people said of it. */
import { session } from '../lib/api.js';
import { hasRight } from '../lib/rights.js';
import { html, useState } from '../lib/html.js';
import { has, t, word } from '../lib/i18n.js';
import { useQuery, href, navigate } from '../lib/router.js';
import * as f from '../lib/format.js';
import { Answer, Confidence, Dialog, Outside, Panel } from '../ui/basic.js';
import { apiUrl, kindName, PROTOCOLS, sourceAt, useApi, useCommand } from './kit.js';
import { fromLocal, toLocal } from '../ui/period.js';
import { Facts, Field, Outcome, Place, Remarks, Severity, Spoofable, Table, Time, values } from './parts.js';
import { exploreOf } from './findings.js';
import { flagNames } from './words.js';
import { NewCase } from './case.js';

/* Octets as people read them: offset, sixteen a line, text beside. */
export function hexdump(hex) {
	const octets = (hex ?? '').match(/../g) ?? [];
	const lines = [];
	for (let at = 0; at < octets.length; at += 16) {
		const part = octets.slice(at, at + 16);
		const text = part.map((h) => parseInt(h, 16)).map((n) => (n > 31 && n < 127 ? String.fromCharCode(n) : '.')).join('');
		lines.push(at.toString(16).padStart(4, '0') + '  ' + part.map((h, i) => h + (i === 7 ? ' ' : '')).join(' ').padEnd(49) + ' ' + text);
	}
	return lines.join('\n');
}

function Samples({ samples }) {
	const columns = [
		{ key: 'n', title: t('findings.samples'), head: true, cell: (r) => t('findings.sample', { n: String(r.n) }) },
		{ key: 'ns', title: t('pages.col.time'), cell: (r) => html`<span class="mono">${f.dateTime(r.ns)}.${(r.ns_text ?? String(r.ns)).slice(-9)}</span>` },
		{ key: 'src', title: t('pages.col.src'), cell: (r) => html`<${Outside} text=${r.src} mono />` },
		{ key: 'sport', title: t('pages.col.sport'), num: true, cell: (r) => String(r.sport) },
		{ key: 'dst', title: t('pages.col.dst'), cell: (r) => html`<${Outside} text=${r.dst} mono />` },
		{ key: 'dport', title: t('pages.col.dport'), num: true, cell: (r) => String(r.dport) },
		{ key: 'proto', title: t('pages.col.proto'), cell: (r) => PROTOCOLS[r.proto] ?? String(r.proto) },
	];
	const rows = samples.map((s, i) => ({ ...s, n: i + 1 }));
	return html`<${Table} id="samples" caption=${t('findings.samples')} columns=${columns} rows=${rows} />
		${rows.map((s) => html`<details open=${s.n === 1}><summary>${t('findings.sample', { n: String(s.n) })}: ${t('findings.sample.head')}</summary>
			${s.head ? html`<pre class="pg-hex" tabindex="0" role="group" aria-label=${t('findings.sample.hex', { n: String(s.n) })}>${hexdump(s.head)}</pre>`
		: html`<p class="pg-quiet">${t('findings.sample.none')}</p>`}</details>`)}
		${!hasRight('see-dark') && html`<p class="pg-quiet pg-small-text">${t('pages.dark.why')}</p>`}`;
}

/* The interface names its texts by key; what isn't in the messages shows as it is. */
const said = (key, n) => (key && has(key) ? t(key, n === undefined ? undefined : { n }) : null);

/* The numbers that led to it: as the interface explains them, else the counts as they are. */
function Counts({ v, explain }) {
	const rows = explain?.because ?? Object.entries(v.counts ?? {}).map(([count, n]) => ({ count, n, means: 'finding.count.' + count }));
	return html`<${Table} id="counts" caption=${t('findings.counts')} quiet=${false} rows=${rows} columns=${[
		{ key: 'count', title: t('pages.col.name'), head: true, cell: (r) => said(r.means, r.n) ?? html`<code><${Outside} text=${r.count} /></code>` },
		{ key: 'n', title: t('pages.col.value'), num: true }]} />`;
}

function Words({ v, explain = {} }) {
	const by = v.kind === 'own-watch' ? 'watch' : v.kind === 'own-suspect' ? 'suspect' : v.tool && v.tool !== 'none' ? 'tool' : null;
	const sure = said(explain.confidence_means) ?? (by && t('findings.confidence.' + by, { tool: v.tool }));
	return html`${[explain.kind_means, explain.rule, explain.tool_means].map((k) => said(k) && html`<p>${said(k)}</p>`)}
		<h3>${t('findings.confidence', { n: f.number(v.confidence) })}</h3><p><${Confidence} value=${v.confidence} /></p>
		${isWithdrawn(v) ? html`<p class="pg-warning">${t('findings.withdrawn')}</p>` : sure && html`<p>${sure}</p>`}<p class="small">${t('findings.confidence.words')}</p>
		<h3>${t(v.spoofable ? 'findings.spoofable.yes' : 'findings.spoofable.no')}</h3>
		<p class=${v.spoofable ? 'pg-warning' : ''}>${t(v.spoofable ? 'findings.spoof.yes' : 'findings.spoof.no')}</p>`;
}

/* What analysis takes back stays in the list, without confidence. */
const isWithdrawn = (v) => v.confidence === 0 && /^withdrawn/.test(v.detail ?? '');

function Known({ v, query }) {
	const address = /^[0-9a-f.:]+$/i.test(v.subject) && /[.:]/.test(v.subject);
	return html`<${Facts} pairs=${[
		[t('pages.col.kind'), kindName(v.kind), 'kind'],
		[t('pages.col.subject'), address ? html`<a href=${sourceAt(v.subject, query)}><${Outside} text=${v.subject} mono /></a>` : html`<${Outside} text=${v.subject} mono />`, 'subject'],
		[t('pages.col.sensor'), html`<${Outside} text=${v.sensor} />`],
		[t('pages.col.severity'), html`<${Severity} value=${v.severity} />`],
		[t('pages.col.spoofable'), html`<${Spoofable} value=${v.spoofable} />`],
		v.tool && [t('pages.col.tool'), v.tool === 'none' ? t('now.tool_none') : html`<${Outside} text=${v.tool} />`],
		v.shape && [t('findings.shape'), word('findings.shape', v.shape)],
		[t('pages.col.packets'), f.number(v.packets), 'packets'],
		v.targets !== null && [t('pages.col.targets'), f.number(v.targets), 'targets'],
		v.ports !== null && [t('pages.col.ports'), f.number(v.ports), 'ports'],
		v.destinations !== null && v.destinations !== v.targets && [t('findings.destinations'), f.number(v.destinations), 'destinations'],
		v.sources !== null && [t('pages.col.sources'), f.number(v.sources), 'sources'],
		[t('pages.col.first'), html`<${Time} at=${v.first} ns />`],
		[t('pages.col.last'), html`<${Time} at=${v.last} ns />`],
		[t('pages.col.place'), html`<${Place} place=${v} />`],
		v.detail && !isWithdrawn(v) && [t('findings.detail'), html`<${Outside} text=${v.detail} />`],
		v.port_list?.length > 0 && [t('findings.port_list'), html`<span class="mono">${v.port_list.slice(0, 64).join(', ')}${v.port_list.length > 64 ? ' …' : ''}</span>`],
		[t('findings.id'), html`<code>${v.id}</code>`],
	]} />`;
}

function Mute({ id, onClose, again }) {
	const [run, state] = useCommand(() => { again(); onClose(); });
	const send = (e) => {
		e.preventDefault();
		const v = values(e.currentTarget);
		run(`/findings/${id}/mute`, { reason: v.reason, until: fromLocal(v.until) });
	};
	return html`<${Dialog} title=${t('findings.mute.title')} onClose=${onClose}><form onSubmit=${send}>
		<p>${t('findings.mute.note')}</p>
		<${Field} label=${t('findings.mute.reason')} kind="area" name="reason" required maxlength="2000" />
		<${Field} label=${t('findings.mute.until')} kind="datetime-local" name="until" required defaultValue=${toLocal((Date.now() + 7 * 864e5) * 1e6)} />
		<${Outcome} state=${state} />
		<div class="pg-row"><button type="submit" class="primary" disabled=${state.busy}>${t('findings.mute')}</button>
		<button type="button" onClick=${onClose}>${t('pages.cancel')}</button></div></form><//>`;
}

function Doing({ d, v, again }) {
	const [run, state] = useCommand(again);
	const [dialog, open] = useState(null);
	const me = session.get()?.user;
	const send = (verb, name) => async (e) => {
		e.preventDefault();
		const form = e.currentTarget, text = values(form)[name].trim();
		if (text && await run(`/findings/${v.id}/${verb}`, { [name]: text }))
			form.reset();
	};
	return html`<form onSubmit=${send('comment', 'text')}><${Field} label=${t('findings.comment')} kind="area" name="text" required maxlength="2000" />
			<button type="submit" disabled=${state.busy}>${t('findings.comment.send')}</button></form>
		<form class="pg-row" onSubmit=${send('assign', 'user')}><${Field} label=${t('findings.assign.to')} name="user" required maxlength="64" />
			<button type="submit" disabled=${state.busy}>${t('findings.assign')}</button>
			<button type="button" disabled=${state.busy} onClick=${() => run(`/findings/${v.id}/assign`, { user: me })}>${t('findings.assign.me')}</button></form>
		<div class="pg-row">${d.muted_until
		? html`<button type="button" onClick=${() => run(`/findings/${v.id}/unmute`, {})}>${t('findings.unmute')}</button>`
		: html`<button type="button" onClick=${() => open('mute')}>${t('findings.mute')}</button>`}
		${/^own-(watch|suspect)$/.test(v.kind) && hasRight('see-subscriber') && html`<button type="button" class="primary" onClick=${() => open('case')}>${t('findings.case')}</button>`}</div>
		<${Outcome} state=${state} />
		${dialog === 'mute' && html`<${Mute} id=${v.id} again=${again} onClose=${() => open(null)} />`}
		${dialog === 'case' && html`<${NewCase} findings=${[v.id]} state=${v.kind === 'own-watch' ? 'watch' : 'suspected'}
			onClose=${() => open(null)} onMade=${(made) => navigate('/cases/' + encodeURIComponent(made))} />`}`;
}

function One({ d, mayWrite, again, query }) {
	const v = d.finding ?? d;
	const flags = Object.entries(v.packets_by_flags ?? {}).map(([key, n]) => ({ key, n }));
	return html`<h1>${t('findings.one', { kind: kindName(v.kind), subject: '' })}<${Outside} text=${v.subject} /></h1>
		<p class="pg-row"><a href=${href('/findings', { from: query.from, to: query.to })}>← ${t('findings.back')}</a>
			<a href=${exploreOf(v)}>${t('pages.explore.this')}</a>
			${d.packets !== null && d.packets !== undefined ? html`<a class="button" download href=${apiUrl(`/findings/${v.id}/pcap`)}>${t('findings.pcap')}</a>
				<span class="pg-quiet">${t('findings.pcap.size', { n: f.number(d.packets) })}</span>` : html`<span class="pg-quiet">${t('findings.pcap.none')}</span>`}
			${d.muted_until && html`<span class="pg-flag">${t('findings.muted', { time: f.dateTime(d.muted_until) })}</span>`}</p>
		<div class="pg-grid">
		<${Panel} title=${t('findings.facts')}><${Known} v=${v} query=${query} /><//>
		<${Panel} title=${t('findings.explain')}><${Words} v=${v} explain=${d.explain} /><${Counts} v=${v} explain=${d.explain} />
			${flags.length > 0 && html`<${Table} id="flags" caption=${t('findings.flags')} quiet=${false} rows=${flags} columns=${[
		{ key: 'key', title: t('pages.col.flags'), head: true, cell: (r) => html`<code>${r.key}</code> ${flagNames(r.key)}` },
		{ key: 'n', title: t('pages.col.packets'), num: true }]} />`}<//>
		<${Panel} title=${t('findings.samples')} cls="pg-wide"><${Samples} samples=${v.samples ?? []} /><//>
		<${Panel} title=${t('findings.remarks')}><p>${t('findings.assigned')}: ${d.assigned ? html`<${Outside} text=${d.assigned} />` : t('findings.assigned.nobody')}</p>
			<${Remarks} remarks=${d.remarks} />${mayWrite && html`<${Doing} d=${d} v=${v} again=${again} />`}<//>
		<${Panel} title=${t('findings.sent')}><${Table} id="sent" caption=${t('findings.sent')} rows=${d.sent ?? []} empty=${t('findings.sent.none')} columns=${[
		{ key: 'channel', title: t('system.alerts.channel'), head: true },
		{ key: 'at', title: t('pages.col.time'), cell: (r) => html`<${Time} at=${r.at} />` },
		{ key: 'state', title: t('pages.col.state'), cell: (r) => word('system.sent', r.state) },
		{ key: 'text', title: t('pages.col.text') }]} />
			${d.cases?.length > 0 && html`<h3>${t('findings.cases')}</h3><ul>${d.cases.map((c) => html`<li><a href=${'/cases/' + encodeURIComponent(c.id ?? c)}>${c.id ?? c}</a></li>`)}</ul>`}<//>
		</div>`;
}


export function Finding({ id, mayWrite }) {
	const [query] = useQuery();
	const ask = useApi('/findings/' + encodeURIComponent(id));
	return html`<${Answer} of=${ask}>${(d) => html`<${One} d=${d} mayWrite=${mayWrite} again=${ask.reload} query=${query} />`}<//>`;
}

