// SPDX-License-Identifier: Apache-2.0
// Another password for oneself; shown before all else when the present one was for once.
import { html, useState } from '../lib/html.js';
import { t } from '../lib/i18n.js';
import { post, session, whoami } from '../lib/api.js';
import { navigate } from '../lib/router.js';
import { useStore } from '../lib/store.js';
import { say } from '../ui/toast.js';

export default function Password() {
	const who = useStore(session);
	const [bad, setBad] = useState('');
	const submit = async (e) => {
		e.preventDefault();
		const el = e.currentTarget, form = Object.fromEntries(new FormData(el));
		if (form.new !== form.again) {
			setBad(t('password.differ'));
			return;
		}
		try {
			await post('/password', { old: form.old, new: form.new });
			el.reset();
			await whoami();
			say(t('password.done'));
			navigate('/now');
		} catch (error) {
			setBad(error.status === 403 || error.status === 401 ? t('password.wrong') : error.words);
		}
	};
	return html`<form class="login card" onSubmit=${submit} aria-describedby="password-bad">
		<h1>${t('nav.password')}</h1>
		${who?.must_change && html`<p>${t('password.must')}</p>`}
		<input type="text" name="user" value=${who?.user ?? ''} autocomplete="username" hidden readOnly />
		<label>${t('password.old')}<input name="old" type="password" autocomplete="current-password" required maxLength="1024" /></label>
		<label>${t('password.new')}<input name="new" type="password" autocomplete="new-password" required minLength="12" maxLength="1024" aria-describedby="password-rule" /></label>
		<p id="password-rule" class="small">${t('password.rule')}</p>
		<label>${t('password.again')}<input name="again" type="password" autocomplete="new-password" required maxLength="1024" /></label>
		<p id="password-bad" class="bad" role="alert">${bad}</p>
		<button class="primary" type="submit">${t('password.submit')}</button></form>`;
}
