// SPDX-License-Identifier: Apache-2.0
// The frame of every page: bar, navigation, choices of the viewer, the page itself, what is told.
import { html, useEffect, useState, useRef } from '../lib/html.js';
import { t, choose, loaded } from '../lib/i18n.js';
import { usePath, useQuery, href, navigate } from '../lib/router.js';
import { language, LANGUAGES, theme, THEMES, keep, timeZone, zone, letters } from '../lib/settings.js';
import { api, ended, session, post, toLogin, trouble } from '../lib/api.js';
import { liveState } from '../lib/live.js';
import { useStore } from '../lib/store.js';
import { Toasts } from './toast.js';
import { Failed, Loading, Switch } from './basic.js';
import Now from '../pages/now.js';

/* Each page is a file of its own that is fetched when it is first opened; Now comes with the shell. */
const PAGES = {
	now: () => Promise.resolve({ default: Now }),
	explore: () => import('../pages/explore.js'),
	sources: () => import('../pages/sources.js'),
	findings: () => import('../pages/findings.js'),
	own: () => import('../pages/own.js'),
	cases: () => import('../pages/cases.js'),
	reports: () => import('../pages/reports.js'),
	system: () => import('../pages/system.js'),
	help: () => import('../pages/help.js'),
	login: () => import('../pages/login.js'),
	password: () => import('../pages/password.js'),
	absent: () => import('../pages/absent.js'),
};
const NAV = ['now', 'explore', 'sources', 'findings', 'own', 'cases', 'reports', 'system', 'help'];
const known = { now: Now };

function Brand() {
	return html`<a class="brand" href="/now"><svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><g fill="none" stroke="currentColor" stroke-linecap="round" stroke-width="3"><path d="M5 9.5q11 2.5 22 0M8 15h16M10.5 10.500 9.500 26M21.500 10.500l1 15.500" /></g></svg>${t('core.product')}</a>`;
}

function LiveMark() {
	const state = useStore(liveState);
	useEffect(() => {
		if (state === 'over')
			toLogin();
	}, [state]);
	return state === 'off' ? null : html`<span class=${'live ' + state} role="status"><i aria-hidden="true"></i>${t('live.' + state)}</span>`;
}

/* A menu that opens under its button; Escape and a click elsewhere close it. */
function Menu({ label, title, children }) {
	const el = useRef(null);
	useEffect(() => {
		const shut = (e) => el.current?.open && !el.current.contains(e.target) && (el.current.open = false);
		const escape = (e) => e.key === 'Escape' && el.current?.open && (el.current.open = false, el.current.firstElementChild.focus());
		addEventListener('click', shut);
		addEventListener('keydown', escape);
		return () => {
			removeEventListener('click', shut);
			removeEventListener('keydown', escape);
		};
	}, []);
	return html`<details class="menu" ref=${el}><summary aria-label=${title} title=${title}>${label}</summary><div class="menu-body">${children}</div></details>`;
}

const ZONES = ['Asia/Tokyo', 'UTC', 'Europe/London', 'America/New_York', 'Asia/Singapore'];

function Settings() {
	const chosen = useStore(theme), z = useStore(zone), l = useStore(language);
	const zones = [...new Set([timeZone(), Intl.DateTimeFormat().resolvedOptions().timeZone, ...ZONES])];
	const setZone = (e) => {
		keep('tz', e.currentTarget.value);
		zone.set(e.currentTarget.value);
	};
	const setTheme = (e) => {
		keep('theme', e.currentTarget.value);
		theme.set(e.currentTarget.value);
	};
	return html`<${Menu} label=${html`<span aria-hidden="true">⚙</span>`} title=${t('core.settings')}>
		<label>${t('core.language')} <select value=${l} onChange=${(e) => choose(e.currentTarget.value)}>${LANGUAGES.map((x) => html`<option value=${x} lang=${x}>${t('lang.' + x)}</option>`)}</select></label>
		<label>${t('core.theme')} <select value=${chosen} onChange=${setTheme}>${THEMES.map((x) => html`<option value=${x}>${t('theme.' + x)}</option>`)}</select></label>
		<label>${t('core.zone')} <select value=${z ?? timeZone()} onChange=${setZone}>${zones.map((x) => html`<option value=${x}>${x}</option>`)}</select></label>
		<${Switch} on=${useStore(letters)} onChange=${(on) => (keep('letters', on ? null : 'off'), letters.set(on))}>${t('core.letters')}<//>
	<//>`;
}

async function logout() {
	try {
		await post('/logout', {}, { quiet: true });
	} finally {
		location.assign('/login');
	}
}

function User({ who }) {
	return html`<${Menu} label=${who.user} title=${t('core.user', { user: who.user })}>
		<p class="small">${t('level.' + (who.level ?? 'viewer'))}</p>
		<a href="/password">${t('core.change_password')}</a>
		<button type="button" onClick=${logout}>${t('core.logout')}</button>
	<//>`;
}

function Bar({ at, who }) {
	const [query] = useQuery();
	const l = useStore(language);
	const other = l === 'ja' ? 'en' : 'ja';
	const swap = (e) => {
		e.preventDefault();
		e.stopPropagation();
		choose(other);
	};
	return html`<header class="bar">
		<${Brand} />
		${who && html`<nav aria-label=${t('core.nav')}>${NAV.map((name) => html`<a key=${name} href=${'/' + name} aria-current=${at === name ? 'page' : undefined}>${t('nav.' + name)}</a>`)}</nav>`}
		<div class="bar-end">
			<${LiveMark} />
			<span class="zone small" title=${t('core.zone')}>${timeZone()}</span>
			<a class="small" lang=${other} hreflang=${other} href=${href(location.pathname, { ...query, lang: other })} onClick=${swap}>${t('lang.' + other)}</a>
			<${Settings} />
			${who && html`<${User} who=${who} />`}
		</div></header>`;
}

/* "/" goes to the filter of the page, "?" to Help; not while something is written. */
function useLetters() {
	useEffect(() => {
		const key = (e) => {
			if (!letters.get() || e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.('input, select, textarea, dialog, [contenteditable]'))
				return;
			const filter = e.key === '/' && document.querySelector('main .chips input, main input[type=search], main .chips select');
			if (filter) {
				e.preventDefault();
				filter.focus();
			} else if (e.key === '?')
				navigate('/help');
		};
		addEventListener('keydown', key);
		return () => removeEventListener('keydown', key);
	}, []);
}

/* The page's code, fetched once. */
function usePage(name) {
	const [, again] = useState(0);
	const [failed, setFailed] = useState(null);
	useEffect(() => {
		setFailed(null);
		if (!known[name])
			PAGES[name]().then((m) => (known[name] = m.default, again((n) => n + 1)), setFailed);
	}, [name]);
	return [known[name], failed];
}

/* The login is in another tab, so that what was typed here stays; coming back finds the new session. */
function Ended() {
	const over = useStore(ended);
	useEffect(() => {
		if (!over)
			return undefined;
		const look = () => document.hidden || api('/session', undefined, { quiet: true }).then((who) => (session.set(who), ended.set(false)), () => {});
		document.addEventListener('visibilitychange', look);
		addEventListener('focus', look);
		return () => {
			document.removeEventListener('visibilitychange', look);
			removeEventListener('focus', look);
		};
	}, [over]);
	const el = useRef(null);
	/* Above an open dialog, which makes all else inert. */
	useEffect(() => over && el.current?.showPopover?.(), [over]);
	return over && html`<div class="ended" role="alert" popover="manual" ref=${el}>${t('core.ended')} <a href="/login" target="_blank" rel="noopener">${t('core.ended_login')}</a></div>`;
}

export function Shell() {
	const [first = 'now', ...rest] = usePath();
	const [query] = useQuery();
	const who = useStore(session);
	useStore(loaded);
	useStore(zone);
	useStore(language);
	let name = first in PAGES ? first : 'absent';
	if (who?.must_change && name !== 'login')
		name = 'password';
	const [Page, failed] = usePage(name);
	const why = useStore(trouble);
	useLetters();
	const screen = query.screen === '1' && name === 'now';
	useEffect(() => {
		document.title = `${t('nav.' + name)} - ${t('core.product')}`;
		document.documentElement.classList.toggle('screen', screen);
	}, [name, screen, language.get()]);
	return html`<a class="skip" href="#main">${t('core.skip')}</a>
		${!screen && html`<${Bar} at=${name} who=${who} />`}
		<main id="main" tabIndex="-1" class=${'page page-' + name} key=${language.get()}>
			${!who && name !== 'login' ? (why ? html`<${Failed} error=${why} />` : html`<${Loading} />`) : failed ? html`<${Failed} retry=${() => location.reload()} />` : Page ? html`<${Page} path=${rest} id=${rest[0]} key=${name} />` : html`<${Loading} />`}
		</main><${Ended} /><${Toasts} />`;
}
