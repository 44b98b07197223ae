# SPDX-License-Identifier: BSD-3-Clause
# A provider's registrar that says yes to everybody and remembers who asked, in order.
require_relative "sip"

class Registrar
  Request = Struct.new(:port, :user, :call_id, :cseq, :expires, :contact)

  attr_reader :port, :log, :heard
  attr_writer :deaf

  def initialize(expires:, port: 0, address: "127.0.0.1")
    @expires, @log, @heard, @deaf = expires, [], 0, false
    @socket = UDPSocket.new
    @socket.bind(address, port)
    @port = @socket.addr[1]
    @thread = Thread.new { loop { answer(*@socket.recvfrom(65_535)) } }
    @thread.report_on_exception = false
  end

  def answer(text, peer)
    m = SipMessage.new(text)
    return unless m.method_name == "REGISTER"
    if @deaf
      @heard += 1
      return
    end
    @log << Request.new(peer[1], m["To"][/sip:([^@]*)@/, 1], m["Call-ID"], m["CSeq"].to_i, m["Expires"].to_i, m["Contact"])
    kept = m.headers.select { |k, _| %w[via from call-id cseq].include?(k.downcase) }.map { |k, v| "#{k}: #{v}" }
    granted = m["Expires"].to_i.zero? ? [] : ["Contact: #{m["Contact"]};expires=#{@expires}"]
    lines = ["SIP/2.0 200 OK", *kept, "To: #{m["To"]};tag=r", *granted, "Content-Length: 0", "", ""]
    @socket.send(lines.join("\r\n"), 0, peer[3], peer[1])
  end

  def close
    @thread.kill
    @socket.close
  end
end
