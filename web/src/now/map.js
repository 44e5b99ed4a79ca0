// SPDX-License-Identifier: Apache-2.0
// The map with its clock: live or a stored stretch, true counts in words, and the same as a table.
import { html, useEffect, useRef, useState, useMemo } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { useQuery, href } from '../lib/router.js';
import { calm, dark, language, keep, recall } from '../lib/settings.js';
import { useStore } from '../lib/store.js';
import { CLASSES, COLOURS, className, nine } from '../lib/classes.js';
import * as f from '../lib/format.js';
import { Scene } from '../map/scene.js';
import { live, replay } from '../map/feed.js';
import { Address, Choice, Panel, Failed } from '../ui/basic.js';
import { fromLocal, toLocal } from '../ui/period.js';
import { nowMs } from './time.js';

const SLOW = [1, .5, .25], FAST = [1, 10, 60, 600, 3600], WINDOW = 5000, LATEST = 60;

function resolved(name) {
	const probe = document.createElement('i');
	probe.style.color = `var(${name})`;
	document.body.append(probe);
	const value = getComputedStyle(probe).color;
	probe.remove();
	return value;
}

const palette = () => Object.fromEntries([['sea', '--sea'], ['land', '--land'], ['border', '--border'], ['ink', '--ink'], ['accent', '--accent']].map(([k, v]) => [k, resolved(v)]));

/* Counts of the last seconds, for figures a second. */
function meter() {
	let list = [];
	return {
		add(e) {
			const now = performance.now();
			list.push({ now, ms: e.ms, classes: nine(e.classes), packets: e.packets, placeless: e.arcs.filter((a) => a.lon === null).length, arcs: e.arcs.length });
			list = list.filter((x) => now - x.now < WINDOW);
		},
		read() {
			const now = performance.now();
			list = list.filter((x) => now - x.now < WINDOW);
			const seconds = list.reduce((n, x) => n + x.ms, 0) / 1000;
			const sum = (fn) => list.reduce((n, x) => n + fn(x), 0);
			return { known: list.length > 0, total: seconds ? sum((x) => x.packets) / seconds : 0, classes: CLASSES.map((_, i) => (seconds ? sum((x) => x.classes[i]) / seconds : 0)),
				placeless: sum((x) => x.placeless), arcs: sum((x) => x.arcs) };
		},
		clear: () => list = [],
	};
}

/* The scene on its canvas: as large as its box, in the theme's colours, drawn while it is to be seen. */
function useScene(canvas, box, middle, targets) {
	const scene = useRef(null);
	const [failed, setFailed] = useState(null);
	const [ready, setReady] = useState(0);
	const isDark = useStore(dark), isCalm = useStore(calm);
	useEffect(() => {
		let gone = false;
		fetch(WORLDS[middle]).then((r) => r.json()).then((world) => {
			if (gone)
				return;
			const old = scene.current;
			scene.current = new Scene(canvas.current, world);
			if (old)
				Object.assign(scene.current, { hidden: old.hidden, speed: old.speed });
			setReady((n) => n + 1);
		}).catch(() => setFailed({ words: t('error.unreachable') }));
		return () => gone = true;
	}, [middle]);
	useEffect(() => {
		const s = scene.current;
		if (!s || !box.current)
			return undefined;
		const fit = () => box.current && s.size(box.current.clientWidth, box.current.clientHeight, Math.min(2, devicePixelRatio || 1), isDark, palette());
		fit();
		s.frame(0);
		const watch = new ResizeObserver(() => {
			fit();
			s.frame(0);
		});
		watch.observe(box.current);
		return () => watch.disconnect();
	}, [ready, isDark]);
	useEffect(() => scene.current?.setTargets(targets), [ready, targets]);
	useEffect(() => {
		const s = scene.current;
		if (!s)
			return undefined;
		s.calm = isCalm;
		let last = performance.now(), handle = 0, idle = 0;
		const step = () => {
			const now = performance.now();
			/* Nothing flies: the few things that move can do with ten frames a second. */
			if (s.count() || ++idle % 6 === 0) {
				s.frame(Math.min(250, now - last));
				last = now;
			}
			handle = isCalm ? setTimeout(step, 1000) : requestAnimationFrame(step);
		};
		if (isCalm)
			idle = 5;
		step();
		return () => (isCalm ? clearTimeout(handle) : cancelAnimationFrame(handle));
	}, [ready, isCalm]);
	return [scene, ready, failed];
}

/* {lat, lon} of a sensor whose place is told as "35.68, 139.77". */
export function targetOf(name, place) {
	const m = /(-?\d{1,2}(?:\.\d+)?)\s*[,;]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(place ?? '');
	return m ? { name, lat: +m[1], lon: +m[2] } : { name };
}

function Legend({ rates, hidden, toggle, isDark }) {
	return html`<ul class="legend" aria-label=${t('now.legend')}>${CLASSES.map((c, i) => html`<li key=${c}>
		<button type="button" aria-pressed=${hidden.has(i) ? 'false' : 'true'} onClick=${() => toggle(i)} title=${t('now.toggle', { name: className(c) })}>
			<i style=${{ background: COLOURS[isDark ? 'dark' : 'light'][i] }}></i><span class="legend-name">${className(c)}</span>
			<span class="legend-rate">${rates.known ? f.decimal(rates.classes[i], rates.classes[i] < 10 ? 1 : 0) : t('core.none')}</span></button></li>`)}</ul>`;
}

function Latest({ list }) {
	return html`<div class="grid-scroll latest" tabIndex="0" role="group" aria-label=${t('now.latest')}><table><caption class="hidden">${t('now.latest')}</caption><thead><tr>
		<th scope="col"><span>${t('now.time')}</span></th><th scope="col"><span>${t('now.source')}</span></th><th scope="col"><span>${t('filter.class')}</span></th><th scope="col" class="num"><span>${t('filter.dport')}</span></th></tr></thead>
		<tbody>${list.map((a) => html`<tr key=${a.id}><td class="mono">${f.clock(a.ns)}</td><td><${Address} address=${a.address} /></td><td>${className(CLASSES[a.cls])}</td><td class="num">${a.dport ?? t('core.none')}</td></tr>`)}</tbody></table></div>`;
}

function ReplayBar({ player, state, set, leave }) {
	const { from, to, at, speed, paused } = state;
	const submit = (e) => {
		e.preventDefault();
		set({ replay: fromLocal(new FormData(e.currentTarget).get('at')) });
	};
	return html`<div class="replay">
		<form class="tools" onSubmit=${submit}><label><span class="small">${t('now.replay_from')}</span><input key=${from} type="datetime-local" name="at" required defaultValue=${toLocal(from)} /></label><button type="submit">${t('now.replay_go')}</button></form>
		<${Choice} label=${t('now.speed')} value=${speed} options=${FAST.map((x) => [x, '×' + f.number(x)])} onChange=${(x) => set({ speed: x === 60 ? null : x })} />
		<input class="seek" type="range" min="0" max="3600" value=${Math.round((at - from) / 1e9)} aria-label=${t('now.seek')} aria-valuetext=${f.dateTime(at)}
			onInput=${(e) => player.current?.seek(from + e.currentTarget.value * 1e9)} />
		<output class="mono">${f.dateTime(at)}</output>
		${at >= to && html`<span class="small">${t('now.replay_end')}</span>`}${paused && at < to && html`<span class="small">${t('now.paused')}</span>`}
		<button type="button" onClick=${leave}>${t('now.to_live')}</button></div>`;
}

/* The player of the query's hour; null while live. */
function useFeed({ query, give, paused, research }) {
	const from = query.replay ? Date.parse(query.replay) * 1e6 : null;
	const speed = FAST.includes(+query.speed) ? +query.speed : 60;
	const player = useRef(null);
	const [at, moved] = useState(from);
	const [error, setError] = useState(null);
	useEffect(() => {
		if (!Number.isFinite(from) || from === null)
			return live(give);
		setError(null);
		moved(from);
		let shown = 0;
		player.current = replay({ from, to: from + 3600e9, speed, give, params: research ? {} : { research: 'exclude' }, failed: setError,
			moved: (ns) => {
				if (performance.now() - shown > 240 || ns >= from + 3600e9) {
					shown = performance.now();
					moved(ns);
				}
			}, ended: () => {} });
		return () => {
			player.current.stop();
			player.current = null;
		};
	}, [from, research]);
	useEffect(() => player.current?.speed(speed), [speed]);
	useEffect(() => player.current?.pause(paused), [paused, from]);
	return { player, error, state: from ? { from, to: from + 3600e9, at: at ?? from, speed, paused } : null };
}

export function MapView({ targets, screen, research, onRates, paused, setPaused }) {
	const canvas = useRef(null), box = useRef(null), counts = useMemo(meter, []), latest = useRef([]), serial = useRef(0);
	const [query, set] = useQuery();
	const [rates, setRates] = useState(counts.read());
	const [slow, setSlow] = useState(1);
	const [sensors, setSensors] = useState(null);
	const [table, setTable] = useState(false);
	const isDark = useStore(dark), isCalm = useStore(calm);
	const [middle, setMiddle] = useState(() => (['0', '150'].includes(recall('middle')) ? recall('middle') : language.get() === 'ja' ? '150' : '0'));
	const hidden = useMemo(() => new Set((query.hide ?? '').split(',').filter(Boolean).map((c) => CLASSES.indexOf(c))), [query.hide]);
	const aims = useMemo(() => (sensors ? sensors.map((name) => targets.find((x) => x.name === name) ?? { name }) : targets.length ? targets : [{ name: t('now.darknet') }]), [sensors, targets]);
	const [scene, ready, failed] = useScene(canvas, box, middle, aims);
	const how = useRef({});
	how.current = { paused, slow };
	const give = useMemo(() => (e) => {
		const s = scene.current;
		if (how.current.paused)
			return;
		counts.add(e);
		if (e.sensors && e.sensors.join() !== give.sensors) {
			give.sensors = e.sensors.join();
			setSensors(e.sensors.slice(0, 12));
		}
		const every = Math.round(1 / how.current.slow);
		e.arcs.forEach((a, i) => {
			if (s && a.lon !== null && i % every === 0)
				s.add(a.lon, a.lat, a.cls, a.sensor, s.clock + a.at);
		});
		latest.current = [...e.arcs.slice(-LATEST).reverse().map((a) => ({ ...a, id: ++serial.current })), ...latest.current].slice(0, LATEST);
	}, []);
	const feed = useFeed({ query, give, paused, research });
	useEffect(() => {
		const s = scene.current;
		if (s) {
			s.hidden = hidden;
			s.speed = paused ? 0 : slow;
		}
	}, [ready, hidden, paused, slow]);
	useEffect(() => {
		counts.clear();
		scene.current?.clear();
		latest.current = [];
	}, [query.replay]);
	useEffect(() => {
		const timer = setInterval(() => {
			if (document.hidden || how.current.paused)
				return;
			const r = counts.read();
			setRates(r);
			onRates?.(r);
		}, isCalm ? 1000 : 500);
		return () => clearInterval(timer);
	}, [isCalm]);
	const toggle = (i) => {
		const next = CLASSES.filter((_, n) => (n === i) !== hidden.has(n));
		set({ hide: next.join(',') }, { replace: true });
	};
	const centre = () => {
		const next = middle === '0' ? '150' : '0';
		keep('middle', next);
		setMiddle(next);
	};
	const startReplay = () => set({ replay: f.rfc3339(new Date(Math.floor(nowMs() / 3600000 - 1) * 3600000)) });
	const said = t('now.map_said', { total: Math.round(rates.total), sensors: aims.map((a) => a.name).join(', ') });
	const unknown = rates.placeless > 0 && t('now.placeless', { n: rates.placeless, of: rates.arcs, share: f.percent(rates.placeless / rates.arcs) });
	const picture = html`<div class="map-box" ref=${box}><canvas ref=${canvas} role="img" aria-label=${said}></canvas>${failed && html`<${Failed} error=${failed} />`}
		${query.replay && html`<p class="map-mark">${t('now.replay')}</p>`}${paused && html`<p class="map-mark">${t('now.paused')}</p>`}</div>
		<${Legend} rates=${rates} hidden=${hidden} toggle=${toggle} isDark=${isDark} />`;
	if (screen)
		return html`<div class="map">${picture}</div>`;
	const tools = html`<button type="button" aria-pressed=${paused ? 'true' : 'false'} onClick=${() => setPaused(!paused)}>${paused ? t('now.go_on') : t('now.pause')}</button>
		<${Choice} label=${t('now.slow')} value=${slow} onChange=${setSlow} options=${SLOW.map((x) => [x, '×' + f.decimal(x, 2)])} />
		${!query.replay && html`<button type="button" onClick=${startReplay}>${t('now.replay')}</button>`}
		<button type="button" onClick=${centre}>${t(middle === '0' ? 'now.centre_150' : 'now.centre_0')}</button>
		<button type="button" aria-pressed=${table ? 'true' : 'false'} onClick=${() => setTable(!table)}>${t('core.as_table')}</button>
		<a class="button" href=${href('/now', { ...query, screen: 1 })}>${t('now.screen')}</a>`;
	return html`<${Panel} title=${query.replay ? t('now.replay') : t('now.map')} cls="map" tools=${tools}>
		${feed.state && html`<${ReplayBar} player=${feed.player} state=${feed.state} set=${set} leave=${() => set({ replay: null, speed: null })} />`}
		${feed.error && html`<${Failed} error=${feed.error} retry=${() => feed.player.current?.seek(feed.state.at)} />`}
		${picture}<p class="small">${t('now.sampled')} ${unknown}</p>${table && html`<${Latest} list=${latest.current} />`}<//>`;
}
