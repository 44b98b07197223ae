# SPDX-License-Identifier: BSD-3-Clause
# Call-through: the mobile phones of the family call home with a code and a
# number in the URI (code*number), and go on through the house's provider. A
# wrong code is told nothing; three of them in a day block that caller.
CODE = "2468"
FAMILY = %w[436641111111 436642222222]

caller = req.Header.From.FromURI.User.to_s
day = "tries-#{caller}-#{Time.now.strftime('%Y%m%d')}"
tries = sys.DBRead(day).to_i

if FAMILY.include?(caller) && tries < 3 && req.URI.User =~ /^(\d+)\*(\d+)/
  code, number = $1, $2
  if code == CODE
    sys.Log("call-through of #{caller} to #{number}")
    sys.Dial("#{number}@trunk")
  else
    sys.DBWrite(day, (tries + 1).to_s)
    sys.Respond(404, "Not found")
  end
end
sys.Dial("desk@local", 30)
