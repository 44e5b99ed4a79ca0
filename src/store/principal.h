// SPDX-License-Identifier: Apache-2.0
/*
 * Who reads the store, and what of it there is for them. After store_set_principal() every table of the connection is
 * shadowed by a view of its rows, and every read function of store.h, query.h and history.h reads those: the same rule
 * once, for all of them. A noun with a life belongs to its tenant; an observation to the tenant of its sensor; a sensor
 * without a row, or without a tenant, to "default".
 *
 * Without PRINCIPAL_SEE_SUBSCRIBER what names a subscriber comes as "(masked)": the fields marked ROW_SUBSCRIBER,
 * subject, detail and samples of findings and signals about own addresses (own-*, and others about an
 * address that one of those names). Flows and sources are not masked:
 * the store doesn't know which prefixes are the operator's own. Ids of findings are hashes of what they are about and
 * can be tried out by who knows sensor and time; they are names, not secrets.
 */
#pragma once
#include "store/store.h"

#define PRINCIPAL_TENANTS 64

enum {
	PRINCIPAL_SEE_SUBSCRIBER = 1,
	PRINCIPAL_ADMIN = 2,	/* of all tenants: also audit, senders, bookkeeping */
	PRINCIPAL_SEE_DARK = 4, /* addresses of the dark space as they are; kept by view/, not by the store */
};

struct principal {
	bool all; /* every tenant, also those to come */
	char tenants[PRINCIPAL_TENANTS][64];
	size_t n;
	unsigned rights; /* PRINCIPAL_* */
};

/*
 * Once, for a store that was opened with STORE_READ, before anything else is read. `p` is copied. 0 or a negative code:
 * then close the store.
 */
int store_set_principal(struct store *s, const struct principal *p, struct err *err) NODISCARD;

/* Opens for reading as somebody. */
struct store *store_open_as(const char *dir, const struct principal *p, int *code, struct err *err) NODISCARD;

/* Whose a sensor is, whoever asks: "default" when nothing is said of it. */
void store_tenant(struct store *s, const char *sensor, char out[64]);

/* Is there an active user of this name with a role in the tenant, whoever asks? For giving him something to do. */
bool store_has_user(struct store *s, const char *name, const char *tenant);

/* The key by which stand-ins of dark addresses are made, this store's own. Zero in a store that has none. */
void store_dark_key(struct store *s, uint8_t out[16]);

/* May the principal see what this sensor saw? Without a principal: yes. */
bool principal_sees(struct store *s, const char *sensor);
