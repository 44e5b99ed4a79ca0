// SPDX-License-Identifier: Apache-2.0
// Where the pages begin: words, session, then the shell.
import { html, render } from './lib/html.js';
import { load, t } from './lib/i18n.js';
import { language, languageChosen } from './lib/settings.js';
import { session, whoami } from './lib/api.js';
import { Shell } from './ui/shell.js';

const root = document.getElementById('app');
const login = location.pathname === '/login';

async function begin() {
	const asked = whoami().catch(() => session.set(false));
	await load(language.get());
	if (!login || !(await asked))
		document.title = t('core.product');
	const draw = () => {
		root.replaceChildren();
		render(html`<${Shell} />`, root);
	};
	draw();
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
