// SPDX-License-Identifier: Apache-2.0
/* The table of commands: one row a noun, its commands in the file of its name. */
#include "cmd/alert.h"
#include "cmd/console.h"
#include "cmd/daemon.h"
#include "cmd/evidence.h"
#include "cmd/key.h"
#include "cmd/range.h"
#include "cmd/report.h"
#include "cmd/store.h"
#include "cmd/telescope.h"
#include "cmd/user.h"
#include "model/row.h"
#include "role/config.h"

#include <stdio.h>
#include <string.h>

/* docs/reference.md: every noun that has a row table. Hidden, for the build. */
static int reference(void)
{
	puts("# Reference: the fields of the records\n\nWritten by `sakimori --reference` from the tables in "
	     "`src/model/`.\n");
	for (size_t i = 0; i < row_kinds_n; i++)
		row_reference(stdout, row_kinds[i]);
	return CLI_DONE;
}

int main(int argc, char **argv)
{
	const struct cli_noun nouns[] = { run_noun, telescope_noun, console_noun, alert_noun, evidence_noun, key_noun,
		range_noun, store_noun, user_noun, report_noun };
	if (argc == 2 && strcmp(argv[1], "--reference") == 0)
		return reference();
	if (argc == 2 && strcmp(argv[1], "--reference-api") == 0) {
		console_reference();
		return CLI_DONE;
	}
	if (argc > 1 && strcmp(argv[1], "--role") == 0)
		return daemon_role(argc, argv);
	if (argc == 2 && strcmp(argv[1], "--manual-config") == 0) {
		config_manual(stdout);
		return CLI_DONE;
	}
	return cli_main(SAKIMORI_VERSION, nouns, sizeof nouns / sizeof *nouns, argc, argv);
}
