# SPDX-License-Identifier: BSD-3-Clause
# Two phones that share neither address family nor transport.
require_relative "lib"

class MixedTest < InteropTest
  def options = { "sip" => { "listen" => ["udp:127.0.0.1:#{@chosen ||= free_port}", "tcp:127.0.0.1:#{@chosen}",
                                          "udp:[::1]:#{@chosen}", "tcp:[::1]:#{@chosen}"] } }
  def server = @server ||= Tandem.new(options).tap { |s| s.instance_variable_set(:@port, @chosen) }

  def between(alice, bob)
    server.demo("alice", "bob").start
    alice = Phone.new("alice", server.port, **alice).tap(&:register)
    bob = Phone.new("bob", server.port, **bob).tap(&:register)
    uri = "sip:bob@example.test"
    invite = nil
    answering = Thread.new do
      invite = bob.expect_request("INVITE")
      bob.answer(invite, 200, "OK", headers: ["Content-Type: application/sdp"], body: bob.sdp(41_000))
      bob.expect_request("ACK")
      bob.expect_request("BYE").tap { |r| bob.answer(r, 200, "OK") }
    end
    ok = alice.ask("INVITE", uri, body: alice.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal 200, ok.status, ok.to_s
    alice.acknowledge(ok, uri)
    alice.send_text(alice.request("BYE", ok["Contact"][/<([^>]*)>/, 1], to: uri, to_tag: ok["To"][/tag=([^;]*)/, 1]))
    assert_equal 200, alice.expect_final("BYE").status
    assert answering.value
    assert_equal alice.sdp, invite.body
    records(1)
    [invite, ok]
  end

  def test_ipv6_calls_ipv4_over_tcp
    invite, ok = between({ host: "::1" }, { tcp: true })
    assert_includes ok["Contact"], "[::1]"
    assert_match(/127\.0\.0\.1:\d+;transport=tcp/, invite["Contact"])
  end

  def test_ipv6_over_tcp_is_called
    invite, = between({}, { host: "::1", tcp: true })
    assert_includes invite["Contact"], "[::1]"
  end
end
