# SPDX-License-Identifier: BSD-3-Clause
# Starting, stopping, restarting, reloading: the processes.
require_relative "lib/tandem"
require_relative "lib/sip"

class ServiceTest < FlowTest
  def test_starts_and_stops_and_leaves_nothing_behind
    server.start
    processes = server.children + server.children.flat_map { |p| server.children(p) }
    refute_empty processes
    assert_equal 0, server.stop
    processes.each { |p| eventually("process #{p} is gone") { !File.exist?("/proc/#{p}") } }
    refute File.exist?(File.join(server.dir, "data", "control.sock"))
    assert_match(/no answer/, refused("status", code: 4))
  end

  def test_interrupt_stops_it
    server.start
    assert_equal 0, server.stop("INT")
  end

  def test_stops_in_bounded_time_even_if_core_does_not_listen
    server.start
    core = server.core_pid
    Process.kill("STOP", core)
    assert_equal 0, server.stop
    eventually("core is gone") { !File.exist?("/proc/#{core}") }
  end

  def test_supervisor_killed_takes_everything_along
    server.start
    processes = server.children + server.children.flat_map { |p| server.children(p) }
    server.stop("KILL")
    processes.each { |p| eventually("process #{p} is gone") { !File.exist?("/proc/#{p}") || File.read("/proc/#{p}/stat") =~ /\) Z / } }
    server.start # nothing is in the way
  end

  def test_answers_options
    server.demo.start
    answer = Phone.new("x", server.port).ask("OPTIONS", "sip:127.0.0.1:#{server.port}")
    assert_equal 200, answer.status, answer.to_s
  end

  def test_data_survive_a_restart
    server.demo("alice").start
    Phone.new("alice", server.port).register
    server.stop
    server.start
    assert_equal ["alice@example.test"], JSON.parse(tandem("bindings", "--json")).map { |b| b["aor"] }
    Phone.new("alice", server.port).register
  end

  def test_killed_core_comes_back_with_its_bindings
    server.demo("alice").start
    phone = Phone.new("alice", server.port)
    phone.register
    core = server.core_pid
    Process.kill("KILL", core)
    eventually("a new core") { r = server.run("status", "--json"); r.ok? && r.json["pid"] != core }
    assert_equal ["alice@example.test"], JSON.parse(tandem("bindings", "--json")).map { |b| b["aor"] }
    phone.register
    assert_match(/process\.died/, server.log)
  end

  def test_killed_dialplan_process_comes_back
    server.demo("alice").start
    tandem "account", "set", "alice@example.test", "--out-dialplan", "" 
    assert server.dialplan("plan", %(sys.Respond(486, "first")\n)).ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "plan"
    phone = Phone.new("alice", server.port)
    assert_equal 486, phone.ask("INVITE", "sip:1@example.test", body: "").status
    zygote = server.children.find { |p| File.read("/proc/#{p}/cmdline").include?("tandem-dialplan") }
    Process.kill("KILL", zygote)
    eventually("a new dialplan process") do
      server.children.any? { |p| p != zygote && File.read("/proc/#{p}/cmdline").include?("tandem-dialplan") }
    end
    core = server.core_pid
    answer = eventually("a script runs again") { a = phone.ask("INVITE", "sip:1@example.test"); a.status == 486 && a }
    assert_equal "first", answer.reason
    assert_equal core, server.core_pid, "core went on"
  end

  def test_dialplan_changed_while_running_holds_for_the_next_call
    server.demo("alice").start
    assert server.dialplan("plan", %(sys.Respond(486, "first")\n)).ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "plan"
    phone = Phone.new("alice", server.port)
    assert_equal "first", phone.ask("INVITE", "sip:1@example.test").reason
    assert server.dialplan("plan", %(sys.Respond(480, "second")\n)).ok?
    assert_equal "second", phone.ask("INVITE", "sip:1@example.test").reason
  end

  def test_second_service_on_the_same_data_is_refused
    server.start
    other = Tandem.new
    FileUtils.cp(server.conf, other.conf)
    other.set("service", "data_dir", File.join(server.dir, "data"))
    r = other.run("serve")
    assert_equal 1, r.code
    assert_match(/running already/, r.err)
  ensure
    other&.clean
  end

  def test_reload_takes_levels_and_names_what_needs_a_restart
    server.start
    server.set("log", "level", "debug")
    server.set("sip", "workers", 1)
    Process.kill("HUP", server.pid)
    eventually("the reload") { server.log =~ /read again; taken over: \[log\] level; needs a restart: \[sip\] workers/ }
    server.set("log", "level", "loud")
    Process.kill("HUP", server.pid)
    eventually("the complaint") { server.log =~ /was not taken over.*loud/ }
    server.set("log", "level", "info")
    assert_equal 2, server.status["workers"]
  end

  def test_wrong_configuration_is_told_with_file_and_line
    File.write(server.conf, "[sip]\nlisten = udp:127.0.0.1:5060\nworkerz = 2\n[log]\nlevel = loud\n")
    [%w[check], %w[serve]].each do |command|
      said = refused(*command, code: 1)
      assert_match(/tandem\.conf:3: \[sip\] has no option "workerz"; did you mean "workers"\?/, said)
      assert_match(/tandem\.conf:5: /, said)
    end
  end

  def test_good_configuration_is_told
    assert_match(/is fine/, tandem("check"))
  end

  def test_port_in_use_is_told
    taken = UDPSocket.new
    taken.bind("127.0.0.1", 0)
    server.set("sip", "listen", "udp:127.0.0.1:#{taken.addr[1]}")
    assert_match(/#{taken.addr[1]}/, refused("serve", code: 1))
  end
end
