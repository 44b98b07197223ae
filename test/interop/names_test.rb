# SPDX-License-Identifier: BSD-3-Clause
# A real name server, unbound, that is stopped, paused, refuses and fails, while 200 calls a second and registrations at
# providers need its names: no registration is stuck or given up, all are back soon after it is.
require_relative "lib"
require_relative "../flow/lib/registrar"

class NamesTest < InteropTest
  COUNT = 20
  RATE = 200
  CALLS = { "calls_max" => 100_000, "calls_total_max" => 100_000 }.freeze

  # A script waits for its Dial, and that for names: 200 a second are many at once when a name server is silent.
  RUNS = { "runs_max" => 2000, "runs_per_customer_max" => 2000 }.freeze

  def options = { "dialplan" => RUNS, "sip" => { "dns_servers" => "127.0.0.1:#{names_port}", "dns_timeout_ms" => 2000 }, "call" => CALLS }
  def names_port = @names_port ||= free_port
  def callee_port = @callee_port ||= free_port
  def registrar = @registrar ||= Registrar.new(expires: 16)

  def records
    list = ['. 5 IN SOA ns.root. host.root. 1 2 3 4 5',
            'carrier.example. 5 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.',
            "_sip._udp.carrier.example. 5 IN SRV 10 0 #{callee_port} host.example.", "host.example. 5 IN A 127.0.0.1"]
    list << '4.3.2.1.3.4.e164.example. 5 IN NAPTR 10 10 "u" "E2U+sip" "!^.43(.*)$!sip:\\\\1@carrier.example!" .'
    list + COUNT.times.map { |i| "_sip._udp.p#{i}.example. 5 IN SRV 10 0 #{registrar.port} host.example." }
  end

  ZONE = ["local-zone: \".\" static"].freeze
  MODES = { fine: ["access-control: 127.0.0.0/8 allow", *ZONE], refuses: ["access-control: 127.0.0.0/8 refuse", *ZONE],
            fails: ["access-control: 127.0.0.0/8 allow", "do-not-query-localhost: no"] }.freeze

  def name_server(mode)
    conf = File.join(server.dir, "unbound-#{mode}.conf")
    lines = ["interface: 127.0.0.1@#{names_port}", "username: \"\"", "chroot: \"\"", "directory: \"#{server.dir}\"", "pidfile: \"\"",
             "use-syslog: no", "logfile: \"\"", "do-daemonize: no", "do-ip6: no", "module-config: \"iterator\"", *MODES.fetch(mode)]
    lines += records.map { |r| "local-data: '#{r}'" } unless mode == :fails
    nowhere = mode == :fails ? "forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@#{registrar_less}\n" : ""
    File.write(conf, "server:\n#{lines.map { |l| "  #{l}\n" }.join}remote-control:\n  control-enable: no\n#{nowhere}")
    @name_server = run_tool("unbound", "-d", "-c", conf)
  end

  def registrar_less = @nobody ||= free_port # nobody answers there

  def states = JSON.parse(tandem("providers", "--json")).select { |p| p["name"] != "carrier" }

  def all_registered(within)
    eventually("all are registered: #{states.map { |p| p.values_at("state", "reason") }.uniq}", within) do
      states.all? { |p| p["state"] == "registered" && p["expires_s"].to_i > 0 }
    end
  end

  def add_providers
    COUNT.times do |i|
      tandem("provider", "add", "p#{i}", "--customer", "demo", "--server", "sip:p#{i}.example", "--username", "u#{i}",
             "--password-stdin", "--register", input: "secret\n")
    end
    tandem("provider", "add", "carrier", "--customer", "demo", "--server", "sip:carrier.example", "--username", "trunk",
           "--password-stdin", input: "trunk-secret\n")
    assert server.dialplan("out", "sys.Dial(\"\#{req.URI.User}@carrier\")\n").ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
  end

  def trouble(what, seconds)
    yield
    sleep seconds
    refute states.any? { |p| %w[held leaving].include?(p["state"]) }, "#{what}: #{states}"
  end

  def recovered(what)
    yield
    all_registered(60)
    assert_match(/target +udp:127.0.0.1:#{callee_port}/, tandem("resolve", "sip:carrier.example"), what)
  end

  def setup
    skip "unbound or sipp is not installed" unless tool?("unbound") && tool?("sipp")
    server.demo("alice")
    tandem("customer", "set", "demo", "--calls-max", "100000")
    server.start
  end

  def test_enum
    name_server(:fine)
    add_providers
    plan = 'uri = sys.ENUMLookup("+#{req.URI.User}.e164.example")' + "\n" \
           'sys.Respond(uri ? 480 : 404, "found #{uri.inspect}")' + "\n"
    assert server.dialplan("out", plan).ok?
    alice = Phone.new("alice", server.port)
    answer = alice.ask("INVITE", "sip:431234@example.test", body: alice.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal [480, 'found "sip:1234@carrier.example"'], [answer.status, answer.reason]
    answer = alice.ask("INVITE", "sip:439999@example.test", body: alice.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal [404, "found nil"], [answer.status, answer.reason]
  end

  def test_a_name_server_in_trouble_under_load
    name_server(:fine)
    add_providers
    all_registered(30)
    callee = sipp("callee", "-timeout", "200s", port: callee_port)
    caller = sipp("caller", "-s", "300", "-auth_uri", "300@example.test", "-r", RATE, "-m", 75 * RATE, "-l", 20_000, "-timeout", "200s")
    sleep 2
    paused = @name_server
    trouble("paused", 12) { Process.kill("STOP", paused.pid) }
    recovered("paused") { Process.kill("CONT", paused.pid) }
    trouble("stopped", 12) { paused.stop }
    recovered("stopped") { name_server(:fine) }
    trouble("refuses", 10) { @name_server.stop and nil or name_server(:refuses) }
    recovered("refuses") { @name_server.stop and nil or name_server(:fine) }
    trouble("fails", 10) { @name_server.stop and nil or name_server(:fails) }
    recovered("fails") { @name_server.stop and nil or name_server(:fine) }
    refute_match(/provider.held|needs credentials/, server.log)
    caller.stop
    callee.stop
    check_calls
  end

  # Calls went on all the time: what was known of the names was used.
  def check_calls
    list = JSON.parse(tandem("cdrs", "--json", "-n", "100000")).reject { |c| c["ended_by"].to_s.empty? }
    assert_operator list.size, :>, 20 * RATE
    lost = list.select { |c| [408, 480, 500, 503].include?(c["status"]) }
    assert_operator lost.size, :<, list.size / 100, lost.group_by { |c| c.values_at("status", "reason", "end_reason") }.map { |k, v| [k, v.size, v.last["started"], v.first["ended"]] }.to_s
  end

  def teardown
    Process.kill("CONT", @name_server.pid) if @name_server rescue nil
    @registrar&.close
    super
  end
end
