# SPDX-License-Identifier: BSD-3-Clause
# Two nodes on one database: each registration at a provider is the work of exactly one of them, also when one is
# killed, or stopped in the middle of what it does and woken up again.
require_relative "lib/tandem"
require_relative "lib/registrar"

class NodesTest < FlowTest
  COUNT = 12

  def second
    data = File.join(server.dir, "data")
    @second ||= Tandem.new("store" => { "url" => "sqlite:#{data}/tandem.db" },
                           "service" => { "data_dir" => "data", "key_file" => "#{data}/tandem.key", "node" => "second" })
  end

  def options = { "service" => { "data_dir" => "data", "node" => "first" } }

  def registrar = @registrar ||= Registrar.new(expires: 10)

  def providers
    server.demo
    COUNT.times do |i|
      tandem("provider", "add", "p#{i}", "--customer", "demo", "--server", "sip:127.0.0.1:#{registrar.port}",
             "--username", "u#{i}", "--password-stdin", "--register", input: "secret\n")
    end
  end

  def users = COUNT.times.map { |i| "u#{i}" }
  def from(node) = registrar.log.select { |r| r.port == node.port }
  def states(node) = JSON.parse(node.run("providers", "--json").out)

  def both_run
    server.start
    providers
    eventually("all are registered by the first") { from(server).map(&:user).uniq.size == COUNT }
    second.start
  end

  # What each user's requests must look like, whoever sent them.
  def check_sequence
    registrar.log.group_by(&:user).each do |user, list|
      assert_equal 1, list.map(&:call_id).uniq.size, "#{user} kept its Call-ID"
      numbers = list.map(&:cseq)
      assert_equal numbers.sort, numbers, "the numbers of #{user} grow"
      handed = list.index { |r| r.port == second.port } or next
      before, after = list[0...handed], list[handed..]
      assert_operator after.first.cseq, :>, before.last.cseq, "#{user} went on behind what the first had used" if before.any?
      assert_empty after.select { |r| r.port == server.port }, "the first sent for #{user} after the second had"
    end
  end

  def test_the_second_takes_over_when_the_first_is_killed
    both_run
    assert_empty from(second), "only one sends"
    children = server.children
    server.stop("KILL")
    children.each { |pid| Process.kill("KILL", pid) rescue nil }
    eventually("the second has taken over") { (users - from(second).map(&:user)).empty? }
    assert_equal ["second"], states(second).map { |p| p["node"] }.uniq
    assert_equal ["registered"], states(second).map { |p| p["state"] }.uniq
    check_sequence
    assert_match(/node.died/, second.log)
  end

  def test_a_node_that_was_stopped_keeps_still
    both_run
    processes = [server.pid, *server.children]
    registrar.deaf = true # so that requests are on their way, again and again
    eventually("some are on their way") { registrar.heard > 0 }
    Process.kill("STOP", *processes)
    registrar.deaf = false
    eventually("the second has taken over") { (users - from(second).map(&:user)).empty? }
    Process.kill("CONT", *processes)
    eventually("the first has understood") { server.log.include?("node.lost") }
    seen = from(second).size
    eventually("the second goes on") { from(second).size > seen + 2 * COUNT }
    check_sequence
    assert_equal ["second"], states(server).map { |p| p["node"] }.uniq
  ensure
    Process.kill("CONT", *processes) if processes
  end

  def test_an_orderly_stop_hands_over_at_once
    both_run
    assert_equal 0, server.stop
    eventually("the second has taken over") { (users - from(second).map(&:user)).empty? }
    check_sequence
    refute_match(/node.died/, second.log)
  end

  FAKETIME = Dir.glob("/usr/lib/*/faketime/libfaketimeMT.so.1").first

  # Each node's wall clock is stepped by days, forward and back, under load: nobody takes over, nobody stops.
  def test_clocks_that_are_stepped
    skip "faketime is not installed, or this build brings its own libraries" if !FAKETIME || BUILD.match?(/san/)
    both = { server => "+0", second => "+0" }
    both.each_key do |node|
      File.write(clock_of(node), "+0\n")
      File.chmod(0o644, clock_of(node))
      node.serve_env.merge!("LD_PRELOAD" => FAKETIME, "FAKETIME_TIMESTAMP_FILE" => clock_of(node), "FAKETIME_NO_CACHE" => "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC" => "1")
    end
    both_run
    %w[+1d -1d +10d +0].each_with_index do |step, i|
      node = both.keys[i % 2]
      File.write(clock_of(node), "#{step}\n")
      seen = registrar.log.size
      eventually("refreshed after #{step}") { registrar.log.size > seen + COUNT }
      next unless i.zero?
      tandem("provider", "set", "p0", "--expires", "700") # so that something is logged
      tomorrow = (Time.now.utc + 86_400).strftime("%Y-%m-%d")
      eventually("the clock was really stepped") { server.log.include?("#{tomorrow}T") }
    end
    assert_empty from(second), "the first goes on"
    check_sequence
    refute_match(/node.died|node.lost/, server.log + second.log)
  end

  def clock_of(node) = File.join(node.dir, "clock")

  def teardown
    puts @second.log.lines.last(30) if @second && !passed?
    @second&.clean
    @registrar&.close
    super
  end
end
