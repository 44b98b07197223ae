/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions and option lists that the rows of cli/table.c name. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include <stdio.h>

#include "cli/cli.h"

extern const struct cli_option customer_options[], domain_options[], account_options[],
	import_options[], provider_options[], provider_import_options[], dialplan_options[],
	dialplan_name_options[], hangup_options[], status_options[], log_options[], cdrs_options[],
	providers_options[];

int service_serve(struct cli *c);
int service_check(struct cli *c);
int service_version(struct cli *c);

extern const struct cli_option import_original_options[];
int import_original(struct cli *c);
extern const struct cli_option export_options[], import_own_options[];
int export_own(struct cli *c);
int import_own(struct cli *c);

extern const struct cli_option dialplan_run_options[], dialplan_test_options[];
int dialplan_run(struct cli *c);
int dialplan_test(struct cli *c);

int customer_add(struct cli *c);
int customer_set(struct cli *c);
int customer_show(struct cli *c);
int customer_list(struct cli *c);
int customer_remove(struct cli *c);

int domain_add(struct cli *c);
int domain_set(struct cli *c);
int domain_show(struct cli *c);
int domain_list(struct cli *c);
int domain_remove(struct cli *c);

int account_add(struct cli *c);
int account_set(struct cli *c);
int account_show(struct cli *c);
int account_list(struct cli *c);
int account_remove(struct cli *c);
int account_import(struct cli *c);

int provider_add(struct cli *c);
int provider_set(struct cli *c);
int provider_show(struct cli *c);
int provider_list(struct cli *c);
int provider_remove(struct cli *c);
int provider_import(struct cli *c);

int key_rotate(struct cli *c);
int key_add(struct cli *c);
int key_list(struct cli *c);
int key_remove(struct cli *c);

int dialplan_put(struct cli *c);
int dialplan_add(struct cli *c);
int dialplan_set(struct cli *c);
int dialplan_show(struct cli *c);
int dialplan_list(struct cli *c);
int dialplan_remove(struct cli *c);
extern const struct cli_option dialplan_check_options[];
int dialplan_check(struct cli *c);

int live_bindings(struct cli *c);
int live_calls(struct cli *c);
int live_hangup(struct cli *c);
int live_status(struct cli *c);
int live_log(struct cli *c);

int cdrs_list(struct cli *c);
int providers_states(struct cli *c);
int providers_test(struct cli *c);
int live_resolve(struct cli *c);
int help_show(struct cli *c);
int completion_print(struct cli *c);

#endif
