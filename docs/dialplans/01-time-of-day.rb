# SPDX-License-Identifier: BSD-3-Clause
# Time of day: in office hours the office rings, after that whoever is on call,
# and at weekends a provider's voice mail.
now = Time.now
weekend = now.wday == 0 || now.wday == 6
office = !weekend && now.hour >= 9 && now.hour < 18

if office
  sys.Dial("reception@local", 20)
  sys.Dial("alice@local&bob@local", 30)
elsif weekend
  sys.Dial("voicemail@trunk")
else
  sys.Dial("oncall@local", 40)
end
sys.Respond(480, "Nobody is here")
