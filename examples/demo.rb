# The demo's dialplan: it runs for every call that alice and bob make.
# It is an ordinary Ruby program; `req` is the request, `sys` does things.
# tandem-dialplan(7) has all of it.

number = req.URI.User

case number
when "300"
  # A word for the log: `tandem log -f` shows it.
  sys.Log("The monkeys are on the way.")
  sys.Respond(480, "The monkeys are out buying bananas")

when /^1\d\d$/
  # Three digits that begin with 1: the answer's reason is the time. Phones show it.
  sys.Respond(486, Time.now.strftime("It is %H:%M"))

else
  # Everything else is an account of ours: ring its phones, for half a minute at most.
  sys.Log("#{req.Header.From.FromURI.User} calls #{number}.")
  sys.Dial("#{number}@local", 30)

  # Only reached when nobody answered.
  sys.Log("Nobody answered for #{number}: #{sys.LastFailureReason}")
end
