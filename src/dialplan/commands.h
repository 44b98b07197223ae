/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands that a script can give, their arguments and results. One row a command; the Ruby
 * side of each is one method in prelude/sys.rb. A sandbox that gives any other is ended.
 *
 * HOST: answered by the engine itself; the others reach the call (dialplan_handlers.on_command).
 * "user" and "domain" are what the script said: user may be "", domain may be "local" or an alias.
 */
#ifndef DIALPLAN_COMMANDS_H
#define DIALPLAN_COMMANDS_H

/*
 * name, who answers, what it is
 *
 * dial             {string, ring, limit, from: {name, user, host} or null (each may be missing),
 *                   headers: ["Name: value" …], content: {type or null, body} or null}
 *                  ring, limit: seconds, 0: default
 *          result  {result: "TimedOut" | "Failed" | "Error" | "AlreadyAnswered" | "Redirect",
 *                   status, reason, dialled: [{uri, status, reason, headers: [[name, value] …],
 *                   body, state, class} …], redirect_uri, class}; answered: {"stop": true}
 *                  class: "Refused", "NoAnswer", "Unreachable" or "" (call/failure.c)
 * respond          {status, reason or null, headers: ["Name: value" …], redirect_uri or null}
 *                  redirect_uri: of a 3xx, which the script gave as first header
 *          result  null; final: {"stop": true}
 * is_available     {user, domain}        true or false
 * is_mine          {user, domain}        true or false
 * account_exists   {user, domain}        true or false
 * get_bindings     {user or null, domain or null}
 *          result  [{contact, mangled, user_agent, expiry, expires_at, account, remote} …] or null
 * canonical_domain {domain}              text or null
 * enum_lookup      {number}              a SIP URI or null
 * call_count       {}                    number of legs (facts 3.13)
 * last_failure     {status, reason or null}  the script set LastFailureStatus or …Reason
 * media_path       {destination}         a dial string
 *          result  {path: "direct" | "likely" | "doubtful" | "none", reason} or null (no call)
 * db_write         {key, value}          null
 * db_read          {key}                 text or null
 * db_delete        {key}                 null
 * db_keys          {}                    [text …]
 * extend           {seconds}             the deadline is now + seconds + 10
 */
#define DIALPLAN_COMMANDS(X)                                                                       \
	X("dial", CALL)                                                                            \
	X("respond", CALL)                                                                         \
	X("is_available", CALL)                                                                    \
	X("is_mine", CALL)                                                                         \
	X("account_exists", CALL)                                                                  \
	X("get_bindings", CALL)                                                                    \
	X("canonical_domain", CALL)                                                                \
	X("enum_lookup", CALL)                                                                     \
	X("call_count", CALL)                                                                      \
	X("media_path", CALL)                                                                      \
	X("last_failure", CALL)                                                                    \
	X("db_write", CALL)                                                                        \
	X("db_read", CALL)                                                                         \
	X("db_delete", CALL)                                                                       \
	X("db_keys", CALL)                                                                         \
	X("extend", HOST)

#endif
