/* SPDX-License-Identifier: BSD-3-Clause */
/* All commands. Rows with the same first word stand together. */
#include "cli/commands.h"

const struct cli_option cli_global_options[] = {
	{ "-c", "FILE",
		"the configuration; else $TANDEM_CONF, ./tandem.conf, /etc/tandem/tandem.conf" },
	{ "--json", NULL, "print JSON, for programs" },
	{ "--help", NULL, "show this" },
	{ NULL },
};

#define USER_DOMAIN "USER@DOMAIN"

const struct cli_command cli_commands[] = {
	{ "serve", "", "Run the service in the foreground.", NULL, 0, 0, service_serve },
	{ "check", "", "Check the configuration file.", NULL, 0, 0, service_check },

	{ "customer add", "NAME", "Add a customer.", customer_options, 1, 1, customer_add },
	{ "customer set", "NAME", "Change a customer.", customer_options, 1, 1, customer_set },
	{ "customer show", "NAME", "Show a customer.", NULL, 1, 1, customer_show },
	{ "customer list", "", "List the customers.", NULL, 0, 0, customer_list },
	{ "customer remove", "NAME", "Remove a customer and everything that belongs to it.", NULL,
		1, 1, customer_remove },

	{ "domain add", "NAME", "Add a domain that is ours.", domain_options, 1, 1, domain_add },
	{ "domain set", "NAME", "Change a domain.", domain_options, 1, 1, domain_set },
	{ "domain show", "NAME", "Show a domain.", NULL, 1, 1, domain_show },
	{ "domain list", "", "List the domains.", NULL, 0, 0, domain_list },
	{ "domain remove", "NAME", "Remove a domain without accounts.", NULL, 1, 1, domain_remove },

	{ "account add", USER_DOMAIN, "Add a SIP account.", account_options, 1, 1, account_add },
	{ "account set", USER_DOMAIN, "Change a SIP account.", account_options, 1, 1, account_set },
	{ "account show", USER_DOMAIN, "Show a SIP account.", NULL, 1, 1, account_show },
	{ "account list", "", "List the SIP accounts.", dialplan_name_options, 0, 0, account_list },
	{ "account remove", USER_DOMAIN, "Remove a SIP account.", NULL, 1, 1, account_remove },
	{ "account import", "FILE.csv",
		"Add accounts from a file: username,domain,customer,password.", import_options, 1,
		1, account_import },

	{ "provider add", "NAME", "Add a provider to dial through.", provider_options, 1, 1,
		provider_add },
	{ "provider set", "NAME", "Change a provider.", provider_options, 1, 1, provider_set },
	{ "provider show", "NAME", "Show a provider.", dialplan_name_options, 1, 1, provider_show },
	{ "provider list", "", "List the providers.", dialplan_name_options, 0, 0, provider_list },
	{ "provider remove", "NAME", "Remove a provider.", dialplan_name_options, 1, 1,
		provider_remove },
	{ "provider import", "FILE.csv",
		"Add providers from a file: name,customer,server,username,password and more.",
		provider_import_options, 1, 1, provider_import },
	{ "provider test", "NAME", "Try a provider: name look-up, password, does it answer?",
		dialplan_name_options, 1, 1, providers_test },

	{ "key rotate", "",
		"Make a new key, and seal the providers' passwords with it; again, if it was cut "
		"off.",
		NULL, 0, 0, key_rotate },
	{ "key add", "", "Make a key that the next rotation will use.", NULL, 0, 0, key_add },
	{ "key list", "", "List the keys, and how many passwords each has sealed.", NULL, 0, 0,
		key_list },
	{ "key remove", "ID", "Remove a key that is not used any more.", NULL, 1, 1, key_remove },
	{ "resolve", "URI", "Show where requests for a SIP URI go, and why.", NULL, 1, 1,
		live_resolve },
	{ "providers", "", "How registering with the providers is going.", providers_options, 0, 0,
		providers_states },

	{ "dialplan put", "NAME FILE", "Check a dialplan and store it, new or in place of the old.",
		dialplan_options, 2, 2, dialplan_put },
	{ "dialplan add", "NAME FILE", "The same, if there is none of that name.", dialplan_options,
		2, 2, dialplan_add },
	{ "dialplan check", "FILE", "Read a dialplan for faults without storing or running it.",
		dialplan_check_options, 1, 1, dialplan_check },
	{ "dialplan set", "NAME", "Change how a dialplan is used.", dialplan_options, 1, 1,
		dialplan_set },
	{ "dialplan show", "NAME", "Print a dialplan.", dialplan_name_options, 1, 1,
		dialplan_show },
	{ "dialplan list", "", "List the dialplans.", dialplan_name_options, 0, 0, dialplan_list },
	{ "dialplan remove", "NAME", "Remove a dialplan.", dialplan_name_options, 1, 1,
		dialplan_remove },
	{ "dialplan run", "FILE", "Show what a dialplan would do with a call, without one.",
		dialplan_run_options, 1, 1, dialplan_run },
	{ "dialplan test", "DIR", "Run the files of expectations beside dialplans.",
		dialplan_test_options, 1, 1, dialplan_test },

	{ "export", "DIR", "Write everything, or what is one customer's, to files.", export_options,
		1, 1, export_own },
	{ "import", "DIR", "Read back what `tandem export` wrote.", import_own_options, 1, 1,
		import_own },
	{ "import sipsorcery", "[DIR]",
		"Take customers, accounts, dialplans and more over from the original's data.",
		import_original_options, 0, 1, import_original },

	{ "bindings", "", "Phones that are registered.", NULL, 0, 0, live_bindings },
	{ "calls", "", "Calls that are going on.", NULL, 0, 0, live_calls },
	{ "hangup", "CALL", "End a call.", hangup_options, 1, 1, live_hangup },
	{ "cdrs", "", "Calls that were, newest first.", cdrs_options, 0, 0, cdrs_list },
	{ "status", "", "How the service is doing.", status_options, 0, 0, live_status },
	{ "log", "[FILTER]",
		"What happened; -f: what happens. Filter: level= category= kind= call= "
		"account= customer= words",
		log_options, 0, 16, live_log },

	{ "help", "[COMMAND]", "List the commands, or explain one.", NULL, 0, 2, help_show },
	{ "completion", "SHELL", "Print completion for a shell.", NULL, 1, 1, completion_print },
	{ "version", "", "Print the version.", NULL, 0, 0, service_version },
};

const unsigned cli_command_count = sizeof(cli_commands) / sizeof(cli_commands[0]);
