# SPDX-License-Identifier: BSD-3-Clause
# A phone that is just good enough for flow tests: one UDP or TCP socket, messages as text.
require "digest"
require "securerandom"
require "socket"
require "timeout"

class SipMessage
  attr_reader :start, :headers, :body, :text

  def initialize(text)
    @text = text
    head, @body = text.split("\r\n\r\n", 2)
    @start, *lines = head.split("\r\n")
    @headers = lines.map { |l| l.split(/\s*:\s*/, 2) }
  end

  def status = start[%r{\ASIP/2.0 (\d+)}, 1]&.to_i
  def reason = start[%r{\ASIP/2.0 \d+ (.*)}, 1]
  def method_name = status ? nil : start[/\A\S+/]
  def all(name) = headers.filter_map { |k, v| v if k.casecmp?(name) }
  def [](name) = all(name).first
  def to_s = text
end

class Phone
  attr_reader :user, :port, :call_id

  def initialize(user, server_port, domain: "example.test", password: "secret-#{user}", tcp: false, tls: nil, host: "127.0.0.1", from: host)
    @user, @domain, @password, @server_port, @host = user, domain, password, server_port, host
    @tcp, @tls = tcp || tls, tls
    if @tcp
      @socket = TCPSocket.new(host, server_port)
      @buffer = +""
      secure(tls) if tls
    else
      @socket = UDPSocket.new(host.include?(":") ? Socket::AF_INET6 : Socket::AF_INET)
      @socket.setsockopt(Socket::SOL_SOCKET, Socket::SO_RCVBUF, 4 << 20) # for crowds
      @socket.bind(from, 0)
      @socket.connect(host, server_port)
    end
    @port = (@plain || @socket).addr[1]
    @call_id = SecureRandom.hex(8)
    @cseq = 0
    @tag = SecureRandom.hex(4)
  end

  # tls: an OpenSSL::SSL::SSLContext.
  def secure(tls)
    @plain = @socket
    @socket = OpenSSL::SSL::SSLSocket.new(@plain, tls)
    @socket.sync_close = true
    @socket.hostname = @domain
    @socket.connect
  end

  attr_reader :socket

  def readable?(seconds) = (@tls && @socket.pending.positive?) || (@plain || @socket).wait_readable(seconds)
  def contact = "<sip:#{@user}@#{host_text}:#{@port}#{";transport=#{transport.downcase}" if @tcp}>"
  def host_text = @host.include?(":") ? "[#{@host}]" : @host
  def transport = @tls ? "TLS" : @tcp ? "TCP" : "UDP"
  def close = @socket.close
  def send_text(text) = @tcp ? @socket.write(text) : @socket.send(text, 0)

  # The next message, nil when none comes in time.
  def receive(seconds = PATIENCE)
    return receive_stream(seconds) if @tcp
    return nil unless @socket.wait_readable(seconds)
    SipMessage.new(@socket.recv(65_535))
  rescue Errno::ECONNREFUSED
    retry
  end

  def receive_stream(seconds)
    loop do
      head, rest = @buffer.split("\r\n\r\n", 2)
      if rest
        length = head[/^(?:Content-Length|l)\s*:\s*(\d+)/i, 1].to_i
        if rest.bytesize >= length
          @buffer = rest.byteslice(length..)
          return SipMessage.new("#{head}\r\n\r\n#{rest.byteslice(0, length)}")
        end
      end
      return nil unless readable?(seconds)
      @buffer << @socket.readpartial(65_536)
    end
  end

  # The next message for which the block is true; others are dropped.
  def expect(what, seconds = PATIENCE)
    loop do
      m = receive(seconds) or raise Minitest::Assertion, "#{@user} did not get #{what}"
      return m if yield(m)
    end
  end

  def expect_status(status, method = nil)
    expect("a #{status} #{method}") { |m| m.status == status && (!method || m["CSeq"].end_with?(" #{method}")) }
  end

  def expect_final(method)
    expect("a final answer to #{method}") { |m| m.status && m.status >= 200 && m["CSeq"].end_with?(" #{method}") }
  end

  def expect_request(method) = expect(method) { |m| m.method_name == method }

  def branch = "z9hG4bK#{SecureRandom.hex(8)}"

  def request(method, uri, to: uri, to_tag: nil, headers: [], body: "", cseq: nil, call_id: @call_id, branch: self.branch, from: nil)
    @cseq = cseq || @cseq + 1
    @branch = branch
    from ||= "<sip:#{@user}@#{@domain}>;tag=#{@tag}"
    lines = ["#{method} #{uri} SIP/2.0",
             "Via: SIP/2.0/#{transport} #{host_text}:#{@port};branch=#{branch};rport",
             "Max-Forwards: 70", "From: #{from}", "To: <#{to}>#{";tag=#{to_tag}" if to_tag}",
             "Call-ID: #{call_id}", "CSeq: #{@cseq} #{method}", "Contact: #{contact}", *headers,
             "Content-Length: #{body.bytesize}"]
    (lines + ["", body]).join("\r\n")
  end

  # Sends it, answers one challenge, returns the final answer. INVITE: non-2xx are acknowledged.
  def ask(method, uri, **args)
    send_text(request(method, uri, **args))
    answer = expect_final(method)
    acknowledge(answer, uri, **args.slice(:to)) if method == "INVITE" && answer.status >= 300
    return answer unless [401, 407].include?(answer.status)
    args[:headers] = (args[:headers] || []) + [authorization(method, uri, answer)]
    send_text(request(method, uri, **args))
    answer = expect_final(method)
    acknowledge(answer, uri, **args.slice(:to)) if method == "INVITE" && answer.status >= 300
    answer
  end

  # ACK to a final answer: of the transaction for a refusal, of the dialog for a 2xx.
  def acknowledge(answer, uri, to: uri)
    same = answer.status >= 300
    target = same ? uri : answer["Contact"][/<([^>]*)>/, 1]
    number = answer["CSeq"].to_i
    kept = @cseq
    send_text(request("ACK", target, to: to, to_tag: answer["To"][/tag=([^;]*)/, 1], cseq: number, **(same ? { branch: @branch } : {})))
    @cseq = kept
  end

  def authorization(method, uri, challenge, algorithm: nil)
    name = challenge.status == 401 ? "WWW-Authenticate" : "Proxy-Authenticate"
    offered = challenge.all(name).map { |t| parse_challenge(t) }
    c = offered.find { |o| algorithm ? o["algorithm"] == algorithm : %w[MD5 SHA-256].include?(o["algorithm"] || "MD5") }
    h = (c["algorithm"] || "MD5") == "MD5" ? ->(s) { Digest::MD5.hexdigest(s) } : ->(s) { Digest::SHA256.hexdigest(s) }
    cnonce = SecureRandom.hex(8)
    ha1 = h.call("#{@user}:#{c["realm"]}:#{@password}")
    ha2 = h.call("#{method}:#{uri}")
    response = h.call("#{ha1}:#{c["nonce"]}:00000001:#{cnonce}:auth:#{ha2}")
    "#{challenge.status == 401 ? "Authorization" : "Proxy-Authorization"}: Digest username=\"#{@user}\", realm=\"#{c["realm"]}\", " \
      "nonce=\"#{c["nonce"]}\", uri=\"#{uri}\", response=\"#{response}\", algorithm=#{c["algorithm"] || "MD5"}, " \
      "qop=auth, nc=00000001, cnonce=\"#{cnonce}\"#{", opaque=\"#{c["opaque"]}\"" if c["opaque"]}"
  end

  def parse_challenge(text)
    text.sub(/\ADigest\s+/i, "").scan(/(\w[\w-]*)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))/).to_h { |k, q, b| [k, q || b] }
  end

  def register(expires: 300)
    answer = ask("REGISTER", "sip:#{@domain}", to: "sip:#{@user}@#{@domain}", headers: ["Expires: #{expires}"])
    raise Minitest::Assertion, "REGISTER of #{@user}: #{answer.start}" unless answer.status == 200
    answer
  end

  # Answers a request that came in.
  def answer(req, status, reason, headers: [], body: "", tag: nil)
    to = req["To"]
    to += ";tag=#{tag || @tag}" unless to.include?("tag=") || status == 100
    lines = ["SIP/2.0 #{status} #{reason}", *req.all("Via").map { |v| "Via: #{v}" },
             *req.all("Record-Route").map { |v| "Record-Route: #{v}" },
             "From: #{req["From"]}", "To: #{to}", "Call-ID: #{req["Call-ID"]}", "CSeq: #{req["CSeq"]}",
             "Contact: #{contact}", *headers, "Content-Length: #{body.bytesize}"]
    send_text((lines + ["", body]).join("\r\n"))
  end

  def sdp(port = 40_000)
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio #{port} RTP/AVP 0\r\n"
  end
end
