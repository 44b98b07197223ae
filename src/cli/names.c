/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/names.h"

static bool only(struct str s, const char *punctuation)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			continue;
		if (str_find(str_of(punctuation), c) == strlen(punctuation))
			return false;
	}
	return true;
}

const char *name_customer_fault(struct str name)
{
	if (name.n < 1 || name.n > 32)
		return "a customer's name has 1 to 32 characters";
	if (!only(name, "_-"))
		return "a customer's name consists of letters, digits, _ and -";
	return NULL;
}

const char *name_account_fault(struct str username, struct str customer)
{
	size_t dot = str_rfind(username, '.');
	struct str suffix = str_from(username, dot + 1);

	if (username.n < 1 || username.n > 64)
		return "an account's name has 1 to 64 characters";
	if (!only(username, "_-."))
		return "an account's name consists of letters, digits, '_', '-' and '.'";
	if (username.p[0] == '.' || username.p[username.n - 1] == '.')
		return "an account's name does not begin or end with a dot";
	if (str_ieq(username, STR("dispatcher")))
		return "the name dispatcher is reserved";
	if (dot < username.n && suffix.n >= 5 && !str_ieq(suffix, customer))
		return "what follows the last dot of an account's name, if it has 5 characters or "
		       "more, must be the customer's name: it is reserved for that customer";
	return NULL;
}

const char *name_domain_fault(struct str name)
{
	struct str host = str_first(name, str_find(name, ':'));

	if (name.n < 1 || name.n > 128)
		return "a domain has 1 to 128 characters";
	if (name.p[0] == '[') { /* an IPv6 address, in the form that URIs have it */
		struct str inner = str_first(str_from(name, 1), str_find(str_from(name, 1), ']'));

		return inner.n >= 2 && only(inner, ":.") ? NULL : "that is not an IPv6 address";
	}
	if (!only(host, ".-") || host.n == 0 || host.p[0] == '.' || host.p[0] == '-')
		return "a domain is a host name or address: letters, digits, '.' and '-'";
	if (host.n < name.n) {
		uint32_t port;

		if (str_u32(str_from(name, host.n + 1), &port) != ERR_OK || port == 0 ||
			port > 65535)
			return "what follows the colon of a domain must be a port";
	}
	return NULL;
}

const char *name_alias_fault(struct str name)
{
	return str_eq(name, STR("*")) ? NULL : name_domain_fault(name);
}

const char *name_dialplan_fault(struct str name)
{
	if (name.n < 1 || name.n > 64)
		return "a dialplan's name has 1 to 64 characters";
	if (!only(name, "_-. "))
		return "a dialplan's name consists of letters, digits, blanks, '_', '-' and '.'";
	if (name.p[0] == ' ' || name.p[name.n - 1] == ' ')
		return "a dialplan's name does not begin or end with a blank";
	return NULL;
}

const char *name_provider_fault(struct str name)
{
	if (name.n < 1 || name.n > 50)
		return "a provider's name has 1 to 50 characters";
	if (str_find(name, '@') < name.n)
		return "a provider's name has no '@': it is what stands behind it in number@NAME";
	if (str_find(name, '.') < name.n)
		return "a provider's name has no dot: it could not be told from a host name";
	if (!only(name, "_-"))
		return "a provider's name consists of letters, digits, '_' and '-'";
	return NULL;
}

struct str name_lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	return str_make(p, s.n);
}

bool name_split_aor(struct arena *a, struct str aor, struct str *user, struct str *domain)
{
	size_t at;

	if (str_istarts(aor, STR("sip:")))
		aor = str_from(aor, 4);
	at = str_rfind(aor, '@');
	if (at == 0 || at + 1 >= aor.n)
		return false;
	*user = str_first(aor, at);
	*domain = name_lower(a, str_from(aor, at + 1));
	return true;
}
