# SPDX-License-Identifier: BSD-3-Clause
# STUN on the SIP ports, from a socket that speaks SIP as well.
require "ipaddr"
require_relative "lib/tandem"
require_relative "lib/sip"

class StunTest < FlowTest
  def server
    @server ||= Tandem.new.tap { |t| t.set("sip", "listen", ["udp:*:#{t.port}", "udp:[::]:#{t.port}", "tcp:127.0.0.1:#{t.port}"]) }
  end

  COOKIE = "\x21\x12\xA4\x42".b

  def ask(socket, transaction = Random.bytes(12), attributes = "".b)
    socket.send([1, attributes.bytesize].pack("nn") + COOKIE + transaction + attributes, 0)
    return nil unless socket.wait_readable(PATIENCE)
    answer = socket.recv(2000)
    assert_equal COOKIE + transaction, answer.byteslice(4, 16)
    answer
  end

  def mapped(answer)
    assert_equal [0x0101, 0x0020], [answer.unpack1("n"), answer.unpack1("@20n")]
    family, port = answer.unpack("@25Cn")
    ip = answer.byteslice(28..).bytes.zip(answer.byteslice(4, 16).bytes).map { |a, b| a ^ b }
    [family, port ^ 0x2112, IPAddr.new_ntoh(ip.pack("C*")).to_s]
  end

  def socket(address)
    UDPSocket.new(address.include?(":") ? Socket::AF_INET6 : Socket::AF_INET).tap do |s|
      s.bind(address, 0)
      s.connect(address, server.port)
    end
  end

  def test_where_a_phone_comes_from
    server.start
    a, b = socket("127.0.0.1"), socket("::1")
    assert_equal [1, a.addr[1], "127.0.0.1"], mapped(ask(a))
    assert_equal [2, b.addr[1], "::1"], mapped(ask(b))
    refused = ask(a, Random.bytes(12), [3, 4, 6].pack("nnN")) # CHANGE-REQUEST must be understood, and is not
    assert_equal [0x0111, 420], [refused.unpack1("n"), refused.unpack("@26CC").then { |c, n| c * 100 + n }]
    a.send("\x01\x01".b + "\0".b * 18, 0) # an answer is not answered
    a.send([1, 4].pack("nn") + COOKIE + "x" * 12, 0) # shorter than it says
    assert_equal a.addr[1], mapped(ask(a))[1]
  end

  def test_a_phone_uses_its_sip_socket
    server.demo("alice").start
    alice = Phone.new("alice", server.port)
    alice.register
    assert_equal alice.port, mapped(ask(alice.socket))[1]
    assert_equal 200, alice.register.status
  end

  # Whoever asks too often is not heard, and SIP goes on.
  def test_a_flood
    server.demo("alice").start
    flood = socket("127.0.0.1")
    20_000.times { flood.send([1, 0].pack("nn") + COOKIE + "x" * 12, 0) rescue nil }
    Phone.new("alice", server.port).register
    eventually("it is heard again") { flood.recv_nonblock(2000, exception: false) until flood.wait_readable(0.2).nil?; ask(flood) }
  end
end
