# SPDX-License-Identifier: BSD-3-Clause
# Forked ringing: the desk at once, the mobile phone ten seconds later, and the
# caller's name shows which line it was. Then the secretary.
if sys.In
  sys.Dial("desk@local[fd=Office]&436641234567@trunk[dt=10,fu=office]|secretary@local", 45)
  sys.Respond(480, "Please try later")
else
  sys.Dial("${dst}@trunk")
end
