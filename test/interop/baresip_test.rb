# SPDX-License-Identifier: BSD-3-Clause
# baresip registers and calls for real, with sound that goes nowhere.
require_relative "lib"
require_relative "../flow/lib/certificates"

class BaresipTest < InteropTest
  MODULES = [%w[/usr/lib/baresip/modules], Dir.glob("/usr/lib/*/baresip/modules")].flatten.find { |d| Dir.exist?(d) }

  def setup
    skip "baresip is not installed" unless tool?("baresip") && MODULES
    server.demo("alice", "bob")
  end

  # Commands go to its control socket of netstrings.
  def baresip(user, more = "", way: "127.0.0.1:#{server.port}", config: "")
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
      #{config}
    CONFIG
    File.write(File.join(dir, "accounts"),
               "<sip:#{user}@example.test>;auth_pass=secret-#{user};outbound=\"sip:#{way}\";regint=300#{more}\n")
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
    server.start
    expect_a_call
  end

  # Both ends verify: baresip our certificate, we nothing of theirs.
  def test_over_tls
    port = free_port
    signer = Signer.new(server.dir)
    server.set("sip", "listen", ["udp:127.0.0.1:#{server.port}", "tls:127.0.0.1:#{port}"])
    server.set("tls", "certificate", signer.sign("here", "DNS:example.test", "IP:127.0.0.1").join(" "))
    server.start
    expect_a_call(way: "127.0.0.1:#{port};transport=tls",
                  config: "sip_cafile #{File.join(server.dir, "Test.pem")}\nsip_verify_server yes")
    tandem("bindings", "--json").then { |text| assert_equal 2, text.scan("tls:127.0.0.1").size, text }
  end

  def expect_a_call(**how)
    _, alice = baresip("alice", **how)
    baresip("bob", ";answermode=auto", **how)
    eventually("two registrations") { bindings.size == 2 }
    tell(alice, "dial", "sip:bob@example.test")
    eventually("the call") { JSON.parse(tandem("calls", "--json")).any? { |c| c["state"] == "answered" } }
    tell(alice, "hangup", "")
    record = records(1).first
    assert_equal [200, "caller"], record.values_at("status", "ended_by")
  end
end
