# SPDX-License-Identifier: BSD-3-Clause
# The common script in front of every dialplan; lines of errors stay those of the dialplan.

COMMON = "Prefix = '9'\nhome = '5'\ndef speed(n)\n  raise 'no number' if n.nil?\n  \"4\#{n}\"\nend\n".freeze

plan 'methods, constants and locals of the common script', %q{sys.Log speed(Prefix) + home}, common: COMMON, logs: ['495']
plan 'without a last newline', %q{sys.Log speed(1)}, common: COMMON.chomp, logs: ['41']
plan 'errors name the line of the dialplan', "x = 1\n\nfoo.bar\n", common: COMMON, fails: /foo/, line: 3
plan 'errors within the common script name its line', "x = 1\nspeed(nil)\n", common: COMMON,
     fails: /no number.*/, line: 2
plan 'syntax errors, too', "x = 1\ny = )\n", common: COMMON, fails: /syntax error/, line: 2
plan 'syntax errors of the common script', "x = 1\n", common: "a = 1\nb = )\n", fails: /in line 2 of the common script/
plan 'old forms after it', "case 1\nwhen 1: sys.Log 'one'\nend\ndef f\n Z = 3\nend\nf\nsys.Log Z.to_s\n", common: COMMON, logs: %w[one 3]
plan 'termination after it', "begin\n sys.Dial('a@b')\nensure\n sys.Log 'e'\nend\nsys.Log 'x'\n", common: COMMON, answers: [:stop], logs: ['e']
plan 'a loop around a handler after it', "3.times do\n begin\n  sys.Dial('a@b')\n rescue => e\n  sys.Log 'c'\n end\nend\n", common: COMMON, answers: [:stop], logs: ['c']
