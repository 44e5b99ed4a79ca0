// SPDX-License-Identifier: Apache-2.0
// A value that components watch: get(), set(), subscribe(); useStore() draws the component again when it changes.
import { useEffect, useReducer } from 'preact/hooks';

export function store(value) {
	const watchers = new Set();
	return {
		get: () => value,
		set(next) {
			if (next === value)
				return;
			value = next;
			for (const w of [...watchers])
				w(value);
		},
		subscribe(w) {
			watchers.add(w);
			return () => watchers.delete(w);
		},
	};
}

export function useStore(s) {
	const [, again] = useReducer((n) => n + 1, 0);
	const seen = s.get();
	useEffect(() => {
		if (s.get() !== seen)
			again();
		return s.subscribe(() => again());
	}, [s]);
	return seen;
}
