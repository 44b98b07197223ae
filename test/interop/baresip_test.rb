# SPDX-License-Identifier: BSD-3-Clause
# baresip registers and calls for real, with sound that goes nowhere.
require_relative "lib"

class BaresipTest < InteropTest
  MODULES = [%w[/usr/lib/baresip/modules], Dir.glob("/usr/lib/*/baresip/modules")].flatten.find { |d| Dir.exist?(d) }

  def setup
    skip "baresip is not installed" unless tool?("baresip") && MODULES
    server.demo("alice", "bob").start
  end

  # Commands go to its control socket of netstrings.
  def baresip(user, more = "")
    dir = File.join(server.dir, user)
    control = free_port
    FileUtils.mkdir_p(dir)
    File.write(File.join(dir, "config"), <<~CONFIG)
      sip_listen 127.0.0.1:#{free_port}
      module_path #{MODULES}
      module g711.so
      module aubridge.so
      module account.so
      module menu.so
      module ctrl_tcp.so
      ctrl_tcp_listen 127.0.0.1:#{control}
      audio_player aubridge,nothing
      audio_source aubridge,nothing
      audio_alert aubridge,nothing
    CONFIG
    File.write(File.join(dir, "accounts"),
               "<sip:#{user}@example.test>;auth_pass=secret-#{user};outbound=\"sip:127.0.0.1:#{server.port}\";regint=300#{more}\n")
    File.write(File.join(dir, "contacts"), "")
    [run_tool("baresip", "-f", dir), control]
  end

  def tell(control, command, params)
    text = JSON.generate(command: command, params: params)
    eventually("the control socket") do
      TCPSocket.open("127.0.0.1", control) { |s| s.write("#{text.bytesize}:#{text},") && sleep(0.3) || true }
    rescue Errno::ECONNREFUSED
      false
    end
  end

  def bindings = JSON.parse(tandem("bindings", "--json"))

  def test_registers_calls_and_hangs_up
    _, alice = baresip("alice")
    baresip("bob", ";answermode=auto")
    eventually("two registrations") { bindings.size == 2 }
    tell(alice, "dial", "sip:bob@example.test")
    eventually("the call") { JSON.parse(tandem("calls", "--json")).any? { |c| c["state"] == "answered" } }
    tell(alice, "hangup", "")
    record = records(1).first
    assert_equal [200, "caller"], record.values_at("status", "ended_by")
  end
end
