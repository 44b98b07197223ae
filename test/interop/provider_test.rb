# SPDX-License-Identifier: BSD-3-Clause
# Registering with registrars that we did not write: Kamailio with digest, which dies, forgets and is stopped; and a
# sipp that misbehaves.
require_relative "lib"

class ProviderTest < InteropTest
  COUNT = 10
  KAMAILIO = File.expand_path("../bench/kamailio.cfg", __dir__)

  def registrar_port = @registrar_port ||= free_port

  def kamailio
    dir = File.join(server.dir, "kamailio")
    FileUtils.mkdir_p(dir)
    (@kamailios ||= []) << run_tool("kamailio", "-DD", "-E", "-f", KAMAILIO, "-A", "PORT=#{registrar_port}", "-A", "CHILDREN=1",
             "-A", "USERS=#{COUNT}", "-A", "HASH=4", "-w", dir, "-Y", dir)
    @kamailios.last
  end

  def teardown
    (@kamailios || []).each { |k| signal("KILL", k) }
    super
  end

  # Kamailio is several processes.
  def family(pid) = [pid, *server.children(pid).flat_map { |child| family(child) }]
  def signal(name, started) = family(started.pid).each { |pid| Process.kill(name, pid) rescue nil }

  def add(user, *more, password: "secret-#{user}", realm: "bench.test")
    tandem("provider", "add", "p#{user}", "--customer", "demo", "--server", "sip:127.0.0.1:#{registrar_port}",
           "--realm", realm, "--username", user, "--password-stdin", "--register", *more, input: "#{password}\n")
  end

  def users = COUNT.times.map { |i| "u#{i}" }
  def states = JSON.parse(tandem("providers", "--json")).to_h { |p| [p["name"], p] }

  def all_registered
    eventually("all are registered: #{states.values.map { |p| p.values_at("state", "reason") }.uniq}", 90) do
      states.values.all? { |p| p["state"] == "registered" && p["expires_s"].to_i > 0 }
    end
  end

  # Asks who is registered, and registers nothing.
  class Asker < Phone
    def request(*, **) = super.sub(/^Contact: .*\r\n/, "")
  end

  def contacts_there(user)
    Asker.new(user, registrar_port, domain: "bench.test").ask("REGISTER", "sip:bench.test", to: "sip:#{user}@bench.test").all("Contact")
  end

  # What a test says.
  def known_there(name) = server.run("provider", "test", name, "--json").json.to_h { |f| [f["step"], f["text"]] }["register"]

  def setup
    skip "kamailio is not installed" unless tool?("kamailio")
    server.demo.start
  end

  def test_digest_and_its_ends
    kamailio
    users.each { |u| add(u) }
    all_registered
    users.each { |u| assert_match(/accepted.*ours among them/, known_there("pu#{u[1..]}")) }
    tandem("provider", "set", "pu0", "--password-stdin", input: "wrong\n")
    eventually("it is said that the password is wrong") { states["pu0"]["reason"].to_s.include?("password") }
    assert_equal "registered", states["pu1"]["state"]
    tandem("provider", "set", "pu0", "--password-stdin", input: "secret-u0\n")
    all_registered
    tandem("provider", "set", "pu1", "--no-register")
    eventually("it was taken back") { contacts_there("u1").empty? }
    assert_match(/registered there: 0/, known_there("pu1"))
    tandem("provider", "remove", "pu2")
    eventually("it is gone") { !states.key?("pu2") }
  end

  def test_a_registrar_that_dies_forgets_and_is_stopped
    first = kamailio
    users.each { |u| add(u, "--expires", "60") }
    all_registered
    signal("KILL", first)
    eventually("the refreshes fail, and say why", 90) { states.values.any? { |p| p["reason"].to_s.match?(/timed out|could not be sent/) } }
    second = kamailio
    all_registered
    signal("STOP", second)
    sleep 20
    signal("CONT", second)
    all_registered
    eventually("it knows them all", 90) { users.all? { |u| contacts_there(u).any? { |c| c.include?(";tandem=") } } }
  ensure
    signal("CONT", second) if second
  end

  # Somebody calls our number there; the call comes to the contact that we registered, and the plan runs.
  def test_a_call_that_comes_in_through_it
    kamailio
    tandem("account", "add", "demo@example.test", "--customer", "demo", "--password-stdin", input: "secret-demo\n")
    assert server.dialplan("in", "sys.Respond(480, \"\#{req.URI.User} \#{sys.In}\")\n").ok?
    tandem("account", "set", "demo@example.test", "--in-dialplan", "in")
    add("u1", "--expires", "600")
    all_registered
    caller = Phone.new("u5", registrar_port, domain: "bench.test")
    answer = caller.ask("INVITE", "sip:u1@bench.test", body: caller.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal [480, "pu1.demo true"], [answer.status, answer.reason], answer.to_s
    record = eventually("the call's record") { JSON.parse(tandem("cdrs", "--json")).first }
    assert_equal %w[in pu1 demo], record.values_at("direction", "provider", "customer")
  end

  # Our caller dials out; the provider asks for a password on INVITE and finds its own customer.
  def test_a_call_that_goes_out_through_it
    kamailio
    tandem("account", "add", "alice@example.test", "--customer", "demo", "--password-stdin", input: "secret-alice\n")
    assert server.dialplan("out", "sys.Dial(\"\#{req.URI.User}@pu1\")\n").ok?
    tandem("account", "set", "alice@example.test", "--out-dialplan", "out")
    add("u1", "--expires", "600")
    all_registered
    callee = Phone.new("u5", registrar_port, domain: "bench.test")
    callee.register
    alice = Phone.new("alice", server.port)
    caller = Thread.new { alice.ask("INVITE", "sip:u5@example.test", body: alice.sdp, headers: ["Content-Type: application/sdp"]) }
    invite = callee.expect_request("INVITE")
    assert_match(/sip:u1@/, invite["From"])
    refute_match(/secret-u1/, invite.to_s)
    callee.answer(invite, 486, "Busy Here")
    assert_equal 486, caller.value.status
  end

  def test_a_registrar_that_misbehaves
    bad = sipp("registrar-bad", "-m", 1, port: registrar_port, target: "127.0.0.1:1")
    add("joe", realm: "127.0.0.1")
    assert_equal 0, bad.ended, bad.text
    eventually("in the end it is registered") { states["pjoe"]["state"] == "registered" }
    assert_in_delta 600, states["pjoe"]["expires_s"], 30
    words = server.log
    assert_match(/503 Maintenance/, words)
    assert_match(/other contacts, not ours/, words)
  end
end
