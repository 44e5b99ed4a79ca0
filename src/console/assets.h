// SPDX-License-Identifier: Apache-2.0
/*
 * The files of the pages, in the program itself: made of web/ at build by web/build.mjs, sorted by path.
 * `/index.html` is served for every page, `/login.html` (the same with a form that needs no script) for /login.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asset {
	const char *path, *type;	  /* "/assets/app-5RWXQ2.js", "text/javascript; charset=utf-8" */
	const uint8_t *plain, *gzip, *br; /* NULL: this encoding would not be smaller */
	size_t plain_n, gzip_n, br_n;
	bool immutable; /* its name has a hash of what is in it: may be kept for ever */
};

extern const struct asset assets[];
extern const size_t assets_n;
