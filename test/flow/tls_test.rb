# SPDX-License-Identifier: BSD-3-Clause
# TLS as phones and providers see it: real sockets, real certificates.
require_relative "lib/tandem"
require_relative "lib/sip"
require_relative "lib/certificates"
require_relative "lib/names"

class TlsTest < FlowTest
  def tls_port = @tls_port ||= free_port
  def signer = @signer ||= Signer.new(server.dir)
  def server = @server ||= Tandem.new("log" => { "level" => "debug" })

  def setup
    super
    server.set("sip", "listen", ["udp:127.0.0.1:#{server.port}", "tcp:127.0.0.1:#{server.port}", "tls:127.0.0.1:#{tls_port}"])
    certificates signer.sign("one", "DNS:one.test"), signer.sign("two", "DNS:example.test", "DNS:*.wild.test")
    server.set("tls", "ca", File.join(server.dir, "Test.pem"))
  end

  def certificates(*pairs) = server.set("tls", "certificate", pairs.map { |p| p.join(" ") })

  def context(**options)
    OpenSSL::SSL::SSLContext.new.tap do |c|
      c.verify_mode = OpenSSL::SSL::VERIFY_PEER
      c.cert_store = OpenSSL::X509::Store.new.tap { |s| s.add_cert(signer.certificate) }
      c.verify_hostname = false
      options.each { |k, v| c.public_send("#{k}=", v) }
    end
  end

  def phone(user, **options) = Phone.new(user, tls_port, tls: context, **options)

  # The names in the certificate that is shown to who asks for `name`.
  def shown(name, ctx = context)
    tcp = TCPSocket.new("127.0.0.1", tls_port)
    ssl = OpenSSL::SSL::SSLSocket.new(tcp, ctx)
    ssl.sync_close = true
    ssl.hostname = name if name
    ssl.connect
    yield ssl if block_given?
    ssl.peer_cert.extensions.find { |e| e.oid == "subjectAltName" }.value
  ensure
    (ssl || tcp)&.close
  end

  def closed?(socket)
    eventually("it is closed") { socket.wait_readable(1) && socket.recv_nonblock(100, exception: false) }.then { |r| r.nil? || r.empty? }
  rescue SystemCallError
    true
  end

  def test_the_name_chooses_the_certificate
    server.demo.start
    assert_includes shown("one.test"), "one.test"
    assert_includes shown("example.test"), "example.test"
    assert_includes shown("a.wild.test"), "wild.test"
    assert_includes shown("unknown.test"), "one.test"
    assert_includes shown(nil), "one.test"
  end

  def test_phones_call_over_tls
    server.demo("alice", "bob").start
    alice, bob = phone("alice").tap(&:register), phone("bob").tap(&:register)
    answering = Thread.new do
      invite = bob.expect_request("INVITE")
      assert_match %r{\ASIP/2.0/TLS }, invite["Via"]
      assert_includes invite["Contact"], ";transport=tls"
      bob.answer(invite, 200, "OK", headers: ["Content-Type: application/sdp"], body: bob.sdp(41_000))
      bob.expect_request("ACK")
    end
    ok = alice.ask("INVITE", "sip:bob@example.test", body: alice.sdp, headers: ["Content-Type: application/sdp"])
    assert_equal 200, ok.status
    alice.acknowledge(ok, "sip:bob@example.test")
    answering.value
    bob.close # the connection goes, and with it the binding
    eventually("the binding is lost") { alice.ask("INVITE", "sip:bob@example.test").status == 480 }
  end

  def test_sips_goes_over_tls_or_not_at_all
    server.demo("alice", "bob").start
    alice = phone("alice").tap(&:register)
    Phone.new("bob", server.port).register
    refusal = alice.ask("INVITE", "sips:bob@example.test")
    assert_equal [480, true], [refusal.status, refusal.reason.include?("not registered over TLS")], refusal.start
    plain = Phone.new("alice", server.port, tcp: true)
    plain.send_text(plain.request("INVITE", "sips:bob@example.test"))
    assert_equal 416, plain.expect_final("INVITE").status
    bob = phone("bob").tap(&:register)
    ringing = Thread.new { bob.expect_request("INVITE").tap { |i| bob.answer(i, 486, "Busy Here") } }
    assert_equal 486, alice.ask("INVITE", "sips:bob@example.test").status
    assert_match(/\A<sips:/, ringing.value["Contact"])
  end

  def test_certificates_are_replaced_and_connections_stay
    server.demo("alice").start
    alice = phone("alice").tap(&:register)
    certificates signer.sign("three", "DNS:three.test")
    Process.kill("HUP", server.pid)
    eventually("the new one is shown") { shown("example.test").include?("three.test") }
    assert_equal 200, alice.register.status
    File.write(File.join(server.dir, "three.pem"), "no certificate")
    Process.kill("HUP", server.pid)
    eventually("it says so") { tandem("log", "kind=service.certificates").include?("three.pem: no certificate can be read") }
    assert_includes shown("example.test"), "three.test"
    File.delete(File.join(server.dir, "three.pem"))
    Process.kill("HUP", server.pid)
    eventually("it says so") { tandem("log").include?("No such file") || server.log.include?("No such file") }
    assert_equal 200, alice.register.status
  end

  # Whichever worker a connection comes to, and after the certificates were read again.
  def test_sessions_are_resumed
    server.demo.start
    ctx = context(max_version: OpenSSL::SSL::TLS1_2_VERSION)
    session = nil
    shown("example.test", ctx) { |ssl| session = ssl.session }
    Process.kill("HUP", server.pid)
    eventually("they were read again") { server.log.include?("certificates are in use") }
    8.times do
      tcp = TCPSocket.new("127.0.0.1", tls_port)
      ssl = OpenSSL::SSL::SSLSocket.new(tcp, ctx)
      ssl.hostname = "example.test"
      ssl.session = session
      ssl.connect
      assert ssl.session_reused?
      ssl.close
      tcp.close
    end
  end

  def test_what_is_no_tls_is_closed
    server.set("tls", "handshake_s", 1)
    server.demo.start
    assert_raises(OpenSSL::SSL::SSLError) { shown("one.test", context(max_version: OpenSSL::SSL::TLS1_1_VERSION)) }
    plain = TCPSocket.new("127.0.0.1", tls_port)
    plain.write("OPTIONS sip:x SIP/2.0\r\n\r\n")
    assert closed?(plain)
    slow = TCPSocket.new("127.0.0.1", tls_port)
    slow.write("\x16\x03\x01\x02")
    assert closed?(slow)
    eventually("it says why") { tandem("log", "kind=connection.tls").include?("took too long") }
    assert_includes shown("one.test"), "one.test"
  end

  def test_phones_may_have_to_show_certificates
    signers = Signer.new(server.dir, "Phones")
    server.set("tls", "clients", "require")
    server.set("tls", "client_ca", File.join(server.dir, "Phones.pem"))
    server.demo("alice").start
    cert, key = signers.pair("alice", "DNS:alice")
    good = Phone.new("alice", tls_port, tls: context(cert: cert, key: key))
    assert_equal 200, good.register.status
    assert_raises(OpenSSL::SSL::SSLError, Errno::ECONNRESET, Errno::EPIPE, EOFError, Minitest::Assertion) do
      Phone.new("alice", tls_port, tls: context).ask("REGISTER", "sip:example.test")
    end
  end

  # ---- providers ----

  # A registrar behind TLS that says yes.
  def registrar(cert, key)
    ctx = OpenSSL::SSL::SSLContext.new
    ctx.cert, ctx.key = cert, key
    tcp = TCPServer.new("127.0.0.1", 0)
    ssl = OpenSSL::SSL::SSLServer.new(tcp, ctx)
    Thread.new do
      loop do
        client = ssl.accept
        Thread.new { serve(client) }.report_on_exception = false
      rescue OpenSSL::SSL::SSLError, SystemCallError
        retry
      end
    end.report_on_exception = false
    tcp.addr[1]
  end

  def serve(client)
    text = +""
    loop do
      text << client.readpartial(65_536)
      next unless text.include?("\r\n\r\n")
      m = SipMessage.new(text)
      (@requests ||= []) << m
      kept = m.headers.select { |k, _| %w[via from call-id cseq].include?(k.downcase) }.map { |k, v| "#{k}: #{v}" }
      client.write(["SIP/2.0 200 OK", *kept, "To: #{m["To"]};tag=r", "Contact: #{m["Contact"]};expires=3600", "Content-Length: 0", "", ""].join("\r\n"))
      text = +""
    end
  end

  def provide(name, port, server: "sip:sip.carrier.test:#{port};transport=tls")
    tandem("provider", "add", name, "--customer", "demo", "--server", server, "--username", "u", "--password-stdin", "--register", input: "secret\n")
  end

  def state(name) = JSON.parse(tandem("providers", "--json")).find { |p| p["provider"] == name || p["name"] == name }

  def names = @names ||= Names.new

  def teardown
    @names&.close
    super
  end

  def test_providers_prove_who_they_are
    server.set("sip", "dns_servers", "127.0.0.1:#{names.port}")
    server.demo.start
    other = Signer.new(server.dir, "Other")
    provide "good", registrar(*signer.pair("p1", "DNS:sip.carrier.test"))
    provide "sip", registrar(*signer.pair("p2", "URI:sip:sip.carrier.test", "DNS:else.test"))
    provide "name", registrar(*signer.pair("p3", "DNS:else.test", "DNS:*.carrier.test"))
    provide "sipname", registrar(*signer.pair("p4", "URI:sip:else.test", "DNS:sip.carrier.test"))
    provide "old", registrar(*signer.pair("p5", "DNS:sip.carrier.test", from: Time.now - 7200, to: Time.now - 3600))
    provide "stranger", registrar(*other.pair("p6", "DNS:sip.carrier.test"))
    %w[good sip].each { |n| eventually("#{n} is registered\n#{server.log}") { state(n)["state"] == "registered" } }
    assert_match %r{\ASIP/2.0/TLS }, @requests.first["Via"]
    { "for else.test, *.carrier.test, not for sip.carrier.test" => "name", "for else.test, not for sip.carrier.test" => "sipname",
      "certificate has expired" => "old", "unable to get local issuer" => "stranger" }.each do |text, name|
      eventually("#{name}: #{text}") { tandem("log", "-n", "1000", "kind=connection.tls").include?(text) }
      refute_equal "registered", state(name)["state"]
    end
  end
end
