# SPDX-License-Identifier: BSD-3-Clause
# Area codes: numbers as people dial them become international ones.
# Home is Vienna: country 43, area 1.
COUNTRY = "43"
AREA = "1"

number = case req.URI.User
         when /^\+(\d+)$/  then $1
         when /^00(\d+)$/  then $1
         when /^0(\d+)$/   then COUNTRY + $1
         when /^[1-9]\d{3,}$/ then COUNTRY + AREA + req.URI.User
         end

if number.nil?
  sys.Respond(484, "Incomplete number")
else
  sys.Log("calling #{number}")
  sys.Dial("#{number}@trunk")
end
