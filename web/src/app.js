// SPDX-License-Identifier: Apache-2.0
// Where the pages begin: words, session, then the shell.
import { html, render } from './lib/html.js';
import { load } from './lib/i18n.js';
import { language, languageChosen } from './lib/settings.js';
import { session, trouble, typed, whoami } from './lib/api.js';
import { Shell } from './ui/shell.js';

const root = document.getElementById('app');
const login = location.pathname === '/login';

/* Who is it? Asked again while nobody answers: a server that starts, or whose desk is away. */
async function ask() {
	for (;;) {
		try {
			const who = await whoami();
			trouble.set(null);
			return who;
		} catch (error) {
			trouble.set(error);
			await new Promise((done) => setTimeout(done, 2000));
		}
	}
}

async function begin() {
	const asked = ask();
	await load(language.get());
	/* The form that was there before this script may have something in it by now. */
	const form = document.forms[0];
	if (form)
		Object.assign(typed, { user: form.user.value, password: form.password.value });
	root.replaceChildren();
	render(html`<${Shell} />`, root);
	const who = await asked;
	/* The user's own language, unless this browser was told another. */
	if (who && !languageChosen() && who.language && who.language !== language.get()) {
		await load(who.language);
		language.set(who.language);
	}
	if (!session.get() && !login)
		location.replace('/login?next=' + encodeURIComponent(location.pathname + location.search));
}

begin();
