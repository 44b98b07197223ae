# SPDX-License-Identifier: BSD-3-Clause
# What runs after the abort: an answered Dial, a final Respond, the caller's CANCEL (facts 3.5).

FAILED = { result: 'Failed', status: 486, reason: 'Busy here', dialled: [] }.freeze
LATE = { result: 'TimedOut', status: 480, reason: 'No answer', dialled: [] }.freeze

plan 'nothing runs after an answered Dial', %q{
sys.Log 'before'
sys.Dial 'a@b'
sys.Log 'after'
sys.Dial 'c@d'
}, answers: [:stop], logs: ['before'], commands: [['dial', { string: 'a@b' }]]
plan 'a Dial that fails returns and the next is tried', %q{
r = sys.Dial('a@p1', 20)
sys.Log r.to_s
sys.Dial('a@p2')
sys.Log 'no'
}, answers: [FAILED, :stop], logs: ['Failed'], commands: [['dial', { string: 'a@p1', ring: 20 }], ['dial', { string: 'a@p2' }]]
plan 'a plain rescue sees the abort, with its text', %q{
begin
  sys.Dial 'a@b'
rescue
  sys.Log $!.to_s
end
sys.Log 'after'
}, answers: [:stop], logs: ['Thread was being aborted.']
plan 'rescue => e sees it, too', %q{
begin
  sys.Dial 'a@b'
rescue => e
  sys.Log "#{e} #{e.message}"
end
sys.Log 'after'
}, answers: [:stop], logs: ['Thread was being aborted. Thread was being aborted.']
plan 'the usual handler logs all but the abort', %q{
begin
  sys.Dial 'a@b'
rescue
  sys.Log('Error: ' + $!) unless $!.to_s =~ /Thread was being aborted./
end
}, answers: [:stop], logs: []
plan 'the usual handler logs errors', %q{
begin
  nil.upcase
rescue
  sys.Log('Error: ' + $!) unless $!.to_s =~ /Thread was being aborted./
end
}, logs: [/\AError: undefined method/]
plan 'ensure runs and what follows does not', %q{
begin
  sys.Dial 'a@b'
ensure
  sys.Log 'one'
  sys.Log 'two'
end
sys.Log 'three'
}, answers: [:stop], logs: %w[one two]
plan 'nested ensures all run, inner first', %q{
begin
  begin
    sys.Dial 'a@b'
  ensure
    sys.Log 'inner'
  end
  sys.Log 'between'
ensure
  sys.Log 'outer'
end
}, answers: [:stop], logs: %w[inner outer]
plan 'rescue, then ensure', %q{
begin
  sys.Dial 'a@b'
rescue => e
  sys.Log 'rescue'
ensure
  sys.Log 'ensure'
end
sys.Log 'after'
}, answers: [:stop], logs: %w[rescue ensure]
plan 'a rescue of another class does not see it', %q{
begin
  sys.Dial 'a@b'
rescue ArgumentError, TypeError
  sys.Log 'no'
end
sys.Log 'after'
}, answers: [:stop], logs: []
plan 'a loop around the handler ends', %q{
5.times do
  begin
    sys.Dial 'a@b'
  rescue => e
    sys.Log 'caught'
  end
end
sys.Log 'after'
}, answers: [:stop], logs: ['caught']
plan 'retry within the handler ends', %q{
n = 0
begin
  n += 1
  sys.Dial 'a@b'
rescue
  sys.Log 'caught' if n == 1
  retry if n < 3
end
sys.Log 'after'
}, answers: [:stop], logs: ['caught']
plan 'in a method', %q{
def call_out(num)
  sys.Dial "#{num}@p1"
  sys.Log 'in the method'
end
call_out '5'
sys.Log 'after'
}, answers: [:stop], logs: []
plan 'a rescue modifier', %q{
x = sys.Dial('a@b') rescue nil
sys.Log 'after'
}, answers: [:stop], logs: []
plan 'a final Respond ends the script', %q{
sys.Respond(486, 'Busy')
sys.Log 'after'
}, answers: [:stop], logs: [], commands: [['respond', { status: 486, reason: 'Busy' }]]
plan 'a ringing Respond does not', %q{
sys.Respond(180, 'Ringing')
sys.Log 'after'
}, logs: ['after']
plan 'no command is given after the abort', %q{
begin
  sys.Dial 'a@b'
ensure
  begin
    sys.Dial 'c@d'
  rescue => e
    sys.Log e.to_s
  end
end
}, answers: [:stop], logs: ['Thread was being aborted.'], commands: [['dial', { string: 'a@b' }]]
plan 'exit ends a script well', %q{
sys.Log 'a'
exit
sys.Log 'b'
}, logs: ['a']
plan 'return at the top ends it, too', %q{
sys.Log 'a'
return
sys.Log 'b'
}, logs: ['a']
plan 'the last failure', %q{
sys.Dial 'a@b'
sys.Log "#{sys.LastFailureStatus} #{sys.LastFailureReason}"
}, answers: [FAILED], logs: ['BusyHere Busy here']
plan 'results compare with names', %q{
r = sys.Dial 'a@b'
sys.Log 'one' if r.to_s == 'TimedOut'
sys.Log 'two' if r == 'TimedOut'
sys.Log 'three' if r == :TimedOut
sys.Log 'four' if r.ToString() == 'TimedOut'
}, answers: [LATE], logs: %w[one two three four]
plan 'errors name their line', "x = 1\n\nfoo.bar\n", fails: /foo/, line: 3
plan 'an error in a method names the line within', "def f\n  raise 'oops'\nend\nf\n", fails: /oops/, line: 2
plan 'syntax errors name theirs', "x = 1\nif x\nsys.Log(\n", fails: /syntax error/
plan 'a syntax error has a remedy', "[1].each { |x|\n retry }\n", fails: /Invalid retry.*redo/, line: 2
plan 'puts and print go to the log', "puts 'a'\nprint 'b', 'c'\nputs\np 5\n", logs: ['a', 'bc', '5']
