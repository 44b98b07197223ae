# SPDX-License-Identifier: BSD-3-Clause
# The commands, with and without a running service.
require_relative "lib/tandem"
require_relative "lib/sip"

class CommandsTest < FlowTest
  def test_customers
    assert_match(/no customer yet/, server.run("customer", "list").err)
    tandem "customer", "add", "Demo", "--password-stdin", input: "demo-password\n"
    assert_match(/there is customer "demo" already/, refused("customer", "add", "demo", "--password-stdin", input: "demo-password\n"))
    tandem "customer", "set", "demo", "--calls-max", "3", "--time-zone", "Europe/Zurich"
    shown = JSON.parse(tandem("customer", "show", "demo", "--json"))
    assert_equal ["demo", 3, true], shown.values_at("name", "calls_max", "can_log_in")
    assert_match(/did you mean "demo"/, refused("customer", "show", "dmeo", code: 3))
    tandem "customer", "remove", "demo"
    assert_equal [], JSON.parse(tandem("customer", "list", "--json"))
  end

  def test_domains_and_aliases
    server.demo
    shown = JSON.parse(tandem("domain", "show", "EXAMPLE.test", "--json"))
    assert_includes shown["aliases"], "local"
    tandem "domain", "set", "example.test", "--alias", "*", "--remove-alias", "local"
    shown = JSON.parse(tandem("domain", "show", "example.test", "--json"))
    assert_includes shown["aliases"], "*"
    refute_includes shown["aliases"], "local"
    refused "domain", "add", "exa mple", code: 2
  end

  def test_accounts
    server.demo("alice")
    assert_match(/did you mean "alice@example.test"/, refused("account", "show", "alcie@example.test", code: 3))
    assert_match(/USER@DOMAIN/, refused("account", "show", "alice", code: 2))
    assert_match(/at least 6/, refused("account", "add", "bob@example.test", "--password-stdin", input: "short\n", code: 2))
    assert_match(/no domain/, refused("account", "add", "bob@nowhere.example", "--password-stdin", input: "secret-bob\n", code: 3))
    assert_match(/reserved/, refused("account", "add", "dispatcher@example.test", "--password-stdin", input: "secret-bob\n", code: 2))
    assert_match(/customer's name/, refused("account", "add", "a.someone@example.test", "--password-stdin", input: "secret-bob\n", code: 2))
    assert_match(/no dialplan/, refused("account", "set", "alice@example.test", "--out-dialplan", "none", code: 3))
    tandem "account", "set", "alice@example.test", "--disable", "Not paid"
    assert_equal [true, "Not paid"], JSON.parse(tandem("account", "show", "alice@example.test", "--json")).values_at("disabled", "disabled_reason")
    assert_match(/alice@example.test\s+demo/, tandem("account", "list"))
    refused "domain", "remove", "example.test"
    tandem "account", "remove", "alice@example.test"
    tandem "domain", "remove", "example.test"
  end

  def test_password_is_never_an_argument
    assert_match(/takes no value/, refused("account", "add", "a@b", "--password=secret", code: 2))
    assert_match(/--password-stdin/, refused("customer", "add", "demo", code: 2))
  end

  def test_secrets_are_not_in_the_database_as_they_are
    server.demo("alice")
    tandem "provider", "add", "trunk", "--server", "sip:sip.example.com", "--username", "me", "--password-stdin", input: "provider-secret\n"
    text = Dir.glob(File.join(server.dir, "data", "*.db*")).map { |f| File.binread(f) }.join
    %w[secret-alice provider-secret demo-password].each { |s| refute_includes text, s }
    assert_equal 0o600, File.stat(File.join(server.dir, "data", "tandem.key")).mode & 0o777
  end

  def test_providers
    server.demo
    add = ["provider", "add", "trunk", "--server", "sip.example.com", "--username", "me", "--password-stdin"]
    tandem(*add, input: "provider-secret\n")
    shown = JSON.parse(tandem("provider", "show", "trunk", "--json"))
    assert_equal ["sip:sip.example.com", true, false], shown.values_at("server", "has_password", "disabled")
    tandem "provider", "set", "trunk", "--header", "X-One: 1", "--header", "X-Two: 2"
    assert_equal ["X-One: 1", "X-Two: 2"], JSON.parse(tandem("provider", "show", "trunk", "--json"))["headers"]
    assert_match(/dot/, refused("provider", "add", "a.b", "--server", "x.y", "--username", "me", code: 2))
    assert_match(/no '@'/, refused("provider", "add", "a@b", "--server", "x.y", "--username", "me", code: 2))
    tandem "provider", "remove", "trunk"
  end

  PROVIDER = { "server" => "sip:sip.example.com:5080", "username" => "me", "auth_username" => "me@example.com",
               "proxy" => "sip:192.0.2.1;lr", "transport" => "tcp", "from" => '"${fromname}" <sip:me@example.com>',
               "register_server" => "sip:reg.example.com", "realm" => "example.com", "contact" => "sip:me@tandem.example",
               "addresses" => "192.0.2.0/24,2001:db8::7", "media" => "never",
               "expires" => 600, "rate" => 30 }.freeze

  # One name for a field: option, JSON, column of an import.
  def test_fields_of_a_provider
    server.demo
    options = PROVIDER.flat_map { |k, v| ["--#{k.tr("_", "-")}", v.to_s] }
    tandem "provider", "add", "trunk", *options, "--header", "X-A: 1", "--header", "X-B: 2", "--register", "--mwi",
           "--disable", "--password-stdin", input: "s\n"
    all = PROVIDER.merge("headers" => ["X-A: 1", "X-B: 2"], "register" => true, "mwi" => true, "disabled" => true, "disabled_reason" => "")
    show = ->(name) { JSON.parse(tandem("provider", "show", name, "--json")) }
    assert_equal all, show["trunk"].slice(*all.keys)
    tandem "provider", "set", "trunk", "--expires", "700", "--no-register", "--no-mwi", "--enable", "--proxy", ""
    changed = all.merge("expires" => 700, "register" => false, "mwi" => false, "disabled" => false, "proxy" => "")
    assert_equal changed, show["trunk"].slice(*all.keys)
    tandem "provider", "set", "trunk", "--disable", "Not paid", "--header", ""
    assert_equal [true, "Not paid", []], show["trunk"].values_at("disabled", "disabled_reason", "headers")
    file = File.join(server.dir, "providers.csv")
    row = all.transform_values { |v| v.is_a?(Array) ? v.join("|") : { true => "yes", false => "no" }.fetch(v, v) }
    quote = ->(v) { %("#{v.to_s.gsub('"', '""')}") }
    File.write(file, "name,customer,password,#{row.keys.join(",")}\nagain,demo,s,#{row.values.map(&quote).join(",")}\n")
    tandem "provider", "import", file
    assert_equal all, show["again"].slice(*all.keys)
    before = show["again"]["password_key"]
    File.write(file, "name,customer,expires\nagain,demo,800\n")
    assert_match(/there is this provider already/, refused("provider", "import", file))
    tandem "provider", "import", file, "--update"
    assert_equal all.merge("expires" => 800, "password_key" => before), show["again"].slice(*all.keys, "password_key")
    tandem "provider", "remove", "again"
    assert_equal ["trunk"], JSON.parse(tandem("provider", "list", "--json")).map { |p| p["name"] }
  end

  def test_faults_of_a_provider_are_told_with_what_is_right
    server.demo
    add = %w[provider add trunk --password-stdin --server sip.example.com --username me]
    { %w[--expires 59] => /--expires: "59" will not do; 60 to 86400 seconds/,
      ["--header", "Via: x"] => /Via is a header that we write ourselves/,
      ["--header", "m: x"] => /Contact is a header that we write ourselves/,
      %w[--proxy http://x] => /--proxy: .* is not a SIP URI; write it as sip:/,
      %w[--proxy sip:me:hidden@x.example] => /give it with --password-stdin/,
      %w[--realm a@b] => /--realm: .* is no domain; write it as example.com/,
      %w[--media perhaps] => /auto, never or always/,
      %w[--transport smoke] => /udp, tcp, tls, or auto/,
      %w[--register --no-register] => /say one of them/ }.each do |options, fault|
      said = refused(*add, *options, input: "secret\n", code: 2)
      assert_match fault, said
      refute_includes said, "hidden"
    end
    assert_match(/needs --server URI and --username NAME/, refused("provider", "add", "trunk", "--password-stdin", input: "secret\n"))
    assert_equal [], JSON.parse(tandem("provider", "list", "--json"))
    file = File.join(server.dir, "providers.csv")
    File.write(file, "name,customer,server,username,password,expires\nok,demo,x.example,me,s,\na.b,demo,x.example,me,s,\n" \
                     "c,demo,x.example,me,,\nd,demo,x.example,me,s,59\ne,nobody,x.example,me,s,\n")
    said = refused("provider", "import", file, code: 2)
    [/csv:3: a provider's name has no dot/, /csv:4: there is no password \(c\)/, /csv:5: expires: "59" will not do/,
     /csv:6: there is no such customer \(nobody\)/, /nothing was imported/].each { |fault| assert_match fault, said }
    assert_equal [], JSON.parse(tandem("provider", "list", "--json"))
  end

  def test_dialplans_are_checked_first
    server.demo
    r = server.dialplan("broken", "if true\n  sys.Dial(\n")
    assert_equal 1, r.code
    assert_match(/broken\.rb:\d+: /, r.err)
    assert_equal [], JSON.parse(tandem("dialplan", "list", "--json"))
    text = "# ein Wählplan\nsys.Dial(\"bob@local\")\n"
    assert server.dialplan("good", text).ok?
    assert_equal text, tandem("dialplan", "show", "good").force_encoding("UTF-8")
    assert_equal 2, JSON.parse(tandem("dialplan", "list", "--json")).first["lines"]
    tandem "dialplan", "remove", "good"
  end

  def test_dialplan_check
    server.demo
    tandem "provider", "add", "trunk", "--server", "sip:sip.example.com", "--username", "me", "--password-stdin", input: "s"
    file = File.join(server.dir, "plan.rb")
    File.write(file, "case 1\nwhen 1: sys.Dial('x@trunk')\nend\nsys.Dial('y@trnk|bob@local|z@example.test')\n")
    assert_equal [[2, "note"]], JSON.parse(tandem("dialplan", "check", file, "--json")).map { |f| f.values_at("line", "level") }
    r = server.run("dialplan", "check", file, "--json", "--customer", "demo")
    assert_equal 1, r.code, r.to_s
    said = JSON.parse(r.out)
    assert_equal [[2, "note"], [4, "error"]], said.map { |f| f.values_at("line", "level") }
    assert_match(/no provider trnk/, said.last["message"])
    assert_match(/trunk/, said.last["remedy"])
  end

  def test_import
    server.demo
    file = File.join(server.dir, "accounts.csv")
    File.write(file, "username,domain,customer,password\r\n" + (1..500).map { |i| "user#{i},example.test,demo,\"pass,word#{i}\"\r\n" }.join)
    assert_match(/500 accounts were added/, tandem("account", "import", file))
    assert_equal 500, JSON.parse(tandem("account", "list", "--json")).size
    said = refused("account", "import", file, code: 2)
    assert_match(/accounts\.csv:2: there is this account already/, said)
    assert_match(/nothing was imported/, said)
    assert_match(/500 updated/, tandem("account", "import", file, "--update"))
    server.start
    Phone.new("user7", server.port, password: "pass,word7").register
  end

  # As the original's data has it: networks, contacts that stay; and what happens to addresses in SDP.
  def test_import_of_networks
    server.demo
    file = File.join(server.dir, "accounts.csv")
    File.write(file, "username,domain,customer,password,network_id,dont_mangle,media\n" \
                     "first,example.test,demo,pass-word,office,yes,always\nsecond,example.test,demo,pass-word,,,\n")
    tandem "account", "import", file
    show = ->(name) { JSON.parse(tandem("account", "show", "#{name}@example.test", "--json")).values_at("network_id", "dont_mangle", "media") }
    assert_equal ["office", true, "always"], show["first"]
    assert_equal ["", false, "auto"], show["second"]
    tandem "account", "set", "second@example.test", "--media", "never", "--network-id", "home"
    assert_equal ["home", false, "never"], show["second"]
    tandem "account", "set", "second@example.test", "--media", "auto"
    assert_equal "auto", show["second"].last
    assert_match(/--media is auto, never or always/, refused("account", "set", "second@example.test", "--media", "x", code: 2))
    File.write(file, "username,domain,customer,password,media\nthird,example.test,demo,pass-word,x\n")
    assert_match(/csv:2: media is auto, never or always/, refused("account", "import", file, code: 2))
  end

  def test_import_faults
    server.demo
    file = File.join(server.dir, "accounts.csv")
    File.write(file, "username,domain,customer\na,example.test,demo\n")
    assert_match(/accounts\.csv:1: the header lacks the column \(password\)/, refused("account", "import", file))
    File.write(file, "username,domain,customer,password\ngood,example.test,demo,password\nbad name,example.test,demo,password\nx,nowhere,demo,password\n")
    said = refused("account", "import", file)
    assert_match(/accounts\.csv:3: /, said)
    assert_match(/accounts\.csv:4: there is no such domain/, said)
    assert_equal [], JSON.parse(tandem("account", "list", "--json"))
  end

  def test_a_change_holds_when_the_command_returns
    server.demo("alice").start
    phone = Phone.new("alice", server.port)
    phone.register
    tandem "account", "set", "alice@example.test", "--password-stdin", input: "another-secret\n"
    assert_equal 401, phone.ask("REGISTER", "sip:example.test", to: "sip:alice@example.test").status
    Phone.new("alice", server.port, password: "another-secret").register
    tandem "account", "add", "carol@example.test", "--password-stdin", input: "secret-carol\n"
    Phone.new("carol", server.port).register
    tandem "account", "remove", "carol@example.test"
    assert_equal 401, Phone.new("carol", server.port).ask("REGISTER", "sip:example.test", to: "sip:carol@example.test").status
  end

  def test_status_bindings_and_calls
    server.demo("alice").start
    Phone.new("alice", server.port).register
    status = server.status
    assert_equal [1, 1, 1, 1, 0], status.values_at("customers", "domains", "accounts", "bindings", "calls")
    assert_equal "fine", status["store"]
    assert_includes status["listen"], "udp:127.0.0.1:#{server.port}"
    assert_match(/alice@example.test\s+sip:alice@127.*not behind a NAT/, tandem("bindings"))
    assert_equal [], JSON.parse(tandem("calls", "--json"))
    assert_match(/there is no call/, refused("hangup", "nothing"))
    assert_equal [], JSON.parse(tandem("cdrs", "--json"))
  end

  def test_status_contention
    server.demo("alice").start
    Phone.new("alice", server.port).register
    rows = JSON.parse(tandem("status", "--contention", "--json")).to_h { |r| [r["what"], r] }
    assert_equal ["accounts", "bindings", "connections", "customers", "customers' calls", "dialplan orders", "dialplans", "domains",
                  "event queue", "inboxes", "names", "pinned", "providers", "store queue", "tokens"], rows.keys.sort
    assert_operator rows["bindings"]["taken"], :>, 0
    assert_operator rows["accounts"]["taken"], :>, 0
    assert_operator rows["bindings"]["locks"], :>, 1
    rows.each_value { |r| assert_operator r["contended"], :<=, r["taken"] }
    assert_match(/^SHARED +LOCKS/, tandem("status", "--contention"))
  end

  def test_log
    server.demo("alice").start
    Phone.new("alice", server.port).register
    eventually("the event") { tandem("log", "kind=register", "alice") =~ /register\.bound account=alice@example\.test/ }
    events = tandem("log", "--json", "kind=register").lines.map { |l| JSON.parse(l) }
    assert_equal "registrar", events.last["category"]
    assert_equal "", tandem("log", "account=bob@example.test")
    assert_match(/no level "loud"/, refused("log", "level=loud", code: 2))
  end

  def test_log_follows
    server.demo("alice").start
    reader = IO.popen([{ "TANDEM_CONF" => server.conf }, PROGRAM, "log", "-f", "-n", "0", "kind=register.bound"])
    eventually("the follower is there") do
      Phone.new("alice", server.port).tap { |p| p.register(expires: 0); p.register }
      reader.wait_readable(0.2)
    end
    assert_match(/register\.bound account=alice@example\.test/, reader.gets)
  ensure
    Process.kill("TERM", reader.pid) if reader
    reader&.close
  end

  def test_hostile_values_do_not_reach_the_terminal
    server.demo("alice").start
    phone = Phone.new("alice", server.port)
    phone.ask("REGISTER", "sip:example.test", to: "sip:alice@example.test", headers: ["Expires: 300", "User-Agent: \e[2Jevil\a"])
    out = tandem("bindings") + tandem("log", "level=debug")
    refute_match(/[\x00-\x09\x0b-\x1f]/, out)
  end

  def test_control_socket_is_bounded
    server.start
    socket = -> { UNIXSocket.new(File.join(server.dir, "data", "control.sock")) }
    s = socket.call
    s.puts "nonsense"
    assert_match(/error/, s.gets)
    s = socket.call
    begin
      100.times { s.write("x" * 1000) }
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil
    end
    assert_nil((s.gets rescue nil))
    idle = Array.new(40) { socket.call }
    eventually("one is told that there are too many") do
      IO.select(idle, nil, nil, 0)&.first&.any? { |i| (idle.delete(i).gets rescue "") =~ /too many/ }
    end
    idle.each(&:close)
    eventually("it serves again") { server.run("status").ok? }
    File.stat(File.join(server.dir, "data", "control.sock")).tap { |st| assert_equal 0o660, st.mode & 0o777 }
  end

  def test_help_and_completion
    help = tandem("help")
    %w[serve check customer domain account provider dialplan bindings calls cdrs status log].each { |c| assert_match(/^  #{c}/, help) }
    assert_match(/--customer NAME/, tandem("account", "add", "--help"))
    assert_match(/did you mean "customer"/, refused("custmer", "list", code: 2))
    assert_match(/did you mean --customer/, refused("account", "add", "a@b", "--custmer", "x", code: 2))
    assert_match(/something is missing/, refused("account", "add", code: 2))
    script = File.join(server.dir, "completion")
    File.write(script, tandem("completion", "bash"))
    out = `bash -c 'source #{script}; COMP_WORDS=(tandem account ""); COMP_CWORD=2; _tandem; echo "${COMPREPLY[@]}"'`
    assert_equal %w[add import list remove set show], out.split.sort
    out = `bash -c 'source #{script}; COMP_WORDS=(tandem st); COMP_CWORD=1; _tandem; echo "${COMPREPLY[@]}"'`
    assert_equal "status", out.strip
    out = `bash -c 'source #{script}; COMP_WORDS=(tandem account add --out); COMP_CWORD=3; _tandem; echo "${COMPREPLY[@]}"'`
    assert_equal "--out-dialplan", out.strip
  end
end
