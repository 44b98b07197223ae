# SPDX-License-Identifier: BSD-3-Clause
# The benchmark counts rightly, and runs. How fast anything is does not matter here.
require "minitest/autorun"

%w[server load goals results jobs plot].each { |f| require_relative "lib/#{f}" }

class CountingTest < Minitest::Test
  def part(counts, **more)
    { "seconds" => 2.0, "load_cpu" => 0.5, "begun" => 3, "done" => 3, "done_in_time" => 3, "late" => 1,
      "answer" => { "worst_us" => counts.last[0] + 1, "counts" => counts } }.merge(more.transform_keys(&:to_s))
  end

  def test_results_of_several_processes_add_up
    r = Result.new([part([[10, 1], [30, 2]]), part([[20, 96], [40, 1]], seconds: 2.5)], [], 0.0006, 0.1)
    assert_equal 6, r[:done]
    assert_equal 8, r.due
    assert_in_delta 2.4, r.per_second
    assert_in_delta 100, r.cpu_us
    assert_equal 20, r.quantile(:answer, 0.5)
    assert_equal 30, r.quantile(:answer, 0.98)
    assert_equal 40, r.quantile(:answer, 0.995)
    assert_equal 41, r.worst(:answer)
    assert_equal 97, r.within(:answer, 30)
  end

  def test_nothing_done_is_told
    r = Result.new([part([[10, 1]], done: 0)], [], 1.0, 0)
    assert_raises(Failed) { r.cpu_us }
  end

  def row(goal, at_least, aim) = Row.new(id: "x", title: "x", unit: "us", goal:, at_least:, aim:)

  def test_goals
    assert row(:ratio, 0.5, 0.3).reached(4, 10, 0.5)
    refute row(:ratio, 0.5, 0.3).reached(6, 10, 0.5)
    refute row(:ratio, 0.5, 0.3).reached(4, nil, 0.5)
    assert row(:most, 0, 0).reached(0, nil, 0)
    refute row(:most, 0, 0).reached(1, nil, 0)
    assert row(:least, 0.9, 1).reached(0.9, nil, 0.9)
    refute row(:least, 0.9, 1).reached(nil, nil, 0.9)
    assert_equal 2, row(:least, 0.9, 1).share(0.45, nil, 0.9)
  end

  def results(**medians)
    Results.new(few: 1, many: 2, calls: 3, bindings: 4, held: 5).tap { |r| medians.each { |server, v| r.add("call_cpu", server.to_s, v) } }
  end

  def test_verdicts
    call = ROWS.find { |r| r.id == "call_cpu" }
    assert_equal "aim reached", results(tandem: 1, kamailio: 10).verdict(call)
    assert_equal "reached", results(tandem: 4, kamailio: 10).verdict(call)
    assert_equal "NOT reached", results(tandem: 6, kamailio: 10).verdict(call)
    assert_equal "not told", results(tandem: 6).verdict(call)
    assert_equal "failed", results(kamailio: 6).verdict(call)
  end

  def test_a_failed_row_leaves_the_others
    r = results(tandem: 4, kamailio: 10)
    r.fault("call_rate", "tandem", "it fell\nover")
    assert_match(/failed: it fell over \(call_rate\)/, r.table)
    assert_match(/call .* 0\.40 .* reached/, r.table)
  end

  def test_every_row_belongs_to_a_goal_or_to_none
    ROWS.each { |r| assert_equal r.goal.nil?, r.at_least.nil?, r.id }
  end
end

class RunTest < Minitest::Test
  def test_run
    Dir.mktmpdir do |dir|
      argv = [File.join(__dir__, "run"), *%w[--quick --only tandem --jobs basic,tcp,idle,latency,flood,dialplan --seconds 0.2 --users 100 --callers 400
                                               --at-once 10 --others 1 --no-wait], dir]
      out, status = Open3.capture2e({ "TANDEM_BUILD" => BUILD }, *argv)
      assert status.success?, out
      rows = JSON.parse(File.read(File.join(dir, "bench.json")))["rows"]
      assert_empty rows.reject { |r| r["tandem"]["median"] }.map { |r| [r["id"], r["tandem"]["faults"]] }, out
      assert_equal %w[call_cpu call_tcp_cpu dialplan_fresh flood_invite idle_mb options_cpu refresh_cpu register_cpu register_tcp_cpu],
                   rows.map { |r| r["id"] }.grep(/_(cpu|mb|invite|fresh)\z/).sort
    end
  end
end
