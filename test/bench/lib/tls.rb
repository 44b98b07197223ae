# SPDX-License-Identifier: BSD-3-Clause
# Phones that stay connected over TLS, and the Tandem that they are connected to.
require "openssl"

require_relative "server"
require_relative "../../flow/lib/certificates"
require_relative "../../flow/lib/sip"

PATIENCE = 30 unless defined?(PATIENCE)

class TandemTls < Tandem
  attr_reader :tls_port

  def name = "tandem"

  # All phones have one address here.
  def prepare
    super
    @tls_port = free_port
    files = Signer.new(@dir).sign("bench", "DNS:bench.test").join(" ")
    File.write(conf, File.read(conf).sub("[auth]", <<~END))
      listen = tls:127.0.0.1:#{@tls_port}
      connections_per_ip_max = 1000000
      [tls]
      certificate = #{files}
      handshakes_per_ip = 0
      [auth]
    END
  end
end

class TlsPhones
  def initialize(server, count)
    Process.setrlimit(Process::RLIMIT_NOFILE, [count + 1000, Process.getrlimit(Process::RLIMIT_NOFILE)[1]].min)
    context = OpenSSL::SSL::SSLContext.new
    @phones = Array.new(count) do |i|
      Phone.new("u#{i}", server.tls_port, domain: "bench.test", tls: context).tap { |p| p.register(expires: 3600) }
    end
  end

  def count = @phones.size
  # All of them are still there.
  def ping = @phones.each { |p| p.send_text("\r\n\r\n") }.count { |p| p.readable?(PATIENCE) && p.socket.readpartial(10) == "\r\n" }
  def close = @phones.each(&:close)
end
