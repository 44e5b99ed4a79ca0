// SPDX-License-Identifier: Apache-2.0
// Log in. The form works without this script too (POST /login).
import { html, useState, useEffect, useRef } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { api, session, typed } from '../lib/api.js';
import { useQuery } from '../lib/router.js';

/* Where to go then: a path of this server alone. */
function next(to) {
	return to && /^\/(?![/\\])/.test(to) ? to : '/now';
}

export default function Login() {
	const [query] = useQuery();
	const [bad, setBad] = useState(query.failed ? t('login.failed') : '');
	const [busy, setBusy] = useState(false);
	const user = useRef(null);
	useEffect(() => typed.user || user.current?.focus(), []);
	const submit = async (e) => {
		e.preventDefault();
		const form = Object.fromEntries(new FormData(e.currentTarget));
		setBusy(true);
		setBad('');
		try {
			session.set(await api('/login', undefined, { form, quiet: true }));
			location.assign(next(query.next));
		} catch (error) {
			setBad(error.status === 401 || error.status === 403 ? t('login.failed') : error.words);
			setBusy(false);
			user.current?.focus();
		}
	};
	return html`<form class="login card" method="post" action="/login" onSubmit=${submit} aria-describedby="login-bad">
		<h1>${t('login.title')}</h1>
		<label>${t('login.user')}<input ref=${user} name="user" defaultValue=${typed.user ?? ''} autocomplete="username" autocapitalize="off" spellcheck="false" required maxLength="63" /></label>
		<label>${t('login.password')}<input name="password" defaultValue=${typed.password ?? ''} type="password" autocomplete="current-password" required maxLength="1024" /></label>
		<p id="login-bad" class="bad" role="alert">${bad}</p>
		<button class="primary" type="submit" disabled=${busy}>${t('login.submit')}</button>
		<p class="small">${t('login.first')}</p></form>`;
}
