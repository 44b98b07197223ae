# SPDX-License-Identifier: BSD-3-Clause
# Calls through the real binary, seen from two phones and from the operator's side.
require_relative "lib/tandem"
require_relative "lib/sip"

class CallsTest < FlowTest
  def options = { "log" => { "level.call" => "debug" } }

  def setup
    server.demo("alice", "bob").start
    @alice = Phone.new("alice", server.port).tap(&:register)
    @bob = Phone.new("bob", server.port, tcp: transport == "TCP").tap(&:register)
  end

  def transport = "UDP"
  def bob_uri = "sip:bob@example.test"
  def sdp_header = ["Content-Type: application/sdp"]

  # An answered call: the 200 that alice got.
  def call(uri = bob_uri)
    invite = nil
    answering = Thread.new do
      invite = @bob.expect_request("INVITE")
      @bob.answer(invite, 180, "Ringing")
      @bob.answer(invite, 200, "OK", headers: sdp_header, body: @bob.sdp(41_000))
      @bob.expect_request("ACK")
    end
    ok = @alice.ask("INVITE", uri, body: @alice.sdp, headers: sdp_header)
    assert_equal 200, ok.status, ok.to_s
    @alice.acknowledge(ok, uri)
    answering.value
    assert_includes invite.body, "m=audio 40000"
    assert_includes ok.body, "m=audio 41000"
    ok
  end

  # Alice hangs up: both sides hear it.
  def hang_up(ok, uri = bob_uri)
    hearing = Thread.new { @bob.expect_request("BYE").tap { |r| @bob.answer(r, 200, "OK") } }
    bye = @alice.request("BYE", ok["Contact"][/<([^>]*)>/, 1], to: uri, to_tag: ok["To"][/tag=([^;]*)/, 1])
    @alice.send_text(bye)
    assert_equal 200, @alice.expect_final("BYE").status
    assert hearing.value
  end

  def cdrs = JSON.parse(tandem("cdrs", "--json"))

  def test_a_call_is_listed_and_leaves_one_record
    ok = call
    calls = JSON.parse(tandem("calls", "--json"))
    assert_equal [["demo", "answered"]], calls.map { |c| c.values_at("customer", "state") }
    hang_up(ok)
    record = eventually("the record of a call that is over") { cdrs.find { |c| !c["ended_by"].to_s.empty? } }
    assert_equal 1, cdrs.size
    assert_equal [200, "caller", calls.first["call"]], record.values_at("status", "ended_by", "call")
    assert_equal [], JSON.parse(tandem("calls", "--json"))
  end

  # A provider is told a Contact of ours, says by it how many messages wait, and calls by it.
  def test_a_provider_calls_and_tells_of_messages
    @alice = Phone.new("carrier", server.port)
    tandem "provider", "add", "trunk", "--customer", "demo", "--server", "sip:127.0.0.1:#{@alice.port}", "--username", "me",
           "--contact", bob_uri, "--register", "--mwi", "--password-stdin", input: "secret\n"
    register = @alice.expect_request("REGISTER")
    ours = register["Contact"][/<([^>]*)>/, 1]
    @alice.answer(register, 200, "OK", headers: ["Contact: #{register["Contact"]};expires=300"])
    subscribe = @alice.expect_request("SUBSCRIBE")
    @alice.answer(subscribe, 200, "OK", headers: ["Expires: 300"], tag: "vm")
    notify = @alice.request("NOTIFY", ours, to: subscribe["From"][/<([^>]*)>/, 1], to_tag: subscribe["From"][/tag=(.*)/, 1],
                            call_id: subscribe["Call-ID"], from: "#{subscribe["To"]};tag=vm",
                            headers: ["Event: message-summary", "Subscription-State: active;expires=300",
                                      "Content-Type: application/simple-message-summary"],
                            body: "Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n")
    @alice.send_text(notify)
    assert_equal 200, @alice.expect_final("NOTIFY").status
    shown = -> { JSON.parse(tandem("provider", "show", "trunk", "--json")).values_at("messages_waiting", "voice_messages") }
    eventually("the messages that wait") { shown.call == [true, "2 new, 8 old"] }
    hang_up(call(ours), ours)
    record = eventually("the record of a call that is over") { cdrs.find { |c| !c["ended_by"].to_s.empty? } }
    assert_equal ["in", "trunk", "bob@example.test"], record.values_at("direction", "provider", "account")
    refute_includes JSON.dump(cdrs), ours[/tandem=(\h+)/, 1]
  end

  # From the script through the sandbox to the core and back: what a dialplan may know beforehand.
  def test_a_script_asks_whether_media_has_a_way
    plan = 'bob, nobody = %w[bob nobody].map { |user| sys.MediaPath(user + "@local") }' + "\n" \
           'sys.Respond(486, "#{bob.State}: #{bob.Reason}; #{nobody.State}: #{nobody.Reason}")' + "\n"
    assert server.dialplan("out", plan).ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
    busy = @alice.ask("INVITE", bob_uri, body: @alice.sdp, headers: sdp_header)
    assert_equal "direct: both are in one network; none: nobody is there to be called", busy.reason
  end

  def test_the_common_script_stands_in_front
    File.write(File.join(server.dir, "common.rb"), "def busy(why)\n  sys.Respond(486, why)\nend\n")
    File.chmod(0o644, File.join(server.dir, "common.rb"))
    server.set("dialplan", "common", File.join(server.dir, "common.rb"))
    server.stop
    server.start
    assert server.dialplan("out", "busy 'from common'\n").ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
    assert_equal "from common", @alice.ask("INVITE", bob_uri, body: @alice.sdp, headers: sdp_header).reason
  end

  def test_the_operator_hangs_up
    call
    id = JSON.parse(tandem("calls", "--json")).first["call"]
    hearing = [@alice, @bob].map { |p| Thread.new { p.expect_request("BYE").tap { |r| p.answer(r, 200, "OK") } } }
    tandem "hangup", id, "--reason", "Maintenance"
    hearing.each { |t| assert t.value }
    eventually("the record") { cdrs.size == 1 }
  end

  def test_an_answered_call_outlives_a_killed_core
    ok = call
    core = server.core_pid
    Process.kill("KILL", core)
    eventually("a new core") { r = server.run("status", "--json"); r.ok? && r.json["pid"] != core }
    assert_equal 1, JSON.parse(tandem("calls", "--json")).size
    hang_up(ok)
    record = eventually("the record of a call that is over") { cdrs.find { |c| !c["ended_by"].to_s.empty? } }
    assert_equal [1, 200, "caller"], [cdrs.size, *record.values_at("status", "ended_by")]
  end

  def test_a_call_that_a_crash_cuts_off_leaves_a_closed_record
    ringing = Thread.new { @bob.expect_request("INVITE").tap { |r| @bob.answer(r, 180, "Ringing") } }
    challenged = @alice.tap { |p| p.send_text(p.request("INVITE", bob_uri)) }.expect_status(401)
    @alice.send_text(@alice.request("INVITE", bob_uri, headers: [@alice.authorization("INVITE", bob_uri, challenged)]))
    @alice.expect_status(180)
    ringing.value
    eventually("the record of its start") { cdrs.any? }
    core = server.core_pid
    Process.kill("KILL", core)
    eventually("a new core") { r = server.run("status", "--json"); r.ok? && r.json["pid"] != core }
    assert_equal ["restart"], cdrs.map { |c| c["ended_by"] }
  end

  def test_an_answered_call_outlives_a_restart
    ok = call
    server.stop
    server.start
    hang_up(ok)
    eventually("the record") { cdrs.size == 1 }
  end

  def test_nobody_is_registered
    @bob.register(expires: 0)
    assert_equal 480, @alice.ask("INVITE", bob_uri, body: @alice.sdp, headers: sdp_header).status
  end

  def test_wrong_password_makes_no_call
    mallory = Phone.new("alice", server.port, password: "not-it")
    assert_equal 401, mallory.ask("INVITE", bob_uri, body: mallory.sdp, headers: sdp_header).status
    eventually("the event") { tandem("log", "kind=auth.failed") =~ /alice@example\.test/ }
    assert_equal [], cdrs
  end
end

class CallsOverTcpTest < CallsTest
  def transport = "TCP"

  # A connection does not outlive the process; everything else is the same.
  undef_method :test_a_call_that_a_crash_cuts_off_leaves_a_closed_record, :test_an_answered_call_outlives_a_killed_core,
               :test_an_answered_call_outlives_a_restart
end
