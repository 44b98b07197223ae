# SPDX-License-Identifier: BSD-3-Clause
# Call back: the mobile phone rings home and hangs up; home then calls it, so that
# the call costs nothing there. The number is remembered, and anybody at home who
# dials *66 is connected with whoever called last.
if sys.In
  caller = req.Header.From.FromURI.User.to_s
  sys.DBWrite("last-caller", caller) if caller =~ /^\d{6,}$/
  sys.Dial("desk@local", 25)
  sys.Respond(480, "We call you back")
elsif req.URI.User == "*66"
  last = sys.DBRead("last-caller")
  if last
    sys.Log("calling back #{last}")
    sys.Dial("#{last}@trunk[fu=home]")
  else
    sys.Respond(404, "Nobody called")
  end
else
  sys.Dial("${dst}@trunk")
end
