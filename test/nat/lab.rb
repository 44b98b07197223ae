# SPDX-License-Identifier: BSD-3-Clause
# An internet of network namespaces: a switch with public addresses, Tandem on it, homes behind NATs of every kind, and
# real phones (baresip) in them. RTP is counted where it arrives: at both phones, and at the server, where none may be.
require "fileutils"
require "json"
require "socket"

class Lab
  CLONE_NEWNET, SYS_SETNS = 0x40000000, 308
  RTP = "20000-20100"
  SERVER, SERVER6 = "203.0.113.10", "2001:db8::10"

  attr_reader :phones

  def initialize
    @id, @namespaces, @hosts, @phones = "tn#{Process.pid}", [], 20, {}
    namespace "net"
    ip "net", "link", "add", "name", "sw", "type", "bridge"
    ip "net", "link", "set", "sw", "up"
    attach "server", SERVER, SERVER6
    count_rtp "server", both: true
  rescue StandardError
    close
    raise
  end

  def name(space) = "#{@id}-#{space}"
  def inside(space) = ["ip", "netns", "exec", name(space)]

  def run(*command, input: "")
    out = IO.popen([*command.map(&:to_s), err: [:child, :out]], "r+") { |io| io.write(input); io.close_write; io.read }
    raise "#{command.join(" ")}: #{out}" unless $?.success?
    out
  end

  def ip(space, *args) = run("ip", "-n", name(space), *args)
  def nft(space, text) = run(*inside(space), "nft", "-f", "-", input: text)

  def namespace(space)
    run "ip", "netns", "add", name(space)
    @namespaces << space
    ip space, "link", "set", "lo", "up"
  end

  def cable(a, a_if, b, b_if)
    ip a, "link", "add", "name", a_if, "type", "veth", "peer", "name", b_if, "netns", name(b)
    ip a, "link", "set", a_if, "up"
    ip b, "link", "set", b_if, "up"
  end

  # A new namespace with these addresses on the switch.
  def attach(space, *addresses)
    namespace space
    plug space, "wan", *addresses
  end

  def plug(space, interface, *addresses)
    cable "net", "p#{space}", space, interface
    ip "net", "link", "set", "p#{space}", "master", "sw"
    addresses.each { |a| ip space, "addr", "add", "#{a}/#{a.include?(":") ? 64 : 24}", "dev", interface, *(a.include?(":") ? ["nodad"] : []) }
  end

  def public_address = "203.0.113.#{@hosts += 1}"

  # A router with a network of its own behind it; its public address.
  #   cone: whatever comes to the public address goes to the phone; port: the port stays, only who was sent to may answer;
  #   symmetric: another port for everybody who is sent to
  def home(space, kind, phone: "192.168.1.10", idle_s: nil)
    address = (@addresses ||= {})[space] = public_address
    attach space, address
    route space, kind, phone, idle_s
    address
  end

  def address(space) = @addresses[space]

  # As after a night at the provider: another address, and whatever was known is forgotten.
  def readdress(space)
    old, fresh = address(space), @addresses[space] = public_address
    ip space, "addr", "add", "#{fresh}/24", "dev", "wan"
    ip space, "addr", "del", "#{old}/24", "dev", "wan"
    ip space, "addr", "replace", "#{fresh}/24", "dev", "wan"
  end

  def route(space, kind, phone, idle_s)
    run(*inside(space), "sysctl", "-qw", "net.ipv4.ip_forward=1")
    ip space, "link", "add", "name", "lan", "type", "bridge"
    ip space, "link", "set", "lan", "up"
    ip space, "addr", "add", "192.168.1.1/24", "dev", "lan"
    rules space, kind, phone
    return unless idle_s
    run(*inside(space), "sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=#{idle_s}", "net.netfilter.nf_conntrack_udp_timeout_stream=#{idle_s}")
  end

  # Each port is another one outside, and the same for everybody.
  SHIFTED = (20_000..20_009)

  def shifts(space)
    { 5060 => 32_060 }.merge(SHIFTED.to_h { |p| [p, p + 11_001] })
                      .map { |own, seen| "oifname \"wan\" udp sport #{own} snat to #{address(space)}:#{seen}\n" }.join
  end

  # As routers do: what nobody inside began is dropped before it could take a port.
  def rules(space, kind, phone)
    nft space, <<~RULES
      table ip firewall {
        chain in {
          type filter hook input priority 0
          iifname "wan" ct state new drop
        }
        chain through {
          type filter hook forward priority 0
          iifname "wan" ct state new ct status & dnat != dnat drop
        }
      }
      table ip nat {
        chain out {
          type nat hook postrouting priority 100
          #{shifts(space) if kind == :shift}
          oifname "wan" masquerade #{"random,fully-random" if kind == :symmetric}
        }
        chain in {
          type nat hook prerouting priority -100
          #{"iifname \"wan\" meta l4proto udp dnat to #{phone}" if kind == :cone}
        }
      }
    RULES
  end

  # Somebody in that network.
  def behind(space, home, address = "192.168.1.10")
    namespace space
    cable home, "l#{space}", space, "eth"
    ip home, "link", "set", "l#{space}", "master", "lan"
    ip space, "addr", "add", "#{address}/24", "dev", "eth"
    ip space, "route", "add", "default", "via", "192.168.1.1"
    address
  end

  # A second router behind the first one.
  def double(space, home, kind)
    namespace space
    cable home, "l#{space}", space, "wan"
    ip home, "link", "set", "l#{space}", "master", "lan"
    ip space, "addr", "add", "192.168.1.20/24", "dev", "wan"
    ip space, "route", "add", "default", "via", "192.168.1.1"
    run(*inside(space), "sysctl", "-qw", "net.ipv4.ip_forward=1")
    ip space, "link", "add", "name", "lan", "type", "bridge"
    ip space, "link", "set", "lan", "up"
    ip space, "addr", "add", "192.168.2.1/24", "dev", "lan"
    rules space, kind, nil
  end

  def behind_double(space, home, address = "192.168.2.10")
    namespace space
    cable home, "l#{space}", space, "eth"
    ip home, "link", "set", "l#{space}", "master", "lan"
    ip space, "addr", "add", "#{address}/24", "dev", "eth"
    ip space, "route", "add", "default", "via", "192.168.2.1"
    address
  end

  def count_rtp(space, both: false)
    nft space, <<~RULES
      table inet rtp {
        counter received {
        }
        chain in {
          type filter hook input priority 0
          udp dport #{RTP} udp length > 60 counter name received
          #{"udp sport #{RTP} counter name received" if both}
        }
      }
    RULES
  end

  def rtp(space) = run(*inside(space), "nft", "list", "counter", "inet", "rtp", "received")[/packets (\d+)/, 1].to_i

  # Runs the block with its sockets in that namespace.
  def within(space)
    Thread.new do
      File.open("/run/netns/#{name(space)}") { |f| syscall(SYS_SETNS, f.fileno, CLONE_NEWNET) }
      yield
    end.value
  end

  def close
    @namespaces.reverse_each { |n| system("ip", "netns", "del", name(n), err: File::NULL) }
  end
end

# A baresip in a namespace of the lab.
class Baresip
  MODULES = [%w[/usr/lib/baresip/modules], Dir.glob("/usr/lib/*/baresip/modules")].flatten.find { |d| Dir.exist?(d) }
  CONTROL = 4444

  attr_reader :user, :space

  def initialize(lab, space, user, address, dir, server: Lab::SERVER, port: 5060, regint: 120, config: "", account: "", rtp: Lab::RTP)
    @lab, @space, @user = lab, space, user
    @dir = File.join(dir, user)
    FileUtils.mkdir_p(@dir)
    host = address.include?(":") ? "[#{address}]" : address
    outbound = server.include?(":") ? "[#{server}]" : server
    File.write(File.join(@dir, "config"), <<~CONFIG)
      sip_listen #{host}:5060
      module_path #{MODULES}
      module g711.so
      module aubridge.so
      module aufile.so
      module account.so
      module stun.so
      module ice.so
      module menu.so
      module ctrl_tcp.so
      ctrl_tcp_listen 127.0.0.1:#{CONTROL}
      audio_player aubridge,nothing
      audio_source aufile,#{sound}
      audio_alert aubridge,bell
      rtp_ports #{rtp}
      net_af #{address.include?(":") ? "ipv6" : "ipv4"}
      #{config}
    CONFIG
    File.write(File.join(@dir, "accounts"),
               "<sip:#{user}@example.test>;auth_pass=secret-#{user};outbound=\"sip:#{outbound}:#{port}\";regint=#{regint};answermode=auto#{account}\n")
    File.write(File.join(@dir, "contacts"), "")
    lab.count_rtp(space)
    @pid = Process.spawn(*lab.inside(space), "baresip", "-f", @dir, in: File::NULL, out: log_file, err: [:child, :out])
    Tandem::STARTED << @pid
  end

  # Two minutes of nothing much, as a file: what is played from it goes out whatever the player does.
  def sound
    File.join(@dir, "sound.wav").tap do |f|
      bytes = 120 * 16_000
      File.binwrite(f, ["RIFF", 36 + bytes, "WAVE", "fmt ", 16, 1, 1, 8000, 16_000, 2, 16, "data", bytes].pack("a4Va4a4VvvVVvva4V") + "\1\0" * (bytes / 2))
    end
  end

  def log_file = File.join(@dir, "log")
  def log = File.read(log_file)

  def tell(command, params = "")
    text = JSON.generate(command: command, params: params)
    @lab.within(@space) do
      TCPSocket.open("127.0.0.1", CONTROL) do |s|
        s.write("#{text.bytesize}:#{text},")
        s.wait_readable(2)
        s.read_nonblock(65_536, exception: false)
      end
    end
  end

  def rtp = @lab.rtp(@space)

  def stop
    [@pid, *@helpers].each do |pid|
      Process.kill("KILL", pid)
      Process.wait(pid)
    rescue SystemCallError
      nil
    ensure
      Tandem::STARTED.delete(pid)
    end
  end

  # A program beside it, in its namespace.
  def beside(*command)
    pid = Process.spawn(*@lab.inside(@space), *command.map(&:to_s), in: File::NULL, out: File::NULL)
    Tandem::STARTED << pid
    (@helpers ||= []) << pid
  end
end
