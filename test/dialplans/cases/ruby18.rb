# SPDX-License-Identifier: BSD-3-Clause
# Ruby 1.8 as the scripts knew it: forms, literals, and methods that are gone.

plan 'when with colons', %q{
case req.URI.User
when '100': sys.Log 'a'
when "200", '300': sys.Log 'b'
end
case 5
when 5: sys.Log 'five'
end
case 'x9'
when /^x(\d)/: sys.Log "re #{$1}"
end
}, logs: ['b', 'five', 're 9']
plan 'if with a colon', %q{
x = 3
if x == 3: sys.Log 'three' end
unless x: sys.Log 'none' else sys.Log 'some' end
sys.Log(x == 4 ? 'four' : 'not four')
}, logs: ['three', 'some', 'not four']
plan 'when with a constant and a colon', %q{
FOO = 7
case 7
when FOO: sys.Log 'foo'
end
case 7
when FOO:sys.Log('foo')
end
}, logs: ['foo', 'foo']
plan 'a ternary within a condition that ends with a colon', %q{
a = 1
if (a == 1 ? true : false): sys.Log 'yes' end
case 2
when a == 1 ? 2 : 3: sys.Log 'two'
end
}, logs: ['yes', 'two']
plan 'hashes with commas', %q{
Dirs = { '1', 'one', '2', 'two' }
sys.Log Dirs['2']
h = {
  '3', 'three',   # the third
  '4', ['four', 'vier']
}
sys.Log h['4'].join(',')
}, logs: ['two', 'four,vier']
plan 'lines of errors stay', %q{
case 1
when 1: sys.Log 'x'
end

nosuch()
}, fails: /nosuch/, line: 6
plan 'constants assigned in methods', %q{
N = 1
def change
  N = 2
  M ||= 4
end
change
sys.Log "#{N} #{M}"
}, logs: ['2 4']
plan 'constants assigned again', %q{
A = 1
A = 2
sys.Log A.to_s
}, logs: ['2']
says 'req.URI.User[0] == ?3', 'true'
says 'req.URI.User[0] == 51', 'true'
says 'req.URI.User[0] != 51', 'false'
says 'req.URI.User[0] - 48', '3'
says 'req.URI.User[0].chr', '"3"'
says 'req.URI.User[0,1] == "3"', 'true'
says 'req.URI.User[-1] == 48', 'true'
says '[5, 6][0] == 5', 'true'
says '[5, 6][1] + 1', '7'
says '"300".each_byte.select { |b| b == ?0 }.length', '2'
says '(?0..?9) === 53', 'true'
says '(?0..?9).include?(req.URI.User[0])', 'true'
says '?a + 1', '98'
says '51 - ?0', '3'
says 'case req.URI.User[0] when ?3 then "t" else "f" end', '"t"'
says '{ ?a => 1 }["a"]', '1'
says '"a\nb".each { |l| sys.Trace = l }; sys.Trace', '"b"'
says '"a\nb".to_a', '["a\n", "b"]'.gsub("\n", '\n')
says '5.type', 'Integer'
says '5.id == 5.object_id', 'true'
says '$KCODE = "u"', '"u"'
says 'x = "abc"; x << "d"; x.upcase!; x', '"ABCD"'
says 'nil.to_s << "x"', '"x"'
says '[1, nil, 2].nitems', '2'
says '[1, 2, [3]].to_s', '"123"'
says '"#{[1, 2]}"', '"12"'
says '{ 1 => 2 }.to_s', '"12"'
says '{ "a" => 1, "b" => 2 }.select { |k, v| v > 1 }[0][0]', '"b"'
says '{ "a" => 1, "b" => 2 }.select { |k, v| v > 1 }.length', '1'
says '{ "a" => 1 }.index(1)', '"a"'
says '[Fixnum === 5, Bignum === 2**70]', '[true, true]'
says 'MD5.new("a").hexdigest == MD5.hexdigest("a")', 'true'
says 'ParseDate.parsedate("2010-02-03")[0, 3]', '[2010, 2, 3]'
plan 'the text of an exception', %q{
begin
  raise 'bad'
rescue
  sys.Log('Error: ' + $!)
end
}, logs: ['Error: bad']
plan 'retry in a rescue works', %q{
n = 0
begin
  n += 1
  raise 'x' if n < 3
rescue
  retry
end
sys.Log n.to_s
}, logs: ['3']
