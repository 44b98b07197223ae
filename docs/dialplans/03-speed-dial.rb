# SPDX-License-Identifier: BSD-3-Clause
# Speed dial: two digits stand for a number. *1 to *9 are stored by dialling
# *1*NUMBER, and are kept in the customer's own values.
FIXED = { "10" => "alice@local", "11" => "bob@local", "20" => "442012345678@trunk" }

case req.URI.User
when /^\*(\d)\*(\d+)$/
  sys.DBWrite("speed#{$1}", $2)
  sys.Respond(603, "Stored")
when /^\*(\d)$/
  number = sys.DBRead("speed#{$1}")
  sys.Respond(404, "Nothing is stored there") if number.nil?
  sys.Dial("#{number}@trunk")
when /^\d\d$/
  target = FIXED[req.URI.User]
  target ? sys.Dial(target) : sys.Respond(404, "No such speed dial")
else
  sys.Dial("${dst}@trunk")
end
