# SPDX-License-Identifier: BSD-3-Clause
# A provider that asks for a password before it takes a call, and says what it saw.
require_relative "sip"

class Carrier
  attr_reader :port, :taken, :refused, :registered
  attr_accessor :password

  # name and password: of our account there.
  def initialize(server_port, name:, password:)
    @phone = Phone.new("carrier", server_port)
    @port = @phone.port
    @name, @password = name, password
    @taken = @refused = 0
    @registered = [] # Call-IDs
    @nonce = SecureRandom.hex(8)
    @thread = Thread.new { serve }
  end

  def close
    @thread.kill
    @thread.join
    @phone.close
  end

  def serve
    loop do
      m = @phone.receive(1) or next
      answer(m) unless m.status || m.method_name == "ACK"
    end
  end

  def answer(m)
    return @phone.answer(m, 200, "OK") unless %w[INVITE REGISTER].include?(m.method_name)
    given = m["Proxy-Authorization"]
    if !given
      @phone.answer(m, 407, "Proxy Authentication Required", tag: SecureRandom.hex(4),
                    headers: [%(Proxy-Authenticate: Digest realm="carrier", nonce="#{@nonce}", algorithm=MD5, qop="auth")])
    elsif right?(m.method_name, @phone.parse_challenge(given))
      accept(m)
    else
      @refused += 1
      @phone.answer(m, 403, "Forbidden")
    end
  end

  def accept(m)
    if m.method_name == "INVITE"
      @taken += 1
      @phone.answer(m, 200, "OK", headers: ["Content-Type: application/sdp"], body: @phone.sdp)
    else
      @registered << m["Call-ID"]
      @phone.answer(m, 200, "OK", headers: ["Contact: #{m["Contact"]};expires=3600"])
    end
  end

  def right?(method, g)
    md5 = ->(s) { Digest::MD5.hexdigest(s) }
    want = md5["#{md5["#{@name}:carrier:#{@password}"]}:#{@nonce}:#{g["nc"]}:#{g["cnonce"]}:auth:#{md5["#{method}:#{g["uri"]}"]}"]
    g["username"] == @name && g["response"] == want
  end
end
