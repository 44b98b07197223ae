# SPDX-License-Identifier: BSD-3-Clause
# Blocking: what may not be called, and who may not call.
EXPENSIVE = /^(00|\+)?(870|881|882|883|979|43900|43930)/
ANNOYING = %w[443331234567 4930999999]

if sys.Out
  if req.URI.User =~ EXPENSIVE
    sys.Log("blocked: #{req.URI.User}")
    sys.Respond(403, "Such numbers are blocked")
  end
  sys.Dial("${dst}@trunk")
else
  caller = req.Header.From.FromURI.User.to_s
  sys.Respond(603, "Declined") if ANNOYING.include?(caller)
  sys.Respond(433, "Please show your number") if caller =~ /anonymous/i
  sys.Dial("desk@local")
end
