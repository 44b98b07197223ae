# SPDX-License-Identifier: BSD-3-Clause
# req and what hangs off it (facts 3.15), in the three ways of writing names.

says 'req.URI.User', '"300"'
says 'req.uri.user', '"300"'
says 'req.Header.From.FromURI.User', '"alice"'
says 'req.Header.from.FromURI.User', '"alice"'
says 'req.header.from.from_uri.user', '"alice"'
says 'req.header.from.from_name', '"Alice"'
