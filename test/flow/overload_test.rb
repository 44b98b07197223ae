# SPDX-License-Identifier: BSD-3-Clause
# More than can be done: who is refused, what passes, who is served all the same.
require_relative "lib/tandem"
require_relative "lib/sip"

class OverloadTest < FlowTest
  DELAY_MS = 50
  CROWD = 400 # at a time: more than a turn of the worker takes

  def options = { "sip" => { "workers" => 1, "overload_delay_ms" => DELAY_MS } }

  # A queue that stands is made by holding the core while a crowd sends, again and again.
  def while_core_is_held(rounds = 6)
    pid = server.core_pid
    rounds.times do |i|
      Process.kill("STOP", pid)
      yield i
      sleep 0.25 # longer than anybody may wait
      Process.kill("CONT", pid)
      sleep 0.02
    end
  ensure
    Process.kill("CONT", pid)
  end

  def crowd(phone, count = CROWD)
    count.times do |i|
      phone.send_text(phone.request("INVITE", "sip:bob@example.test", cseq: 1, call_id: "crowd#{i}"))
    end
  end

  def answers(phone)
    list = []
    while (m = phone.receive(1))
      list << m
    end
    list
  end

  # A call that is up.
  def call(alice, bob)
    uri = "sip:bob@example.test"
    alice.send_text(alice.request("INVITE", uri, body: alice.sdp, headers: ["Content-Type: application/sdp"]))
    challenge = alice.expect_final("INVITE")
    alice.acknowledge(challenge, uri)
    alice.send_text(alice.request("INVITE", uri, body: alice.sdp,
                                                 headers: ["Content-Type: application/sdp", alice.authorization("INVITE", uri, challenge)]))
    invite = bob.expect_request("INVITE")
    bob.answer(invite, 200, "OK", body: bob.sdp, headers: ["Content-Type: application/sdp"])
    ok = alice.expect_status(200, "INVITE")
    alice.acknowledge(ok, uri)
    bob.expect_request("ACK")
    ok
  end

  def test_new_calls_are_refused_and_calls_that_are_up_go_on
    server.demo("alice", "bob").start
    alice, bob = %w[alice bob].map { |u| Phone.new(u, server.port) }
    bob.register
    ok = call(alice, bob)
    others = Phone.new("other", server.port, from: "127.0.0.2")
    while_core_is_held do |round|
      crowd(others)
      next if round < 5
      alice.send_text(alice.request("BYE", ok["Contact"][/<([^>]*)>/, 1], to: "sip:bob@example.test", to_tag: ok["To"][/tag=(.*)/, 1]))
    end
    bye = bob.expect_request("BYE")
    bob.answer(bye, 200, "OK")
    assert_equal 200, alice.expect_final("BYE").status
    refused = answers(others).select { |m| m.status == 503 }
    refute_empty refused
    refused.each { |m| assert_includes 5..15, m["Retry-After"].to_i, m.to_s }
    assert_operator refused.map { |m| m["Retry-After"] }.uniq.size, :>, 1
    assert_operator server.status["overload_refused"], :>=, refused.size
    assert_equal 0, server.status["calls"]
    eventually("it ends\n#{server.log}") { server.log.include?("overload.end") }
    assert_equal 1, server.log.scan("overload.begin").size
    assert_equal 0, server.status["overloaded_workers"]
    assert_equal 200, alice.ask("OPTIONS", "sip:example.test").status
  end

  def test_zero_turns_it_off
    server.set("sip", "overload_delay_ms", 0)
    server.demo("alice").start
    others = Phone.new("other", server.port, from: "127.0.0.2")
    while_core_is_held { crowd(others) }
    statuses = answers(others).map(&:status)
    refute_empty statuses
    refute_includes statuses, 503
    assert_equal 0, server.status["overload_refused"]
  end

  # As UDP phones do: again after half a second.
  def insist(phone, what)
    eventually(what) do
      answer = yield
      answer if answer && answer.status < 300
    end
  end

  def ask_once(phone, method, uri, **args)
    text = phone.request(method, uri, **args)
    8.times do
      phone.send_text(text)
      deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 0.5
      while (m = phone.receive([deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC), 0.01].max))
        return m if m.status && m.status >= 200 && m["CSeq"] == "#{text[/^CSeq: (\d+)/, 1]} #{method}"
      end
    end
    nil
  end

  def register(phone)
    uri = "sip:example.test"
    args = { to: "sip:#{phone.user}@example.test", headers: ["Expires: 300"] }
    insist(phone, "#{phone.user} registers") do
      challenge = ask_once(phone, "REGISTER", uri, **args)
      next challenge unless challenge&.status == 401
      ask_once(phone, "REGISTER", uri, **args, headers: args[:headers] + [phone.authorization("REGISTER", uri, challenge)])
    end
  end

  def flood
    phone = Phone.new("flood", server.port, from: "127.0.0.2")
    texts = Array.new(500) { |i| phone.request("INVITE", "sip:bob@example.test", cseq: 1, call_id: "flood#{i}") }
    pid = fork do
      trap("TERM") { exit!(0) }
      loop { texts.each { |t| phone.send_text(t) rescue nil } }
    end
    STARTED << pid
    yield
  ensure
    Process.kill("KILL", pid)
    Process.wait(pid)
  end
  STARTED = Tandem::STARTED

  def test_a_flood_leaves_others_served
    server.demo("alice", "bob").start
    phones = %w[alice bob].map { |u| Phone.new(u, server.port) }
    flood do
      5.times { phones.each { |p| assert_equal 200, register(p).status } }
    end
    assert_equal 2, server.status["bindings"]
    assert_operator server.status["received"], :>, 1000
  end
end
