# SPDX-License-Identifier: BSD-3-Clause
# ENUM first: a number that has a SIP address of its own is called there, for
# nothing; the provider is the second choice.
number = req.URI.User.to_s.sub(/^(\+|00)/, "")
uri = number =~ /^[1-9]\d{6,}$/ ? sys.ENUMLookup("#{number}.e164.org") : nil

if uri
  sys.Log("ENUM knows #{number}: #{uri}")
  sys.Dial(uri.to_s, 30)
end
sys.Dial("#{number}@trunk")
