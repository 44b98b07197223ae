# SPDX-License-Identifier: BSD-3-Clause
# Connections that come and go, by TCP and TLS, and those that misbehave.
require_relative "lib/tandem"
require_relative "lib/sip"
require_relative "lib/certificates"
require_relative "lib/names"

class ConnectionsTest < FlowTest
  def tls_port = @tls_port ||= free_port
  def signer = @signer ||= Signer.new(server.dir)

  def setup
    super
    server.set("sip", "listen", ["udp:127.0.0.1:#{server.port}", "tcp:127.0.0.1:#{server.port}", "tls:127.0.0.1:#{tls_port}"])
    server.set("tls", "certificate", signer.sign("one", "DNS:example.test").join(" "))
  end

  def context = OpenSSL::SSL::SSLContext.new

  # Connections that the service has not closed.
  def open_connections
    ports = [server.port, tls_port].map { |p| format("%04X", p) }
    File.readlines("/proc/net/tcp").drop(1).map(&:split).count do |_, local, _, state|
      ports.include?(local[/:(.*)/, 1]) && %w[01 08 09].include?(state) # established, close-wait, last-ack
    end
  end

  def reset(socket)
    socket.setsockopt(Socket::SOL_SOCKET, Socket::SO_LINGER, [1, 0].pack("ii"))
    socket.close
  end

  def phone(user, secure) = Phone.new(user, secure ? tls_port : server.port, **(secure ? { tls: context } : { tcp: true }))

  # One way or another to come and to go.
  def visit(user, secure, manner)
    case manner
    when 0 then phone(user, secure).tap(&:register).close
    when 1 then reset(phone(user, secure).tap(&:register).then { |p| secure ? p.socket.io : p.socket })
    when 2 # in the middle of a message
      p = phone(user, secure)
      p.send_text("REGISTER sip:example.test SIP/2.0\r\nVia: ")
      reset(secure ? p.socket.io : p.socket)
    when 3 # in the middle of a handshake, or of nothing
      tcp = TCPSocket.new("127.0.0.1", secure ? tls_port : server.port)
      tcp.write("\x16\x03\x01\x02\x00\x01") if secure
      reset(tcp)
    end
  end

  # Meanwhile nobody else notices, and afterwards nothing of them is left.
  def test_they_come_and_go_under_load
    server.set("tls", "handshakes_per_ip", 0)
    users = %w[a b c d]
    server.demo("steady", *users).start
    assert_equal 0, open_connections
    steady = [Phone.new("steady", server.port), phone("steady", false), phone("steady", true)]
    visits = Queue.new
    200.times { |i| visits << [users[i % users.size], i.odd?, i / 2 % 4] }
    visits.close
    visitors = Array.new(4) do
      Thread.new do
        while (v = visits.pop)
          visit(*v)
        end
      end
    end
    rounds = 0
    while visitors.any?(&:alive?) || rounds < 20
      assert_operator open_connections, :>=, 2
      steady.each { |p| assert_equal 200, p.ask("OPTIONS", "sip:example.test").status }
      rounds += 1
    end
    visitors.each(&:value)
    assert visits.empty?
    steady.each(&:close)
    eventually("all are gone") { open_connections.zero? }
    users.each { |u| assert_equal 480, Phone.new("steady", server.port).ask("INVITE", "sip:#{u}@example.test").status }
  end

  # RFC 5923: who showed a certificate for a name is reached by that name over the connection it opened.
  def test_requests_take_the_connection_that_is_there
    names = Names.new
    carriers = Signer.new(server.dir, "Carriers")
    { "dns_servers" => "127.0.0.1:#{names.port}" }.each { |k, v| server.set("sip", k, v) }
    { "clients" => "ask", "client_ca" => File.join(server.dir, "Carriers.pem") }.each { |k, v| server.set("tls", k, v) }
    server.demo("alice").start
    port = free_port # nobody listens there
    cert, key = carriers.pair("carrier", "DNS:sip.carrier.test")
    carrier = Phone.new("carrier", tls_port, tls: context.tap { |c| c.cert, c.key = cert, key })
    ["sip.other.test", "sip.carrier.test"].each do |name| # the first is not what its certificate says
      carrier.send_text(carrier.request("OPTIONS", "sip:example.test").sub(/^Via: .*?;/, "Via: SIP/2.0/TLS #{name}:#{port};alias;"))
      assert_equal 200, carrier.expect_final("OPTIONS").status
      tandem("provider", "add", name.tr(".", "-"), "--customer", "demo", "--server", "sip:#{name}:#{port};transport=tls", "--username", "u",
             "--password-stdin", "--register", input: "secret\n")
    end
    request = carrier.expect_request("REGISTER")
    assert_equal "REGISTER sip:sip.carrier.test:#{port} SIP/2.0", request.start
    assert_match %r{\ASIP/2.0/TLS .*;alias}, request["Via"]
    carrier.answer(request, 200, "OK")
    assert_nil carrier.receive(1), "the other one is nobody's"
  ensure
    names&.close
  end

  # RFC 3261 18.1.1: a provider that is reached by UDP and has a connection open. What is large goes over that.
  def test_large_requests_take_tcp
    server.demo("alice").start
    assert server.dialplan("out", 'sys.Dial "#{req.URI.User}@carrier"').ok?
    tandem "account", "set", "alice@example.test", "--out-dialplan", "out"
    udp = Phone.new("carrier", server.port)
    tandem "provider", "add", "carrier", "--customer", "demo", "--server", "sip:127.0.0.1:#{udp.port}", "--username", "u", "--password-stdin", input: "secret\n"
    alice = Phone.new("alice", server.port)
    call = lambda do |body|
      Thread.new { alice.ask("INVITE", "sip:123@example.test", body: body, headers: ["Content-Type: application/sdp"]) }
    end
    calling = call[large = alice.sdp + "a=x:#{"y" * 1400}\r\n"] # nobody knows of TCP: in fragments
    udp.expect_request("INVITE").then { |i| udp.answer(i, 486, "Busy Here") }
    assert_equal 486, calling.value.status
    eventually("it says so") { tandem("log", "-n", "1000").include?("goes in fragments: the other side is not known to take TCP") }

    tcp = Phone.new("carrier", server.port, tcp: true)
    tcp.send_text(tcp.request("OPTIONS", "sip:example.test").sub(/^Via: .*?;/, "Via: SIP/2.0/TCP 127.0.0.1:#{udp.port};alias;"))
    assert_equal 200, tcp.expect_final("OPTIONS").status
    calling = call[large]
    invite = tcp.expect_request("INVITE")
    assert_match %r{\ASIP/2.0/TCP .*;alias}, invite["Via"]
    tcp.answer(invite, 486, "Busy Here")
    assert_equal 486, calling.value.status
    assert_equal "ACK", tcp.expect_request("ACK").method_name
    calling = call[alice.sdp] # the next one is none of its business
    udp.expect_request("INVITE").then { |i| udp.answer(i, 200, "OK", headers: ["Content-Type: application/sdp"], body: udp.sdp(41_000)) }
    ok = calling.value
    alice.acknowledge(ok, "sip:123@example.test")
    udp.expect_request("ACK")
    asking = Thread.new do # within the dialog it is the same
      alice.ask("INFO", ok["Contact"][/<(.*)>/, 1], to: "sip:123@example.test", to_tag: ok["To"][/tag=(.*)/, 1], body: "x" * 1400, headers: ["Content-Type: text/x"])
    end
    tcp.expect_request("INFO").then { |i| tcp.answer(i, 200, "OK") }
    assert_equal 200, asking.value.status
  end

  # ICMP says so at once; else it would be 32 s, longer than a phone here waits.
  def test_nobody_at_that_port
    server.demo("alice", "bob").start
    Phone.new("bob", server.port).tap(&:register).close
    answer = Phone.new("alice", server.port).ask("INVITE", "sip:bob@example.test")
    assert_equal 480, answer.status, answer.start
    eventually("it says why") { tandem("log", "-n", "1000").include?("cannot be reached: Connection refused") }
  end

  def test_handshakes_are_limited
    server.set("tls", "handshakes_per_ip", 10)
    server.set("sip", "workers", 1)
    server.demo.start
    made = Array.new(100) do
      tcp = TCPSocket.new("127.0.0.1", tls_port)
      OpenSSL::SSL::SSLSocket.new(tcp, context).tap { |s| s.sync_close = true }.connect.close
      true
    rescue SystemCallError, OpenSSL::SSL::SSLError
      tcp.close
      false
    end
    assert_includes made, false
    assert_includes made, true
    sleep 0.3
    OpenSSL::SSL::SSLSocket.new(TCPSocket.new("127.0.0.1", tls_port), context).tap { |s| s.sync_close = true }.connect.close
  end

  def test_garbage_within_tls
    server.demo("alice").start
    alice = phone("alice", true)
    alice.send_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert alice.socket.to_io.wait_readable(PATIENCE)
    assert_raises(EOFError, SystemCallError, OpenSSL::SSL::SSLError) { 2.times { alice.socket.readpartial(100) } }
    broken = phone("alice", true)
    broken.socket.to_io.write("\x17\x03\x03\x00\x10" + "x" * 16) # a record that nobody encrypted
    assert broken.socket.to_io.wait_readable(PATIENCE)
    assert_raises(EOFError, SystemCallError, OpenSSL::SSL::SSLError) { 2.times { broken.socket.readpartial(100) } }
    assert_equal 200, phone("alice", true).register.status
    eventually("it says why") { tandem("log", "-n", "1000").include?("sip.malformed") }
  end
end
