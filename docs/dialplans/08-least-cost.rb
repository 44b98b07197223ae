# SPDX-License-Identifier: BSD-3-Clause
# Least cost: the longest prefix that fits says which providers are tried, the
# cheapest first. Prices are in cents a minute.
RATES = {
  "44"   => { "alpha" => 1.2, "beta" => 0.9 },
  "447"  => { "alpha" => 8.0, "beta" => 11.5 },
  "43"   => { "beta" => 1.0 },
  ""     => { "alpha" => 20.0 }
}

number = req.URI.User.to_s.sub(/^(\+|00)/, "")
prefix = RATES.keys.sort_by { |p| -p.length }.find { |p| number.index(p) == 0 }
cheapest = RATES[prefix].sort_by { |provider, price| price }

cheapest.each do |provider, price|
  sys.Log("#{number} by #{provider} for #{price}")
  sys.Dial("#{number}@#{provider}")
end
