// SPDX-License-Identifier: Apache-2.0
// What was found lately, signals, and how the sensors are.
import { html, useEffect, useState } from '../lib/html.js';
import { t, word } from '../lib/i18n.js';
import { useApi } from '../lib/api.js';
import { useLive } from '../lib/live.js';
import * as f from '../lib/format.js';
import { Ago, Badge, Confidence, Empty, Failed, Loading, Outside, Panel } from '../ui/basic.js';

const KEEP = 12;

export function Findings() {
	const { data, error, reload } = useApi('/findings', { limit: KEEP });
	const [come, setCome] = useState([]);
	useLive('finding', (x) => setCome((list) => [{ ...x, fresh: true }, ...list.filter((y) => y.id !== x.id)].slice(0, KEEP)));
	const rows = [...come, ...(data?.rows ?? []).filter((x) => !come.some((y) => y.id === x.id))].sort((a, b) => b.last_ns - a.last_ns).slice(0, KEEP);
	return html`<${Panel} title=${t('now.findings')} cls="findings" tools=${html`<a class="small" href="/findings">${t('now.all')}</a>`}>
		${!rows.length ? (error ? html`<${Failed} error=${error} retry=${reload} />` : data ? html`<${Empty}>${t('now.no_findings')}<//>` : html`<${Loading} />`)
			: html`<ul class="events">${rows.map((x) => html`<li key=${x.id} class=${x.fresh ? 'fresh' : ''}>
				<span class="event-what"><${Badge} kind=${x.severity}>${word('severity', x.severity)}<//> <a href=${'/findings/' + encodeURIComponent(x.id)}>${word('kind', x.kind)}${x.tool && x.tool !== 'none' ? html` · <${Outside} text=${x.tool} max=${30} />` : ''}</a></span>
				<span class="event-who"><${Outside} text=${x.subject} max=${60} mono=${true} /></span>
				<span class="event-more"><${Confidence} value=${x.confidence} /><span class="small">${t('now.n_packets', { n: x.packets })}</span><span class="small"><${Ago} at=${x.last_ns} /></span></span></li>`)}</ul>`}<//>`;
}

export function Signals() {
	const [list, set] = useState([]);
	useLive('signal', (x) => set((l) => [{ ...x, n: (l[0]?.n ?? 0) + 1 }, ...l].slice(0, 6)));
	useLive('gap', (x) => set((l) => [{ ...x, kind: 'gap', at_ns: x.from_ns, n: (l[0]?.n ?? 0) + 1 }, ...l].slice(0, 6)));
	return html`<${Panel} title=${t('now.signals')} cls="signals">${!list.length ? html`<${Empty}>${t('now.no_signals')}<//>`
		: html`<ul class="events">${list.map((x) => html`<li key=${x.n}><span class="event-what">${x.kind === 'gap' ? html`<${Badge} kind="warn">${t('now.gap')}<//>` : word('signal', x.kind)}</span>
			<span class="event-who"><${Outside} text=${x.kind === 'gap' ? x.reason : x.source ?? ''} max=${60} /></span><span class="event-more small"><${Outside} text=${x.sensor} max=${40} /> <${Ago} at=${x.at_ns} /></span></li>`)}</ul>`}<//>`;
}

const newest = (r) => r.progress_ns ?? r.progress ?? null;

/* rows of /sensors */
export function Sensors({ of: q }) {
	const rows = q.data?.rows.filter((r) => r.id);
	return html`<${Panel} title=${t('now.sensors')} cls="sensors" tools=${html`<a class="small" href="/system">${t('nav.system')}</a>`}>
		${!rows ? (q.error ? html`<${Failed} error=${q.error} retry=${q.reload} />` : html`<${Loading} />`)
			: !rows.length ? html`<${Empty}>${t('now.no_sensors')}<//>`
				: html`<ul class="events">${rows.slice(0, 20).map((r) => html`<li key=${r.id}><span class="event-what"><b><${Outside} text=${r.id} max=${40} /></b> <span class="small"><${Outside} text=${r.place ?? ''} max=${40} /></span></span>
					<span class="event-who"><${Clock} state=${r.clock_state ?? r.clock?.state} /></span>
					<span class="event-more small">${r.packets_24h !== undefined && r.packets_24h !== null && t('now.day_packets', { n: r.packets_24h })} ${newest(r) && html`<${Ago} at=${newest(r)} />`}
						${r.last_gap && html`<span class="warn">${t('now.last_gap')} <${Ago} at=${r.last_gap.to_ns ?? r.last_gap.from_ns} /></span>`}</span></li>`)}</ul>`}<//>`;
}

const Clock = ({ state }) => (state ? html`<${Badge} kind=${state === 'synchronised' || state === 'scenario' ? 'good' : 'warn'}>${word('clock', state)}<//>` : null);

/* Panels one after the other, each for a while; stands still when told. */
export function Rotation({ children, still, seconds = 12 }) {
	const list = children.flat().filter(Boolean);
	const [at, set] = useState(0);
	useEffect(() => {
		if (still)
			return undefined;
		const timer = setInterval(() => set((n) => (n + 1) % list.length), seconds * 1000);
		return () => clearInterval(timer);
	}, [still, list.length]);
	return html`<div class="rotation">${list[at % list.length]}${html`<p class="dots" aria-hidden="true">${list.map((_, i) => html`<i key=${i} class=${i === at % list.length ? 'on' : ''}></i>`)}</p>`}</div>`;
}

export const clockText = (ms) => f.clock(new Date(ms));
