# SPDX-License-Identifier: BSD-3-Clause
# sipp as caller, as callee, and as a provider that challenges.
require_relative "lib"

class SippTest < InteropTest
  # sipp 3.6 answers only MD5.
  def options = { "sip" => { "listen" => listen }, "auth" => { "algorithms" => "MD5" } }
  def listen = ["udp:127.0.0.1:#{@chosen ||= free_port}", "tcp:127.0.0.1:#{@chosen}"]
  def server = @server ||= Tandem.new(options).tap { |s| s.instance_variable_set(:@port, @chosen) }

  def setup
    skip "sipp is not installed" unless tool?("sipp")
    server.demo("alice", "bob").start
  end

  def caller_tool(name, service, count: 1, more: [])
    sipp(name, "-s", service, "-auth_uri", "#{service}@example.test", "-m", count, "-r", 20, *more)
  end

  # A binding is reached over its flow, so the sipp that answers must have registered itself:
  # here a dialplan dials it directly.
  def with_callee(scenario, count: 1, options: "")
    port = free_port
    assert server.dialplan("out", "sys.Dial(\"sip:\#{req.URI.User}@127.0.0.1:#{port}#{options}\")\n").ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
    [sipp(scenario, "-m", count, port: port), port]
  end

  def test_calls
    callee, = with_callee("callee", count: 10)
    finished caller_tool("caller", "300", count: 10), "caller"
    finished callee, "callee"
    list = records(10)
    assert_equal [[200, "caller"]], list.map { |c| c.values_at("status", "ended_by") }.uniq
    assert_equal 10, list.map { |c| c["call"] }.uniq.size
  end

  def test_calls_over_tcp
    callee, = with_callee("callee", count: 3)
    finished caller_tool("caller", "300", count: 3, more: %w[-t t1]), "caller over TCP"
    finished callee, "callee"
    records(3)
  end

  def test_offer_in_the_200
    callee, = with_callee("callee")
    finished caller_tool("caller-late-offer", "300"), "caller"
    finished callee, "callee"
  end

  def test_hold
    callee, = with_callee("callee-hold")
    finished caller_tool("caller-hold", "300"), "caller"
    finished callee, "callee"
  end

  def test_busy
    callee, = with_callee("callee-busy")
    finished caller_tool("caller-busy", "300"), "caller"
    finished callee, "callee"
    assert_equal 486, records(1).first["status"]
  end

  def provider(password)
    port = free_port
    tandem "provider", "add", "carrier", "--customer", "demo", "--server", "sip:127.0.0.1:#{port}",
           "--username", "trunk", "--password-stdin", input: "#{password}\n"
    assert server.dialplan("out", "sys.Dial(\"\#{req.URI.User}@carrier\")\n").ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
    sipp("provider", "-m", 1, port: port)
  end

  def test_a_provider_that_challenges
    carrier = provider("trunk-secret")
    finished caller_tool("caller", "004412345"), "caller"
    finished carrier, "provider"
    record = records(1).first
    assert_equal "carrier", record["provider"]
    refute_includes server.log, "trunk-secret"
  end

  def test_a_provider_that_refuses_the_password
    provider("wrong-secret")
    alice = Phone.new("alice", server.port)
    answer = alice.ask("INVITE", "sip:1@example.test", body: alice.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal 403, answer.status, answer.to_s
  end
end

class SippIpv6Test < SippTest
  # The service listens on both; the caller comes over IPv6, the callee is called over IPv4.
  def listen = super + ["udp:[::1]:#{@chosen}"]

  def caller_tool(name, service, count: 1, more: [])
    sipp(name, "-s", service, "-auth_uri", "#{service}@example.test", "-m", count, *more, host: "::1", target: "[::1]:#{server.port}")
  end

  (instance_methods(false) + SippTest.instance_methods(false)).grep(/\Atest_/).each do |name|
    undef_method name unless %i[test_calls test_hold].include?(name)
  end
end
