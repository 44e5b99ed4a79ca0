// SPDX-License-Identifier: Apache-2.0
/*
 * Why a finding was concluded, as keys of the pages' texts (web/messages/finding.*.json) beside its numbers: what the
 * kind means and by which rule, which counts led to it, why it is as sure as it is, what can be forged.
 * docs/findings.md says the same at length.
 */
#pragma once
#include "model/finding.h"

#define EXPLAIN_SHAPE                                                                                                  \
	"{kind_means: text, rule: text, confidence: integer, confidence_means: text, spoofable: bool, "                \
	"spoofable_means: text, tool_means: text|null, because: [{count: text, n: integer, means: text}]}"

void explain_json(struct json *j, const char *key, const struct finding *f);
