// SPDX-License-Identifier: Apache-2.0
// Now: what comes at this moment, where from, and whether that is more than it was. ?screen=1: for the wall of a room.
import { html, useEffect, useMemo, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useApi } from '../lib/api.js';
import { href, navigate, useQuery } from '../lib/router.js';
import { liveState } from '../lib/live.js';
import { useStore } from '../lib/store.js';
import * as f from '../lib/format.js';
import { Choice, Switch } from '../ui/basic.js';
import { MapView, targetOf } from '../now/map.js';
import { Findings, Rotation, Sensors, Signals } from '../now/side.js';
import { KINDS, SPANS, Top, Total, useTotals } from '../now/tops.js';
import { nowMs, useMinute } from '../now/time.js';

/* A screen in a room isn't to go dark; asked again when the tab comes back. */
function useAwake(on) {
	useEffect(() => {
		if (!on || !navigator.wakeLock)
			return undefined;
		let lock = null;
		const ask = () => document.hidden || navigator.wakeLock.request('screen').then((l) => lock = l, () => {});
		ask();
		document.addEventListener('visibilitychange', ask);
		return () => {
			document.removeEventListener('visibilitychange', ask);
			lock?.release();
		};
	}, [on]);
}

function BigClock() {
	const [ms, set] = useState(nowMs());
	useEffect(() => {
		const timer = setInterval(() => set(nowMs()), 1000);
		return () => clearInterval(timer);
	}, []);
	return html`<time class="big-clock" dateTime=${new Date(ms).toISOString()}>${f.clock(new Date(ms))}</time>`;
}

function Rate({ rates }) {
	return html`<div class="stat"><dt>${t('now.rate')}</dt><dd>${rates?.known ? f.decimal(rates.total, rates.total < 100 ? 1 : 0) : t('core.wait')}</dd>
		<dd class="against small">${t('now.true_count')}</dd></div>`;
}

function Wall({ end, span, research, targets, sensors }) {
	const [query] = useQuery();
	const [paused, setPaused] = useState(false);
	const [rates, setRates] = useState(null);
	const of = useTotals(end, span, research).data;
	const state = useStore(liveState);
	useAwake(true);
	const leave = href('/now', { ...query, screen: null });
	useEffect(() => {
		const key = (e) => e.key === 'Escape' && navigate(leave);
		addEventListener('keydown', key);
		return () => removeEventListener('keydown', key);
	}, [leave]);
	return html`<h1 class="hidden">${t('nav.now')}</h1><div class="wall-head"><span class="brand">${t('core.product')}</span><dl class="stats"><${Rate} rates=${rates} />
			<${Total} label=${t('now.packets_' + span)} of=${of} what="packets" /><${Total} label=${t('now.sources_' + span)} of=${of} what="sources" /></dl>
			<div class="wall-end"><${BigClock} /><span class=${'live ' + state} role="status"><i aria-hidden="true"></i>${t('live.' + state)}</span></div>
			<div class="tools"><button type="button" aria-pressed=${paused ? 'true' : 'false'} onClick=${() => setPaused(!paused)}>${paused ? t('now.go_on') : t('now.pause')}</button><a class="button" href=${leave}>${t('now.leave_screen')}</a></div></div>
		<div class="wall"><div class="wall-left"><${MapView} screen=${true} targets=${targets} research=${research} paused=${paused} setPaused=${setPaused} onRates=${setRates} /><${Findings} /></div>
			<${Rotation} still=${paused}>${KINDS.map((k) => html`<${Top} key=${k} kind=${k} end=${end} span=${span} research=${research} compact=${true} />`)}<${Sensors} key="s" of=${sensors} /><//></div>`;
}

/* The newest record of the sensors, rounded up to a minute; null: none. */
const newestOf = (rows) => rows?.reduce((most, r) => Math.max(most, Math.ceil(Date.parse(r.progress ?? '') / 60000) * 60000 || 0), 0) || null;

/* Says that nothing came lately but did before, and leads there; or that one is there, and leads back. */
function Elsewhen({ end, at, newest, none, set }) {
	if (at)
		return html`<p class="elsewhen" role="status">${t('now.until', { time: f.dateTime(new Date(end)) })} <button type="button" onClick=${() => set({ to: null })}>${t('now.back')}</button></p>`;
	if (!none || !newest)
		return null;
	return html`<p class="elsewhen" role="status">${t('now.nothing_since', { time: f.dateTime(new Date(newest)), ago: f.ago(new Date(newest)) })}
		<button type="button" onClick=${() => set({ to: f.rfc3339(new Date(newest)) })}>${t('now.to_newest')}</button></p>`;
}

export default function Now() {
	const [query, set] = useQuery();
	const [paused, setPaused] = useState(false);
	const [rates, setRates] = useState(null);
	const minute = useMinute(), at = Date.parse(query.to ?? '') || null;
	const end = at ?? minute;
	const span = query.span in SPANS ? query.span : '1h';
	const research = query.research !== 'exclude';
	const sensors = useApi('/sensors', {}, { every: 60000 });
	const targets = useMemo(() => (sensors.data?.rows ?? []).filter((s) => s.id).slice(0, 12).map((s) => targetOf(s.id, s.place)), [sensors.data]);
	const totals = useTotals(end, span, research);
	if (query.screen === '1')
		return html`<${Wall} end=${end} span=${span} research=${research} targets=${targets} sensors=${sensors} />`;
	const newest = newestOf(sensors.data?.rows);
	return html`<div class="page-head"><h1>${t('nav.now')}</h1>
			<div class="tools"><${Choice} label=${t('period.label')} value=${span} onChange=${(v) => set({ span: v === '1h' ? null : v })} options=${Object.keys(SPANS).map((s) => [s, t('period.now-' + s)])} />
			<${Switch} on=${research} onChange=${(on) => set({ research: on ? null : 'exclude' })}>${t('filter.research')}<//></div></div>
		<${Elsewhen} end=${end} at=${at} newest=${newest} none=${totals.data?.now?.packets === 0 && newest <= end - SPANS[span]} set=${set} />
		<dl class="stats"><${Rate} rates=${rates} /><${Total} label=${at ? t('now.then_packets_' + span) : t('now.packets_' + span)} of=${totals.data} what="packets" /><${Total} label=${at ? t('now.then_sources_' + span) : t('now.sources_' + span)} of=${totals.data} what="sources" /></dl>
		<div class="now-main"><${MapView} targets=${targets} research=${research} paused=${paused} setPaused=${setPaused} onRates=${setRates} />
			<${Findings} /><div class="now-below"><${Signals} /><${Sensors} of=${sensors} /></div></div>
		<div class="now-tops">${KINDS.map((k) => html`<${Top} key=${k} kind=${k} end=${end} span=${span} research=${research} />`)}</div>`;
}
