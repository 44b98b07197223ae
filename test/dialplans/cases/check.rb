# SPDX-License-Identifier: BSD-3-Clause
# What `tandem dialplan check` finds without running anything.

def self.finds(script, *found, providers: nil) = plan("check: #{script.lines.first.chomp}", script, finds: found, providers: providers)

finds 'sys.Log "fine"'
finds %q{sys.Dail('a@b')}, /1 error sys has no Dail: .*sys.Dial/
finds %q{sys.getbindigns}, /1 error .*sys.GetBindings/
finds %q{sys.log 'x'; sys.dial 'a@b.c'; sys.fromSIPAccount; sys.FromSIPAccount.SIPUsername}
finds %q{req.URI.Usr}, /1 error req.URI has no Usr: .*req.URI.User/
finds %q{req.Header.from.FromURI.User; req.header.from.from_name; req.URI.ToString()}
finds %q{req.header.form}, /1 error req.header has no form: .*From/
finds %q{req.URI.User.gsub('a', 'b')}
finds %q{req.Header.From.FromName = 'x'}, /1 warning .*own copy.*SetFromHeader/
finds %q{req.URI.User = 'x'}
finds "\n`ls`", /2 error programs cannot be started/
finds %q{system('ls')}, /1 error system: programs/
finds %q{File.read('x')}, /1 error File.read: .*DBRead/
finds %q{File.basename('x')}
finds %q{Thread.new { }}, /1 error dialplans cannot start threads/
finds %q{require 'net/http'; require 'rubygems'}
finds %q{require 'mechanize'}, /1 error there is no library mechanize/
finds "x = 1\nif x == 1: sys.Log 'a' end", /2 note .*then/
finds %q{h = {1, 2}}, /1 note .*=>/
finds %q{[1].each { retry }}, /1 error Invalid retry: .*redo/
finds "if true\n sys.Log 'x'\n", /error .*end.*: count the "end"s/
finds "sys.Log \u201chello\u201d", /1 error a blank or quote that was pasted/
finds "def f\n  N = 1\nend", /2 note N is assigned/
finds %q{x = 'a'[0] == ?b}, /1 note \?b/
finds %q{sys.Dial("a@p1&b@p2|c@p3[fu=1]")}, providers: %w[p1 p2 p3]
finds %q{sys.Dial("#{req.URI.User}@p1", 20)}, providers: %w[p1]
finds %q{sys.Dial("a@#{x}")}, providers: []
finds %q{sys.Dial("p1")}, providers: %w[p1]
finds %q{sys.Dial("bob@local|x@sip.example.com|sip:host|${EXTEN}@p4")}, providers: %w[p4]
finds %q{sys.dial 'x@Trunk'}, providers: %w[Trunk]
finds %q{exit}
