// SPDX-License-Identifier: Apache-2.0
/* System: is what we see whole? Each part is a tab of the address. Accounts are in accounts.js. */
import * as f from '../lib/format.js';
import { html } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { may } from '../lib/rights.js';
import { useQuery } from '../lib/router.js';
import { Answer, Outside, Panel } from '../ui/basic.js';
import { Period } from '../ui/period.js';
import { DataTable } from '../ui/table.js';
import { Audit, Tokens, Users } from './accounts.js';
import { useApi, useSpan } from './kit.js';
import { Facts, Table, Time } from './parts.js';
import { Gaps } from './explore.js';

const EVERY = 10000;
/* A note of the console that has a tab of its own. */
const CERTIFICATE = /certificate until (\S+), SHA-256 ([0-9a-f]{64})/;
const bytes = (n) => (n === null || n === undefined ? t('pages.unknown') : html`<span title=${f.number(n)}>${f.bytes(n)}</span>`);

function Sensors() {
	const ask = useApi('/sensors', {}, { every: EVERY });
	return html`<${Panel} title=${t('system.sensors')}><${Answer} of=${ask}>${(d) => html`<${Table} id="sensors" caption=${t('system.sensors')} rows=${d.rows.filter((r) => r.id || r.packets_24h)} rowKey=${(r) => r.id} columns=${[
		{ key: 'id', title: t('pages.col.sensor'), head: true, cell: (r) => (r.id ? html`<${Outside} text=${r.id} />` : t('pages.unknown')) },
		{ key: 'tenant', title: t('system.sensor.tenant') },
		{ key: 'place', title: t('system.sensor.place') },
		{ key: 'dark', title: t('system.sensor.dark'), cell: (r) => html`<ul class="pg-lines">${lines(r.dark).map((l) => html`<li><${Outside} text=${darkOf(l)} mono /></li>`)}</ul>` },
		{ key: 'dark_addresses', title: t('system.sensor.dark_addresses'), num: true },
		{ key: 'packets_24h', title: t('system.sensor.day'), num: true },
		{ key: 'progress', title: t('system.sensor.last'), cell: (r) => html`<${Time} at=${lastOf(r)} />` },
		{ key: 'clock', title: t('system.sensor.clock'), cell: (r) => clockOf(r) },
		{ key: 'last_gap', title: t('system.sensor.gap'), cell: (r) => (r.last_gap ? html`<${Time} at=${r.last_gap.from} /> – <${Time} at=${r.last_gap.to} />` : t('pages.none')) },
	]} />`}<//><//>`;
}

const lines = (v) => (Array.isArray(v) ? v : String(v ?? '').split('\n').filter(Boolean));
/* "PREFIX FROM TO", where - is no end */
const darkOf = (l) => l.split(' ').filter((x, i) => i === 0 || x !== '-').join(' ');
const lastOf = (r) => (typeof r.progress === 'string' ? r.progress : r.progress?.last_packet ?? r.progress?.minute ?? r.progress?.at ?? null);
function clockOf(r) {
	const c = r.clock ?? {};
	const state = c.state ?? r.clock_state, off = c.offset_ns ?? r.clock_offset_ns;
	return html`${word('system.clock', state)}${off ? ` (${f.decimal(off / 1e6, 3)} ms)` : ''}`;
}

function Clock({ span }) {
	const ask = useApi('/clock', { from: span.from, to: span.to });
	return html`<${Panel} title=${t('system.clock')}><${Answer} of=${ask}>${(d) => html`<${DataTable} id="clock" label=${t('system.clock')} rows=${d.rows} columns=${[
		{ key: 'sensor', label: t('pages.col.sensor') },
		{ key: 'minute', label: t('pages.col.time'), render: (r) => f.dateTime(r.minute * 6e10), text: (r) => new Date(r.minute * 60000).toISOString() },
		{ key: 'state', label: t('pages.col.state'), render: (r) => word('system.clock', r.state) },
		{ key: 'offset_ns', label: t('system.sensor.offset'), num: true, render: (r) => f.decimal(r.offset_ns / 1e6, 3) + ' ms' },
		{ key: 'source', label: t('system.clock.source') }]} />`}<//><p class="small">${t('system.clock.note')}</p><//>`;
}

function GapList({ span }) {
	const ask = useApi('/gaps', { from: span.from, to: span.to });
	return html`<${Panel} title=${t('system.gaps')}><${Answer} of=${ask}>${(d) => html`<${Gaps} gaps=${d.rows} />`}<//><//>`;
}

/* Counters that say something was lost or waits, whatever the role calls them. */
const sum = (counters, test) => Object.entries(counters ?? {}).filter(([k, v]) => test.test(k) && typeof v === 'number').reduce((n, [, v]) => n + v, 0);

function Counters({ role }) {
	const rows = Object.entries(role.counters ?? {}).map(([key, value]) => ({ key, value }));
	return html`<details><summary>${role.name}: ${t('system.role.counters')}</summary><${Table} caption=${`${role.name}: ${t('system.role.counters')}`} rows=${rows} columns=${[
		{ key: 'key', title: t('pages.col.name'), head: true, cell: (r) => html`<code>${r.key}</code>` },
		{ key: 'value', title: t('pages.col.value'), num: true, cell: (r) => (typeof r.value === 'number' ? f.number(r.value) : html`<${Outside} text=${r.value} />`) }]} /></details>`;
}

function Roles() {
	const ask = useApi('/status', {}, { every: EVERY });
	return html`<${Answer} of=${ask}>${(d) => html`<${Panel} title=${t('system.problems')}>
			${!d.problems?.some((p) => p.weight !== 'note') && html`<p class="good">${t('system.problems.none')}</p>`}
			${d.problems?.some((p) => !CERTIFICATE.test(p.text)) && html`<ul>${d.problems.filter((p) => !CERTIFICATE.test(p.text)).map((p) => html`<li><strong>${word('system.weight', p.weight)}</strong> <${Outside} text=${p.text ?? p} max=${400} /></li>`)}</ul>`}
			<${Facts} pairs=${[[t('system.daemon'), word('system.state', d.daemon)], [t('system.version'), html`<${Outside} text=${d.version} />`]]} /><//>
		<${Panel} title=${t('system.roles')}><${Table} id="roles" caption=${t('system.roles')} rows=${d.roles} rowKey=${(r) => r.name} columns=${[
		{ key: 'name', title: t('system.role'), head: true, cell: (r) => html`<span class="pg-whole"><${Outside} text=${r.name} /></span>` },
		{ key: 'state', title: t('pages.col.state'), cell: (r) => html`<span class=${'pg-state pg-state-' + r.state}>${word('system.state', r.state)}</span>` },
		{ key: 'started', title: t('system.role.since'), cell: (r) => html`<${Time} at=${r.started} />` },
		{ key: 'restarts', title: t('system.role.restarts'), num: true },
		{ key: 'resident_bytes', title: t('system.role.memory'), num: true, cell: (r) => bytes(r.resident_bytes) },
		{ key: 'dropped', title: t('system.role.drops'), num: true, cell: (r) => f.number(sum(r.counters, /dropped/)) },
		{ key: 'waiting', title: t('system.role.queue'), num: true, cell: (r) => bytes(r.counters?.waiting_bytes ?? 0) },
		{ key: 'lost', title: t('system.role.lost'), num: true, cell: (r) => f.number(sum(r.counters, /lost|unkept|failed/)) },
		{ key: 'refused', title: t('system.role.refused'), num: true, cell: (r) => f.number(sum(r.counters, /refused/)) },
		{ key: 'last_end', title: t('system.role.last_end'), cell: (r) => html`<${Outside} text=${r.last_end || t('core.none')} />` },
	]} />${d.roles.filter((r) => Object.keys(r.counters ?? {}).length).map((r) => html`<${Counters} key=${r.name} role=${r} />`)}<//>`}<//>`;
}

const DISK = ['store', 'database', 'archive', 'packets', 'pinned', 'free', 'total'];

function Disk() {
	const ask = useApi('/disk');
	return html`<${Answer} of=${ask}>${(d) => html`<div class="pg-grid"><${Panel} title=${t('system.disk')}><${Facts} pairs=${DISK.map((k) => [t('system.disk.' + k), bytes(d[k]), k])} /><//>
		<${Panel} title=${t('system.retention')}><${Table} id="retention" caption=${t('system.retention')} rows=${d.retention} empty=${t('system.retention.none')} columns=${[
		{ key: 'kind', title: t('system.retention.what'), head: true },
		{ key: 'at', title: t('system.retention.at'), cell: (r) => html`<${Time} at=${r.at} />` },
		{ key: 'until', title: t('system.retention.until'), cell: (r) => html`<${Time} at=${r.until} />` },
		{ key: 'dropped', title: t('system.retention.dropped'), num: true },
		{ key: 'octets', title: t('system.retention.octets'), num: true, cell: (r) => bytes(r.octets) },
		{ key: 'held', title: t('system.retention.held'), num: true }]} /><//></div>`}<//>`;
}

function Alerts() {
	const ask = useApi('/alerts', {}, { every: EVERY });
	return html`<${Panel} title=${t('system.alerts')}><${Answer} of=${ask}>${(d) => html`<${DataTable} id="alerts" label=${t('system.alerts')} rows=${d.rows} columns=${[
		{ key: 'at', label: t('pages.col.time'), render: (r) => html`<${Time} at=${r.at} />` },
		{ key: 'channel', label: t('system.alerts.channel') },
		{ key: 'state', label: t('pages.col.state'), render: (r) => word('system.sent', r.state) },
		{ key: 'subject', label: t('pages.col.subject'), render: (r) => (/^[0-9a-f]{32}$/.test(r.subject) ? html`<a class="mono" href=${'/findings/' + r.subject}>${r.subject.slice(0, 8)}</a>` : html`<${Outside} text=${r.subject} />`) },
		{ key: 'text', label: t('pages.col.text'), wrap: true }]} />`}<//><//>`;
}

function Certificate() {
	const ask = useApi('/status');
	return html`<${Panel} title=${t('system.certificate')}><${Answer} of=${ask}>${(d) => {
		const note = CERTIFICATE.exec((d.roles ?? []).find((r) => r.role === 'console')?.note ?? '');
		return note ? html`<${Facts} pairs=${[[t('system.certificate.until'), f.date(note[1]), 'until'],
			[t('system.certificate.fingerprint'), html`<span class="mono">${note[2].match(/../g).join(':').toUpperCase()}</span>`, 'fingerprint']]} />
			<p class="small">${t('system.certificate.note')}</p>` : html`<p class="soft">${t('system.certificate.none')}</p>`;
	}}<//><//>`;
}

const TABS = [
	{ name: 'sensors', show: Sensors }, { name: 'clock', show: Clock, period: true }, { name: 'gaps', show: GapList, period: true },
	{ name: 'roles', show: Roles }, { name: 'disk', show: Disk }, { name: 'alerts', show: Alerts }, { name: 'audit', show: Audit, level: 'admin' },
	{ name: 'users', show: Users, level: 'admin' }, { name: 'tokens', show: Tokens }, { name: 'certificate', show: Certificate },
];

export default function System() {
	const [query] = useQuery();
	const mine = TABS.filter((x) => !x.level || may(x.level));
	const now = mine.find((x) => x.name === query.tab) ?? mine[0];
	const span = useSpan(query);
	return html`<h1>${t('system.title')}</h1>
		<nav class="pg-tabs" aria-label=${t('system.tabs')}>${mine.map((x) => html`<a key=${x.name} href=${'/system?tab=' + x.name} aria-current=${x === now ? 'page' : undefined}>${t('system.tab.' + x.name)}</a>`)}</nav>
		${now.period && html`<div class="pg-controls"><${Period} /></div>`}
		<${now.show} span=${span} key=${now.name} />`;
}
