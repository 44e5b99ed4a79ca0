// SPDX-License-Identifier: Apache-2.0
/* The shape of an answer as view.h writes it down, as JSON Schema (draft 2020-12). For use inside view/. */
#pragma once
#include "base/json.h"

/* Writes the schema under `key`. ENSUREs that the shape is well-formed: it stands in this program. */
void shape_schema(struct json *j, const char *key, const char *shape);
