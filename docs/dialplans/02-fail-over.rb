# SPDX-License-Identifier: BSD-3-Clause
# Fail-over: one provider after the other, until one of them reaches the callee.
# A callee who is busy or declines is not called a second time.
number = req.URI.User
%w[first second third].each do |provider|
  sys.Dial("#{number}@#{provider}", 60)
  refused = [486, 600, 603].include?(sys.LastFailureStatus.to_i)
  sys.Log("#{provider}: #{sys.LastFailureStatus.to_i} #{sys.LastFailureReason}")
  break if refused
end
