# SPDX-License-Identifier: BSD-3-Clause
# Which phones hear each other through which NATs. NAT_ALL=1: every pair, and the table for docs/nat.md.
require_relative "../flow/lib/tandem"
require_relative "../flow/lib/sip"
require_relative "lab"

class NatTest < FlowTest
  def options
    { "registrar" => { "keepalive_s" => 2, "expires_min_s" => 4 }, "sip" => { "listen" => ["udp:*:5060", "udp:[::]:5060", "tcp:*:5060"] }, "log" => { "level.call" => "debug" } }
  end

  def lab = @lab ||= Lab.new

  def setup
    super
    skip "network namespaces are for root" unless Process.uid.zero?
    skip "nft is not installed" unless system("which", "nft", out: File::NULL)
    skip "baresip is not installed" unless Baresip::MODULES && system("which", "baresip", out: File::NULL)
    begin
      lab
    rescue RuntimeError, Errno::ENOENT => e
      skip "no network namespaces with nftables here: #{e.message.lines.first}"
    end
    server.serve_with = lab.inside("server")
    server.demo(*USERS)
    server.start
  end

  def teardown
    @lab&.phones&.each_value(&:stop)
    @lab&.phones&.each_value { |p| puts p.user, p.log } if ENV["NAT_LOG"]
    super
    @lab&.close
  end

  USERS = %w[public cone port symmetric port2 sym2 six six2 twin double shift].freeze

  # What each of the users is behind, made when it is needed.
  def phone(user)
    lab.phones[user] ||= begin
      space, address, options = place(user)
      Baresip.new(lab, space, user, address, server.dir, **options).tap { wait_registered(user) }
    end
  end

  def place(user)
    case user
    when "public" then [user, lab.public_address.tap { |a| lab.attach(user, a) }, {}]
    when "six", "six2" then [user, "2001:db8::#{user == "six" ? 66 : 67}".tap { |a| lab.attach(user, a) }, { server: Lab::SERVER6 }]
    when "twin"
      phone("port")
      [user, lab.behind(user, "hport", "192.168.1.11"), {}]
    when "double"
      lab.home("hdouble", :port)
      lab.double("hdouble2", "hdouble", :port)
      [user, lab.behind_double(user, "hdouble2"), {}]
    else
      lab.home("h#{user}", { "cone" => :cone, "symmetric" => :symmetric, "sym2" => :symmetric }.fetch(user, :port))
      [user, lab.behind(user, "h#{user}"), {}]
    end
  end

  def bindings = JSON.parse(tandem("bindings", "--json"))

  def wait_registered(user)
    eventually("#{user} is registered") { bindings.any? { |b| b["aor"] == "#{user}@example.test" } }
  end

  def calls = JSON.parse(tandem("calls", "--json"))

  # What is heard: [of the caller by the callee, the other way], and what the trace says of it.
  def call(from, to, talk_s: 4)
    a, b = phone(from), phone(to)
    before = [b.rtp, a.rtp]
    a.tell("dial", "sip:#{to}@example.test")
    id = eventually("#{from} calls #{to}") { calls.find { |c| c["state"] == "answered" }&.fetch("call") }
    heard = [false, false]
    deadline = Time.now + talk_s
    until heard.all? || Time.now > deadline
      sleep 0.2
      heard = [b.rtp > before[0] + 5, a.rtp > before[1] + 5]
    end
    yield a, b if block_given?
    a.tell("hangup")
    eventually("the call ends") { calls.empty? }
    trace = tandem("log", "-n", "500", "call=#{id}")
    assert_equal 0, lab.rtp("server"), "no media at the server"
    puts heard.inspect, tandem("log", "-n", "500", "kind=call.media"), lab.run(*lab.inside(from), "nft", "list", "ruleset") if ENV["NAT_LOG"]
    Outcome.new(heard, trace[/(no path for media|media may not find its way)[^"]*/])
  end

  Outcome = Struct.new(:heard, :explained) do
    def to_s = heard.all? ? "both ways" : heard.none? ? (explained ? "told" : "SILENT") : (explained ? "one way, told" : "ONE WAY")
  end

  def both_ways(from, to) = assert_equal("both ways", call(from, to).to_s, "#{from} calls #{to}")

  def test_pairs
    both_ways "public", "port"
    both_ways "port", "port2"
    both_ways "cone", "port"
    both_ways "twin", "port"
    outcome = call("symmetric", "sym2")
    refute outcome.heard.all? && !outcome.explained
    assert outcome.explained, "two symmetric NATs are told of"
  end

  # A router that changes ports, but not for everybody: nobody could guess them.
  def shifted(helper:)
    server.stop
    server.set("stun", "rendezvous", "always")
    server.start
    lab.home("hshift", :shift)
    lab.behind("shift", "hshift")
    first, last = Lab::SHIFTED.minmax
    lab.phones["shift"] = p = Baresip.new(lab, "shift", "shift", "192.168.1.10", server.dir, regint: 4, rtp: "#{first}-#{last}")
    p.beside(File.join(BUILD, "contrib/rendezvous/rendezvous-helper"), "192.168.1.10", first, last) if helper
    wait_registered("shift")
    sleep 6 if helper # a refresh brings the token past it
  end

  def test_without_rendezvous
    shifted(helper: false)
    outcome = call("shift", "port", talk_s: 2)
    assert_equal "told", outcome.to_s
  end

  def test_with_rendezvous
    shifted(helper: true)
    both_ways "shift", "port"
    both_ways "port", "shift"
    assert_includes tandem("bindings"), "behind a NAT that changes ports"
  end

  RELAY = "203.0.113.11"

  # Two symmetric NATs, which have no way, and a relay of ours on another host.
  def test_relay
    skip "rtpengine is not installed" unless system("which", "rtpengine", out: File::NULL)
    lab.attach("relay", RELAY)
    relay = Process.spawn(*lab.inside("relay"), "rtpengine", "--table=-1", "--interface=#{RELAY}", "--listen-ng=#{RELAY}:2223", "--foreground",
                          "--log-stderr", "--log-level=3", "--port-min=20000", "--port-max=20100", [:out, :err] => File.join(server.dir, "relay.log"))
    server.stop
    server.set("nat", "media_relay", "#{RELAY}:2223")
    server.set("nat", "media_relay_when", "doubtful")
    server.start
    both_ways "symmetric", "sym2"
    both_ways "public", "symmetric"
    both_ways "port", "port2"
    assert_equal 2, server.log.scan("the media relay takes part").size
  ensure
    Process.kill("TERM", relay) && Process.wait(relay) if relay
  end

  # Twelve seconds without a word, behind routers that forget after five; then a call of nine.
  def test_kept_alive
    phone("public")
    { "port" => :port, "cone" => :cone, "symmetric" => :symmetric }.each do |user, kind|
      lab.home("hidle#{user}", kind, idle_s: 5)
      lab.behind(user, "hidle#{user}")
      lab.phones[user] = Baresip.new(lab, user, user, "192.168.1.10", server.dir)
      wait_registered(user)
    end
    sleep 12
    both_ways "public", "port"
    both_ways "public", "cone"
    call("public", "symmetric", talk_s: 9) # which is answered, and hears when it is over:
    eventually("the phone knows") { lab.phones["symmetric"].log.include?("terminated") }
  end

  # The same, when its account wants no keep-alives: the test above does not pass by itself.
  def test_not_kept_alive
    tandem("account", "set", "port@example.test", "--nat-keepalive", "no")
    phone("public")
    lab.home("hidle", :port, idle_s: 5)
    lab.behind("port", "hidle")
    lab.phones["port"] = Baresip.new(lab, "port", "port", "192.168.1.10", server.dir)
    wait_registered("port")
    sleep 8
    phone("public").tell("dial", "sip:port@example.test")
    eventually("it is called") { calls.any? }
    sleep 2
    refute calls.any? { |c| c["state"] == "answered" }
  end

  def test_ipv6
    both_ways "six", "six2"
    phone("public")
    phone("six").tell("dial", "sip:public@example.test") # which knows no IPv6, and says so
    eventually("its answer is told") { JSON.parse(tandem("cdrs", "--json")).any? { |c| c["status"] == 488 } }
  end

  # The router gets another address in mid-call; the phone registers again, as they do every minute or so.
  def test_another_address_in_mid_call
    a, b = phone("public"), nil
    lab.home("hmove", :port)
    lab.behind("port", "hmove")
    b = lab.phones["port"] = Baresip.new(lab, "port", "port", "192.168.1.10", server.dir, regint: 4)
    wait_registered("port")
    a.tell("dial", "sip:port@example.test")
    eventually("the call") { calls.any? { |c| c["state"] == "answered" } }
    lab.readdress("hmove")
    eventually("it registered from there") { bindings.find { |x| x["aor"].start_with?("port") }["remote"].include?(lab.address("hmove")) }
    a.tell("hangup")
    eventually("the phone hears that the call is over\n") { b.log.include?("terminated") }
    both_ways "port", "public"
  end

  def test_table
    skip "NAT_ALL=1 makes the whole table" unless ENV["NAT_ALL"]
    users = %w[public cone port port2 twin double symmetric sym2]
    rows = users.map { |from| [from, *users.map { |to| from == to ? "–" : call(from, to, talk_s: 3).to_s }] }
    puts "| from \\ to | #{users.join(" | ")} |", "|#{"---|" * (users.size + 1)}"
    rows.each { |r| puts "| #{r.join(" | ")} |" }
    refute rows.flatten.include?("SILENT")
    refute rows.flatten.include?("ONE WAY")
  end
end
